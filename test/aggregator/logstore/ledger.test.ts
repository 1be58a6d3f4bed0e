import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { NO_COUNTS } from '../../../aggregator/logstore/committed-catalog.ts';
import type { LedgerDoubt } from '../../../aggregator/logstore/ledger-files.ts';
import { Ledger } from '../../../aggregator/logstore/ledger.ts';
import type { PublishRecord, StoreWindow } from '../../../aggregator/logstore/ledger-record.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

async function open(t: ExecutionContext, directory: string, compactBytes?: number): Promise<Ledger> {
  const ledger = await Ledger.open(directory, compactBytes);
  t.teardown(() => ledger.close());
  return ledger;
}

function published(commit: number, frames: number[], start = 600): PublishRecord {
  const window = { start, seconds: 600 };
  const store: StoreWindow = { ...window, logStore: 'default', path: `file-${commit}`, rows: commit, bytes: 10, counts: { ...NO_COUNTS, complete: 1 } };
  return { type: 'publish', commit, windows: [{ ...window, frames, statePath: `state-${commit}` }], stores: [store] };
}

function facts(ledger: Ledger): unknown {
  const { commit, lastFrame, agentPositions } = ledger.state;
  return { commit, lastFrame, positions: [...agentPositions], files: [...ledger.state.files()].sort() };
}

test('a later publication of a window takes the place of the earlier', async (t) => {
  const directory = temporaryDirectory(t);
  const ledger = await open(t, directory);
  await ledger.append(published(1, [1, 2]));
  await ledger.append(published(2, [3]));
  await ledger.append(published(3, [2], 1200));
  await ledger.close();
  const { state } = await open(t, directory);
  t.deepEqual([...state.files()].sort(), ['file-2', 'file-3', 'state-2', 'state-3']);
  t.true(state.isPublished(1, { start: 600, seconds: 600 }));
  t.true(state.isPublished(3, { start: 600, seconds: 600 }));
  t.false(state.isPublished(3, { start: 1200, seconds: 600 }));
});

test('frames of deleted segments count as published until the next are deleted', async (t) => {
  const directory = temporaryDirectory(t);
  const ledger = await open(t, directory);
  await ledger.append(published(1, [1, 2]));
  await ledger.append({ type: 'release', positions: [['a', 5, 2]], frames: [1, 2], lastFrame: 2 });
  await ledger.close();
  // the first start writes a snapshot, which the second reads
  const compacted = await open(t, directory);
  t.true(compacted.state.isPublished(2, { start: 600, seconds: 600 }));
  await compacted.close();
  const reopened = await open(t, directory);
  t.true(reopened.state.isPublished(2, { start: 600, seconds: 600 }));
  await reopened.append({ type: 'release', positions: [['a', 5, 3], ['b', 1, 1]], frames: [3], lastFrame: 3 });
  t.false(reopened.state.isPublished(2, { start: 600, seconds: 600 }));
  t.deepEqual([...reopened.state.agentPositions], [['a', 5, 3], ['b', 1, 1]]);
  t.is(reopened.state.lastFrame, 3);
});

test('compaction changes nothing but the size', async (t) => {
  const directory = temporaryDirectory(t);
  const ledger = await open(t, directory, 2000);
  const sizes: number[] = [];
  for (let commit = 1; commit <= 60; commit++) {
    await ledger.append(published(commit, [commit], 600 * (commit % 3)));
    sizes.push(readdirSync(directory).reduce((sum, name) => sum + readFileSync(join(directory, name)).length, 0));
  }
  t.true(Math.max(...sizes) < 10_000, `${Math.max(...sizes)} bytes`);
  const before = facts(ledger);
  await ledger.close();
  const reopened = await open(t, directory);
  t.deepEqual(facts(reopened), before);
  t.is(readdirSync(directory).length, 2, 'the one before stays');
});

test('cut anywhere: the state is that of the records before', async (t) => {
  const directory = temporaryDirectory(t);
  const ledger = await open(t, directory);
  const name = readdirSync(directory)[0]!;
  const lengths = [readFileSync(join(directory, name)).length];
  for (let commit = 1; commit <= 3; commit++) {
    await ledger.append(published(commit, [commit]));
    lengths.push(readFileSync(join(directory, name)).length);
  }
  await ledger.close();
  const whole = readFileSync(join(directory, name));
  for (let length = lengths[0]!; length <= whole.length; length += 3) {
    const copy = temporaryDirectory(t);
    writeFileSync(join(copy, name), whole.subarray(0, length));
    const { state } = await open(t, copy);
    t.is(state.commit, lengths.filter((end) => end <= length).length - 1, `cut at ${length}`);
  }
});

test('a compaction that was cut off leaves the old ledger in force', async (t) => {
  const directory = temporaryDirectory(t);
  const ledger = await open(t, directory);
  await ledger.append(published(1, [1]));
  await ledger.close();
  const name = readdirSync(directory)[0]!;
  writeFileSync(join(directory, 'ledger-0000000002.log'), readFileSync(join(directory, name)).subarray(0, 40));
  writeFileSync(join(directory, 'ledger-0000000003.log.new'), 'unfinished');
  const reopened = await open(t, directory);
  t.is(reopened.state.commit, 1);
  t.is(readdirSync(directory).length, 2, 'the one before stays');
});

/** What a ledger with one bit turned over, or cut off, comes to; and what it leaves open. */
async function damaged(t: ExecutionContext, files: ReadonlyMap<string, Buffer>): Promise<{ ledger: Ledger; doubt: LedgerDoubt; setAside: string[] }> {
  const copy = temporaryDirectory(t);
  for (const [name, bytes] of files) writeFileSync(join(copy, name), bytes);
  let doubt: LedgerDoubt | null = null;
  const setAside: string[] = [];
  const ledger = await Ledger.open(copy, undefined, { complete: async (_state, found) => void (doubt = found), setAside: (path) => void setAside.push(path) });
  t.teardown(() => ledger.close());
  return { ledger, doubt: doubt!, setAside };
}

