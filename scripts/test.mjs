/**
 * `npm test`: everything that must hold, from a fresh clone, in one go: installs what is missing, then types, lint and
 * the tests. The last line is `N passed, N failed`.
 *
 *   npm test [-- FILE...]     the named test files instead of all
 *   npm run test:long         the long tests of test/long, one after the other
 *
 * With CI set, a skipped or singled out test and a rewritten golden file are failures too.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildConsole } from './console.mjs';
import { ROOT, installWhatIsMissing } from './install.mjs';

const IS_CI = !['', '0', 'false'].includes(process.env.CI ?? '');
const LONG_TEST_LIMIT_MINUTES = 60;

const tally = { passed: 0, failed: 0 };

function count(name, isGood, detail = '') {
  tally[isGood ? 'passed' : 'failed']++;
  console.log(`${isGood ? 'ok' : 'not ok'} - ${name}${detail && `: ${detail}`}`);
}

function runProgram(name, args) {
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  count(name, status === 0);
}

function filesBelow(folder, pattern) {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true })
    .map((name) => join(folder, name))
    .filter((name) => pattern.test(name) && statSync(join(ROOT, name)).isFile())
    .sort();
}

/** What a test may compare with and could have rewritten. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const name of ['test', 'samples', 'docs'].flatMap((folder) => filesBelow(folder, /./))) {
    hash.update(`${name}\n`).update(readFileSync(join(ROOT, name)));
  }
  return hash.digest('hex');
}

/** ava's TAP goes through as it is; the result lines are counted. */
async function runAva(files) {
  const concurrency = String(Math.max(2, Math.min(4, availableParallelism())));
  const ava = join(ROOT, 'node_modules/ava/entrypoints/cli.mjs');
  const child = spawn(process.execPath, [ava, '--tap', '--concurrency', concurrency, ...files], {
    cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, FORCE_COLOR: '0' },
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let failures = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    const isSetAside = / # (SKIP|TODO)\b/i.test(line);
    if (isSetAside) {
      if (IS_CI) count('nothing is skipped in CI', false, line);
    } else if (line.startsWith('ok ')) {
      tally.passed++;
    } else if (line.startsWith('not ok ')) {
      tally.failed++;
      failures++;
    }
  }
  const status = await ended;
  if (status !== 0 && failures === 0) count('ava', false, `ended with ${status}`);
}

function checkNothingIsSetAside() {
  const setAside = /\b(?:test|it)(?:\.\w+)*\.(?:only|skip|todo|failing)\b/;
  const found = filesBelow('test', /\.ts$/).filter((name) => setAside.test(readFileSync(join(ROOT, name), 'utf8')));
  count('no test is skipped or singled out', found.length === 0, found.join(', '));
}

async function runTests(files) {
  runProgram('types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']);
  runProgram('types of the console', ['node_modules/typescript/bin/tsc', '-p', 'aggregator/console/tsconfig.json']);
  runProgram('lint', ['node_modules/oxlint/bin/oxlint', '--deny-warnings']);
  await buildConsole().then(() => count('the console is built, and its first view is small', true), (error) => count('the console is built, and its first view is small', false, error.message));
  if (!IS_CI) return runAva(files);
  checkNothingIsSetAside();
  const before = fingerprint();
  await runAva(files);
  const isUntouched = fingerprint() === before;
  count('the tests have rewritten nothing', isUntouched, isUntouched ? '' : 'git status test samples docs shows what');
}

/** A line `Limit: 20 min` in the file's first comment sets its own limit. */
function runLongTest(name) {
  const stated = /Limit: (\d+) min/.exec(readFileSync(join(ROOT, name), 'utf8').slice(0, 2000));
  const minutes = stated ? Number(stated[1]) : LONG_TEST_LIMIT_MINUTES;
  const started = Date.now();
  console.log(`# ${name}, at most ${minutes} min`);
  const { status, signal } = spawnSync(process.execPath, ['--import', 'tsx', name], {
    cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], timeout: minutes * 60_000, killSignal: 'SIGKILL',
  });
  count(name, status === 0, `${signal ?? `exit ${status}`} after ${Math.round((Date.now() - started) / 1000)} s`);
}

installWhatIsMissing();
const words = process.argv.slice(2);
const named = words.filter((word) => word !== '--long');
if (words.includes('--long')) {
  for (const name of named.length > 0 ? named : filesBelow('test/long', /\.ts$/)) runLongTest(name);
} else {
  await runTests(named);
}
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exitCode = tally.failed === 0 && tally.passed > 0 ? 0 : 1;
