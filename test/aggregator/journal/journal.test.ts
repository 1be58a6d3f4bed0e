import { copyFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { BatchHeader, JournalFrame } from '../../../aggregator/journal/batch-frame.ts';
import type { JournalDamage } from '../../../aggregator/journal/journal-recovery.ts';
import { Journal } from '../../../aggregator/journal/journal.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

function header(sequence: number): BatchHeader {
  return { agent: 'a', epoch: 1, sequence, logStore: 'default', receivedMs: 0, windows: [{ start: 0, seconds: 60, enis: [['eni-1', 1]] }], seals: [] };
}

function bodyOf(frame: JournalFrame): Buffer {
  return readFileSync(frame.body.path).subarray(frame.body.offset, frame.body.offset + frame.body.length);
}

interface Reopened {
  readonly journal: Journal;
  readonly frames: JournalFrame[];
  readonly damage: JournalDamage[];
}

async function open(directory: string, segmentBytes?: number, firstFrame = 1, onSync?: (ms: number, frames: number) => void): Promise<Reopened> {
  const frames: JournalFrame[] = [];
  const damage: JournalDamage[] = [];
  const journal = await Journal.open({
    directory, onFrame: (frame) => void frames.push(frame), onDamage: (found) => void damage.push(found),
    ...(segmentBytes === undefined ? {} : { segmentBytes }), ...(onSync ? { onSync } : {}),
  }, firstFrame);
  return { journal, frames, damage };
}

test('what was appended is found again, in order, with its body', async (t) => {
  const directory = temporaryDirectory(t);
  const { journal } = await open(directory);
  const bodies = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(100_000, 7)];
  for (const [i, body] of bodies.entries()) await journal.append(header(i + 1), body);
  await journal.close();
  const { frames, damage } = await open(directory);
  t.deepEqual(frames.map(({ frame, sequence }) => [frame, sequence]), [[1, 1], [2, 2], [3, 3]]);
  t.deepEqual(frames.map((frame) => bodyOf(frame)), bodies);
  t.deepEqual(damage, []);
});

test('those that wait together share one fdatasync', async (t) => {
  const groups: number[] = [];
  const { journal } = await open(temporaryDirectory(t), undefined, 1, (_ms, frames) => void groups.push(frames));
  const frames = await Promise.all(Array.from({ length: 100 }, (_, i) => journal.append(header(i + 1), Buffer.from(`body ${i}`))));
  t.is(groups.reduce((a, b) => a + b, 0), 100);
  t.true(groups.length <= 2, `${groups.length} syncs for 100 appends`);
  t.is(bodyOf(frames[57]!).toString(), 'body 57');
  await journal.close();
});

test('a torn tail is cut at the last good frame, wherever it tore', async (t) => {
  const directory = temporaryDirectory(t);
  const { journal } = await open(directory);
  const first = await journal.append(header(1), Buffer.from('first'));
  const second = await journal.append(header(2), Buffer.from('second'));
  await journal.close();
  const name = readdirSync(directory)[0]!;
  const whole = readFileSync(join(directory, name));
  t.is(second.body.offset + second.body.length, whole.length);
  for (let length = 0; length < whole.length; length++) {
    const copy = join(directory, `at-${length}`);
    mkdirSync(copy);
    copyFileSync(join(directory, name), join(copy, name));
    truncateSync(join(copy, name), length);
    const { journal: reopened, frames, damage } = await open(copy);
    const expected = length < first.body.offset + first.body.length ? 0 : 1;
    if (frames.length !== expected) t.fail(`${frames.length} frames of a journal cut at ${length} of ${whole.length}`);
    t.true(damage.every(({ kind }) => kind === 'tail'));
    const next = await reopened.append(header(expected + 1), Buffer.from('next'));
    await reopened.close();
    const again = await open(copy);
    t.deepEqual(again.frames.map(({ sequence }) => sequence), [...(expected ? [1] : []), expected + 1]);
    t.true(next.frame > expected, 'no number comes twice');
    t.deepEqual(again.damage, []);
  }
});

test('damage inside is reported, and what follows it is kept', async (t) => {
  const directory = temporaryDirectory(t);
  const { journal } = await open(directory);
  const appended = [];
  for (let i = 1; i <= 3; i++) appended.push(await journal.append(header(i), Buffer.from(`body ${i}`)));
  await journal.close();
  const path = appended[1]!.body.path;
  const bytes = readFileSync(path);
  bytes[appended[1]!.body.offset]! ^= 1;
  writeFileSync(path, bytes);
  const { frames, damage } = await open(directory);
  t.deepEqual(frames.map(({ sequence }) => sequence), [1, 2, 3]);
  t.like(frames[1], { windows: [], seals: [{ eniId: 'eni-1', windowStart: 0, windowSeconds: 60, records: 1, droppedRecords: 1, gapPackets: null }] });
  t.deepEqual(damage.map(({ kind }) => kind), ['rows']);
  t.deepEqual((await open(directory)).damage, [], 'told once');
});

test('no bit flip goes unnoticed', async (t) => {
  const directory = temporaryDirectory(t);
  const { journal } = await open(directory);
  const { body } = await journal.append(header(1), Buffer.from('some body'));
  await journal.close();
  const good = readFileSync(body.path);
  for (let at = 16; at < good.length; at++) {
    const bytes = Buffer.from(good);
    bytes[at]! ^= 1 << (at % 8);
    writeFileSync(body.path, bytes);
    const { frames } = await open(directory);
    t.deepEqual(frames, [], `byte ${at}`);
    writeFileSync(body.path, good);
  }
});

test('a body that looks like a frame is not taken for one', async (t) => {
  const directory = temporaryDirectory(t);
  const { journal } = await open(directory);
  const { body } = await journal.append(header(1), Buffer.from('forged'));
  await journal.close();
  const frame = readFileSync(body.path).subarray(16);
  const other = temporaryDirectory(t);
  const { journal: victim } = await open(other);
  const carrier = await victim.append(header(5), frame);
  await victim.close();
  const bytes = readFileSync(carrier.body.path);
  bytes[20]! ^= 1; // damage the carrying frame, so that the next one is searched for
  writeFileSync(carrier.body.path, bytes);
  t.deepEqual((await open(other)).frames, []);
});

test('segments go when nothing in them is needed, and no frame number comes twice', async (t) => {
  const directory = temporaryDirectory(t);
  const { journal } = await open(directory, 1);
  for (let i = 1; i <= 3; i++) await journal.append(header(i), Buffer.from('x'));
  journal.release(1);
  journal.release(3);
  t.deepEqual(journal.removable.map((path) => journal.framesOf(path)), [[1]], 'the last one is still open');
  await journal.remove(journal.removable);
  await journal.close();
  const { frames, journal: reopened } = await open(directory, 1, 10);
  t.deepEqual(frames.map(({ frame }) => frame), [2, 3]);
  t.is((await reopened.append(header(4), Buffer.from('x'))).frame, 10);
  await reopened.close();
});
