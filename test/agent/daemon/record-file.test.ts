import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { RecordFile } from '../../../agent/daemon/record-file.ts';
import { temporaryDirectory } from '../../aggregator/collector-fixture.ts';

const HEADER = 'a,b\n';

function lab(t: Parameters<typeof temporaryDirectory>[0], options: Partial<ConstructorParameters<typeof RecordFile>[0]> = {}) {
  const folder = temporaryDirectory(t);
  const path = join(folder, 'records.csv');
  const clock = { ms: Date.parse('2026-03-01T10:00:00Z') };
  const warnings: string[] = [];
  const open = (): RecordFile => new RecordFile({
    path, header: HEADER, rotateBytes: 100, rotatesDaily: false, keepFiles: 3, warn: (text) => warnings.push(text), now: () => clock.ms++, ...options,
  });
  const contents = (): string[] => readdirSync(folder).sort().map((name) => readFileSync(join(folder, name), 'utf8'));
  return { folder, path, clock, warnings, open, contents };
}

test('records are appended, also after a restart; the header stands at the top only', (t) => {
  const { open, contents } = lab(t);
  for (const line of ['1,2\n', '3,4\n']) {
    const file = open();
    file.write(line);
    file.close();
  }
  t.deepEqual(contents(), [`${HEADER}1,2\n3,4\n`]);
});

test('a file that is large enough is followed by the next, and the oldest go', (t) => {
  const { open, contents, folder } = lab(t);
  const file = open();
  for (let line = 0; line < 10; line++) file.write(`${line},${'x'.repeat(110)}\n`);
  file.close();
  t.is(contents().length, 4, readdirSync(folder).join(' '));
  t.true(contents().every((text) => text.startsWith(HEADER)));
  t.deepEqual(contents().map((text) => text.split('\n')[1]!.slice(0, 2)), ['9,', '6,', '7,', '8,']);
});

test('a new day begins a new file', (t) => {
  const { open, contents, clock } = lab(t, { rotatesDaily: true, rotateBytes: 1e9 });
  const file = open();
  file.write('1,2\n');
  clock.ms = Date.parse('2026-03-01T23:59:59Z');
  file.write('3,4\n');
  clock.ms = Date.parse('2026-03-02T00:00:00Z');
  file.write('5,6\n');
  file.close();
  t.deepEqual(contents(), [`${HEADER}5,6\n`, `${HEADER}1,2\n3,4\n`]);
});

test('after reopen the file goes on under its name, wherever the old one went', (t) => {
  const { open, path, contents } = lab(t);
  const file = open();
  file.write('1,2\n');
  renameSync(path, `${path}.1`);
  file.write('3,4\n');
  file.reopen();
  file.write('5,6\n');
  file.close();
  t.deepEqual(contents(), [`${HEADER}5,6\n`, `${HEADER}1,2\n3,4\n`]);
});

test('a path that cannot be written is a fault of the configuration', (t) => {
  t.throws(() => lab(t, { path: '/proc/none/records' }).open(), { code: 'CONFIGURATION', message: /\/proc\/none\/records/ });
});

test('a full disk loses records, says so once, and does not throw', (t) => {
  const { open, warnings } = lab(t, { path: '/dev/full' });
  const file = open();
  file.write('1,2\n');
  file.write('3,4\n');
  t.is(file.lostCharacters, 8);
  t.is(warnings.length, 1);
  t.regex(warnings[0]!, /ENOSPC/);
});