test('a snapshot that is damaged: the file before says all that it said', async (t) => {
  const directory = temporaryDirectory(t);
  let ledger = await open(t, directory);
  await ledger.append(published(1, [1]));
  await ledger.append({ type: 'release', positions: [['a', 5, 2]], frames: [7], lastFrame: 9 });
  await ledger.close();
  ledger = await open(t, directory);
  const before = facts(ledger);
  await ledger.close();
  const files = new Map(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]));
  const newest = [...files.keys()].sort().at(-1)!;
  const bytes = Buffer.from(files.get(newest)!);
  bytes[bytes.indexOf('"snapshot"')]! ^= 1;
  const after = await damaged(t, new Map(files).set(newest, bytes));
  t.deepEqual(facts(after.ledger), before);
  t.is(after.doubt.commit, 1);
});

test('whatever byte is damaged: it starts, knows all records but the damaged one, and says since when it may lack one', async (t) => {
  const directory = temporaryDirectory(t);
  const ledger = await open(t, directory);
  for (let commit = 1; commit <= 4; commit++) await ledger.append(published(commit, [commit], 600 * commit));
  await ledger.close();
  const name = readdirSync(directory)[0]!;
  const whole = readFileSync(join(directory, name));
  for (let at = 0; at < whole.length; at += 13) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 1 << (at % 8);
    const { ledger: { state }, doubt, setAside } = await damaged(t, new Map([[name, bytes]]));
    const lost = [1, 2, 3, 4].filter((commit) => !state.isPublished(commit, { start: 600 * commit, seconds: 600 }));
    t.true(lost.length <= 1, `byte ${at}: ${lost.join(' ')}`);
    t.true(lost.every((commit) => doubt.commit < commit), `byte ${at}: ${lost.join(' ')} after ${doubt.commit}`);
    // with the file's first 16 bytes nothing is lost
    t.is(doubt.damaged.length, at < 16 ? 0 : 1, `byte ${at}`);
    t.deepEqual(setAside.length, doubt.damaged.filter(({ isTail }) => !isTail).length);
  }
});

const AT_MS = Date.parse('2026-01-31T12:00:00Z');

function ingested(commit: number, start: number, rows: number): PublishRecord {
  return { ...published(commit, [commit], start), atMs: AT_MS + commit * 24 * 3600 * 1000, ingested: [{ logStore: 'default', rows, bytes: rows * 100 }] };
}

test('what expires is gone, counts to no bytes, and is not taken in again; over restarts and compactions', async (t) => {
  const directory = temporaryDirectory(t);
  const ledger = await open(t, directory);
  for (let commit = 1; commit <= 3; commit++) await ledger.append(ingested(commit, 600 * commit, commit));
  const gone = { start: 600, seconds: 600 };
  await ledger.append({ type: 'expire', atMs: AT_MS, stores: [{ logStore: 'default', windows: [gone] }], states: [gone] });
  const kept = ({ state }: Ledger): unknown => {
    const { bytes, keptFrom, windows } = state.stores.get('default')!;
    const published = [1, 2, 3].map((frame) => state.isPublished(frame, { start: 600 * frame, seconds: 600 }));
    return { files: [...state.files()].sort(), bytes, keptFrom, windows: [...windows.keys()], published, usage: state.usage.entries() };
  };
  const before = kept(ledger);
  t.like(before, { files: ['file-2', 'file-3', 'state-2', 'state-3'], bytes: 20, keptFrom: 1200, windows: ['1200+600', '1800+600'], published: [true, true, true] });
  await ledger.close();
  // the first start reads the records, and writes the snapshot that the second one reads
  for (let start = 0; start < 2; start++) {
    const again = await open(t, directory);
    t.deepEqual(kept(again), before);
    await again.close();
  }
});

test('a dropped LogStore leaves its usage and nothing else', async (t) => {
  const directory = temporaryDirectory(t);
  const ledger = await open(t, directory);
  await ledger.append(ingested(1, 600, 5));
  await ledger.append({ type: 'drop', atMs: AT_MS, logStore: 'default' });
  await ledger.append(ingested(2, 600, 7));
  await ledger.close();
  const { state } = await open(t, directory);
  t.deepEqual([...state.files()].sort(), ['file-2', 'state-2']);
  t.deepEqual(state.usage.days('default', '2026-01-01', '2026-02-04').map(({ day, rows, ingestedBytes, storedBytes }) => [day, rows, ingestedBytes, storedBytes]), [
    ['2026-01-31', 0, 0, 0], ['2026-02-01', 5, 500, 10], ['2026-02-02', 7, 700, 10], ['2026-02-03', 0, 0, 10], ['2026-02-04', 0, 0, 10],
  ]);
  t.deepEqual(state.usage.days('default', '2026-02-02', '2026-02-02').map(({ rows }) => rows), [7]);
  t.deepEqual(state.usage.days('default', '2025-01-01', '2026-01-30'), []);
  t.deepEqual(state.usage.days('nowhere', '2025-01-01', '2026-01-30'), []);
});

test('a ledger of the time before usage is read', async (t) => {
  const directory = temporaryDirectory(t);
  const ledger = await open(t, directory);
  const { keptFrom: _keptFrom, usage: _usage, ...old } = ledger.state.snapshot();
  await ledger.append({ ...old, stores: published(1, [1]).stores });
  await ledger.append(published(2, [2], 1200));
  t.deepEqual([ledger.state.stores.get('default')!.bytes, ledger.state.usage.entries()], [20, []]);
});
