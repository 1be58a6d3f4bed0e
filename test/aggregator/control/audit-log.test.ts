import { appendFileSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AuditLog } from '../../../aggregator/control/audit-log.ts';
import { temporaryDirectory } from '../collector-fixture.ts';
import { ACTOR } from './control-fixture.ts';

const CHANGE = { kind: 'eni', id: 'eni-1', before: null, after: { 'eni-id': 'eni-1' } };

async function openLog(t: ExecutionContext, directory: string): Promise<AuditLog> {
  const log = await AuditLog.open(directory);
  t.teardown(() => log.close());
  return log;
}

test('entries are numbered without gaps, over restarts, and read newest first in pages', async (t) => {
  const directory = temporaryDirectory(t);
  let log = await openLog(t, directory);
  await Promise.all([1, 2, 3].map((change) => log.append(ACTOR, `action ${change}`, [CHANGE], change)));
  log = await openLog(t, directory);
  t.is(log.lastChange, 3);
  await log.append(ACTOR, 'token.create', [], null);
  t.is(log.lastChange, 3);
  const { entries, isMore } = log.read(Infinity, 3);
  t.deepEqual([entries.map(({ number, action }) => [number, action]), isMore], [[[4, 'token.create'], [3, 'action 3'], [2, 'action 2']], true]);
  t.like(entries[1], { actor: ACTOR, changes: [CHANGE], change: 3 });
  t.deepEqual(log.read(2, 3), { entries: log.read(Infinity, 100).entries.slice(3), isMore: false });
});

test('a line cut off by a crash is gone, and a damaged one hides no others', async (t) => {
  const directory = temporaryDirectory(t);
  let log = await openLog(t, directory);
  await log.append(ACTOR, 'first', [], 1);
  await log.append(ACTOR, 'second', [], 2);
  const path = join(directory, readdirSync(directory)[0]!);
  writeFileSync(path, readFileSync(path, 'utf8').replace('"first"', '"fir'));
  appendFileSync(path, '{"number":3,"action":"thi');
  log = await openLog(t, directory);
  await log.append(ACTOR, 'third', [], 3);
  t.deepEqual(log.read(Infinity, 9).entries.map(({ number, action }) => [number, action]), [[3, 'third'], [2, 'second']]);
});

test('a change that did not come to be is undone once: now, or where the disk refuses with the next entry', async (t) => {
  const directory = temporaryDirectory(t);
  let log = await openLog(t, directory);
  await log.append(ACTOR, 'a', [], 1);
  await log.undo('because');
  await log.undo('twice');
  await log.append(ACTOR, 'b', [], 1);
  t.deepEqual(log.read(Infinity, 9).entries.map(({ number, action, undoes, remark }) => [number, action, undoes, remark]), [
    [3, 'b', undefined, undefined], [2, 'undone', 1, 'entry 1: because'], [1, 'a', undefined, undefined],
  ]);
  t.is(log.lastChange, 1);
  log = await openLog(t, directory);
  t.is(log.lastChange, 1);
  await log.undo('after a restart');
  log = await openLog(t, directory);
  t.is(log.lastChange, 0);
});

test('what is still to be undone comes before the next entry, from a disk that refused', async (t) => {
  const directory = temporaryDirectory(t);
  const log = await openLog(t, directory);
  const padding = 'x'.repeat(200_000);
  // so that the next line needs a new file
  for (let i = 1; i <= 21; i++) await log.append(ACTOR, 'a', [{ ...CHANGE, after: { padding } }], i);
  const next = join(directory, 'audit-0000000022.ndjson');
  symlinkSync('/dev/full', next);
  await log.undo('no room');
  await t.throwsAsync(log.append(ACTOR, 'b', [], 21), { code: 'STORAGE', message: /audit log in .* could not be written, so nothing was changed/ });
  rmSync(next);
  await log.append(ACTOR, 'c', [], 21);
  t.deepEqual(log.read(Infinity, 3).entries.map(({ number, action }) => [number, action]), [[23, 'c'], [22, 'undone'], [21, 'a']]);
});

