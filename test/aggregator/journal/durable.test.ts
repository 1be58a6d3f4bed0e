import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeDirectory, replaceFile } from '../../../aggregator/journal/durable.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

test('a folder is made with its parents, for the owner alone, however often', async (t) => {
  const path = join(temporaryDirectory(t), 'a', 'b', 'c');
  await Promise.all([makeDirectory(path), makeDirectory(path)]);
  await makeDirectory(path);
  t.is(statSync(path).mode & 0o777, 0o700);
});

test('where no folder can be, there is an error and an end', async (t) => {
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, '');
  await t.throwsAsync(makeDirectory(file), { code: 'EEXIST' });
  await t.throwsAsync(makeDirectory(join(file, 'x')), { code: 'ENOTDIR' });
  if (existsSync('/proc/self')) await t.throwsAsync(makeDirectory('/proc/nothing/here'), { code: 'ENOENT' });
});

test('a file is replaced, or stays and nothing is left beside it', async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, 'file');
  await replaceFile(path, 'old');
  await replaceFile(path, 'new');
  t.is(readFileSync(path, 'utf8'), 'new');
  mkdirSync(join(directory, 'folder'));
  await t.throwsAsync(replaceFile(join(directory, 'folder'), 'x'), { code: 'EISDIR' });
  t.deepEqual(readdirSync(directory), ['file', 'folder']);
});
