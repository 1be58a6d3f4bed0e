/**
 * Puts one bug after the other into a copy of the sources and runs the test that has to see it. Limit: 60 min
 *
 *     npx tsx test/long/seeded-bugs.ts [part of a bug's name]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SEEDED_BUGS, type SeededBug } from '../faults/seeded-bugs.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COPIED = ['agent', 'aggregator', 'bench', 'samples', 'scripts', 'shared', 'test', 'command-line.ts', 'commands.ts', 'log.ts', 'stderr-log.ts', 'weir.ts', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
const SEED = '1';
const AT_ONCE = 2;
const LIMIT_MS = 600_000;

type Outcome = 'passed' | 'failed' | 'did not run';

interface Result {
  readonly bug: SeededBug;
  readonly outcome: Outcome;
  readonly seconds: number;
}

/** Sources of their own, in which a bug can stand. */
class Copy {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-bugs-'));

  constructor() {
    mkdirSync(this.folder, { recursive: true });
    for (const name of COPIED) cpSync(join(ROOT, name), join(this.folder, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'));
  }

  async withBug({ file, find, replace, test, title }: SeededBug): Promise<Outcome> {
    const path = join(this.folder, file);
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, before.replace(find, () => replace));
    try {
      return await this.run(test, title);
    } finally {
      writeFileSync(path, before);
    }
  }

  /** `failed`: the test itself says so, not a file that cannot be read. */
  async run(test: string, title: string): Promise<Outcome> {
    const child = spawn(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', '--tap', '--match', title, test], {
      cwd: this.folder, stdio: ['ignore', 'pipe', 'inherit'], timeout: LIMIT_MS, env: { ...process.env, FORCE_COLOR: '0', WEIR_TEST_SEED: SEED },
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [code] = (await once(child, 'close')) as [number | null];
    const pattern = new RegExp(`^(not )?ok \\d+ - ${title.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`, 'gm');
    const lines = [...output.matchAll(pattern)];
    if (lines.some(([, not]) => not)) return 'failed';
    return lines.length > 0 && code === 0 ? 'passed' : 'did not run';
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Throws where a bug's text is not what the sources say any more. */
function checkTexts(bugs: readonly SeededBug[]): void {
  const wrong = bugs.flatMap(({ name, file, find }) => {
    const times = readFileSync(join(ROOT, file), 'utf8').split(find).length - 1;
    return times === 1 ? [] : [`${name}: ${file} has ${times} times, not once:\n    ${find.replaceAll('\n', '\n    ')}`];
  });
  if (wrong.length > 0) throw new Error(`the sources have changed; mend test/faults/seeded-bugs.ts\n${wrong.join('\n')}`);
}

async function inParallel<T>(things: readonly T[], work: (thing: T, copy: Copy) => Promise<void>): Promise<void> {
  const left = [...things];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    const copy = new Copy();
    try {
      for (let thing = left.shift(); thing !== undefined; thing = left.shift()) await work(thing, copy);
    } finally {
      copy.remove();
    }
  }));
}

const bugs = SEEDED_BUGS.filter(({ name }) => name.includes(process.argv[2] ?? ''));
checkTexts(bugs);
const tests = new Map(bugs.map((bug) => [`${bug.test} ${bug.title}`, bug]));
await inParallel([...tests.values()], async ({ test, title }, copy) => {
  const outcome = await copy.run(test, title);
  if (outcome !== 'passed') throw new Error(`without any bug: ${test}, ${title}: ${outcome}`);
});
const results: Result[] = [];
await inParallel(bugs, async (bug, copy) => {
  const startedMs = performance.now();
  const outcome = await copy.withBug(bug);
  results.push({ bug, outcome, seconds: Math.round((performance.now() - startedMs) / 1000) });
  console.log(`${outcome === 'failed' ? 'caught' : outcome === 'passed' ? 'SURVIVED' : 'DID NOT RUN'}: ${bug.name}, by ${bug.test}, ${bug.title} (${results.at(-1)!.seconds} s)`);
});
const caught = results.filter(({ outcome }) => outcome === 'failed').length;
console.log(`${caught} of ${bugs.length} caught`);
process.exitCode = caught === bugs.length ? 0 : 1;