test('files end at 4 MiB; a page ends before it is too much for one answer', async (t) => {
  const directory = temporaryDirectory(t);
  let log = await openLog(t, directory);
  for (let i = 1; i <= 45; i++) await log.append(ACTOR, 'a', [{ ...CHANGE, after: { padding: 'x'.repeat(200_000) } }], i);
  t.deepEqual(readdirSync(directory), ['audit-0000000001.ndjson', 'audit-0000000022.ndjson', 'audit-0000000043.ndjson']);
  const seen: number[] = [];
  for (let before = Infinity; ;) {
    const { entries, isMore } = log.read(before, 1000);
    t.true(entries.length <= 22);
    seen.push(...entries.map(({ number }) => number));
    if (!isMore) break;
    before = entries.at(-1)!.number;
  }
  t.deepEqual(seen, Array.from({ length: 45 }, (_, i) => 45 - i));
  log = await openLog(t, directory);
  t.is(log.lastChange, 45);
  // the newest file holds nothing but what a crash cut off
  writeFileSync(join(directory, 'audit-0000000046.ndjson'), '{"numb');
  log = await openLog(t, directory);
  t.is(log.lastChange, 45);
  await log.append(ACTOR, 'b', [], 46);
  t.is(log.read(Infinity, 1).entries[0]!.number, 46);
});

test('beyond its size the oldest files go, each as a whole, and the newest never', async (t) => {
  const directory = temporaryDirectory(t);
  const open = async (maxBytes: number): Promise<AuditLog> => {
    const log = await AuditLog.open(directory, maxBytes);
    t.teardown(() => log.close());
    return log;
  };
  let log = await open(9_000_000);
  const padding = { ...CHANGE, after: { padding: 'x'.repeat(200_000) } };
  for (let i = 1; i <= 70; i++) await log.append(ACTOR, 'a', [padding], i);
  t.deepEqual(readdirSync(directory), ['audit-0000000022.ndjson', 'audit-0000000043.ndjson', 'audit-0000000064.ndjson']);
  t.is(log.read(Infinity, 5).entries[0]!.number, 70);
  const { entries, isMore } = log.read(24, 9);
  t.deepEqual([entries.map(({ number }) => number), isMore], [[23, 22], false]);
  log = await open(1);
  t.deepEqual(readdirSync(directory), ['audit-0000000064.ndjson'], 'however small');
  t.is(log.lastChange, 70);
  await log.append(ACTOR, 'b', [], 71);
  t.is(log.read(Infinity, 1).entries[0]!.number, 71);
});

test('a file that the disk does not let go keeps no entry from being written', async (t) => {
  const directory = temporaryDirectory(t);
  await (await openLog(t, directory)).append(ACTOR, 'a', [], 1);
  mkdirSync(join(directory, 'audit-0000000000.ndjson'));
  const log = await AuditLog.open(directory, 1);
  t.teardown(() => log.close());
  await log.append(ACTOR, 'a', [], 2);
  t.is(log.lastChange, 2);
});

test('a change of very much is told by sizes', async (t) => {
  const log = await openLog(t, temporaryDirectory(t));
  await log.append(ACTOR, 'a', Array.from({ length: 3000 }, (_, i) => ({ ...CHANGE, id: `eni-${i}`, after: { padding: 'x'.repeat(100) } })), 1);
  const [entry] = log.read(Infinity, 1).entries;
  t.deepEqual([entry!.changes.length, entry!.changes[0], entry!.remark], [1000, { kind: 'eni', id: 'eni-0', before: null, after: { bytes: 114 } }, 'and 2000 more']);
});

test('a directory that is there and cannot be written to is told', async (t) => {
  const directory = temporaryDirectory(t);
  const log = await openLog(t, directory);
  renameSync(directory, `${directory}-moved`);
  t.teardown(() => rmSync(`${directory}-moved`, { recursive: true }));
  await t.throwsAsync(log.append(ACTOR, 'a', [], 1), { code: 'STORAGE' });
});
