/**
 * Weir beside the other programs that read a capture file, on the same files in turn: `npm run bench [-- --quick]`.
 *
 * Weir is the built program with 100 rules (10 and 10,000 in the SYN scan), verdicts and windows on, and prints JSON to
 * nowhere, with as many workers as it takes by itself and with one, or makes the batches of the collector and discards
 * them. Every round runs each program once, so that a machine that gets slower does so for all; medians and ratios to
 * tcpdump are shown. Wall is from start to exit. Memory is measured in one more run of each.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { measure, measureMemory, type Measured } from './measured-command.ts';
import { findPeers } from './peers.ts';
import { benchTopology } from './rule-set.ts';
import { TRACE_NAMES, trace, type Trace } from './traces.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COLUMNS = 'bench/replay-columnar.ts';
const RULES = 100;

interface Contestant {
  readonly name: string;
  readonly program: string;
  readonly parameters: (capture: string, folder: string) => string[];
}

function weir(folder: string, dist: string, rules: number): Contestant[] {
  const topology = join(folder, `${rules}-rules.yaml`);
  writeFileSync(topology, benchTopology(rules));
  const suffix = rules === RULES ? '' : `, ${rules} rules`;
  return [
    {
      name: `weir, JSON${suffix}`, program: process.execPath,
      parameters: (capture) => [join(dist, 'weir.js'), 'replay', capture, '-t', topology, '--json'],
    },
    {
      name: `weir, JSON${suffix}, one worker`, program: process.execPath,
      parameters: (capture) => [join(dist, 'weir.js'), 'replay', capture, '-t', topology, '--json', '--workers', '1'],
    },
    {
      name: `weir, columns${suffix}`, program: process.execPath,
      parameters: (capture) => [join(folder, 'columns', COLUMNS.replace(/ts$/, 'js')), capture, topology],
    },
  ];
}

async function compare(of: Trace, contestants: readonly Contestant[], rounds: number): Promise<void> {
  const results = new Map<string, Measured[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, program, parameters } of contestants) {
      results.get(name)!.push(await inFolder((folder) => measure(program, parameters(of.path, folder), folder)));
    }
  }
  const peaks = new Map<string, number>();
  for (const { name, program, parameters } of contestants) {
    peaks.set(name, await inFolder((folder) => measureMemory(program, parameters(of.path, folder), folder)));
  }
  print(of, results, peaks);
}

/** With a folder that is taken away afterwards. */
async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function print(of: Trace, results: ReadonlyMap<string, readonly Measured[]>, peaks: ReadonlyMap<string, number>): void {
  const wallOf = (name: string): number => median((results.get(name) ?? []).map((one) => one.wallSeconds));
  const yardstick = wallOf('tcpdump');
  process.stdout.write(`\n${of.name}, ${of.packets / 1e6} million packets\n\n`);
  process.stdout.write('| program | wall s | x tcpdump | user s | system s | Mpps | peak MB |\n|---|---|---|---|---|---|---|\n');
  for (const [name, all] of results) {
    const of1 = (pick: (one: Measured) => number): number => median(all.map(pick));
    const wall = wallOf(name);
    const figures = [
      wall.toFixed(2), Number.isNaN(yardstick) ? '-' : (wall / yardstick).toFixed(2), of1((one) => one.userSeconds).toFixed(2),
      of1((one) => one.systemSeconds).toFixed(2), (of.packets / wall / 1e6).toFixed(2), (peaks.get(name)! / 1e6).toFixed(0),
    ];
    process.stdout.write(`| ${name} | ${figures.join(' | ')} |\n`);
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length === 0 ? Number.NaN : sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

async function main(): Promise<void> {
  const given = await yargs(hideBin(process.argv))
    .usage('npm run bench -- [options]')
    .options({
      quick: { type: 'boolean', default: false, describe: '1 million packets instead of 10' },
      rounds: { type: 'number', default: 5 },
      trace: { type: 'array', string: true, choices: TRACE_NAMES, default: TRACE_NAMES, describe: 'which traces' },
      peers: { type: 'boolean', default: true, describe: '--no-peers: tcpdump and Weir only' },
    })
    .strict()
    .parseAsync();
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const dist = join(folder, 'dist');
  try {
    mkdirSync(dist);
    const build = join(ROOT, 'scripts/program.mjs');
    execFileSync(process.execPath, [build, dist], { stdio: 'inherit' });
    execFileSync(process.execPath, [build, join(folder, 'columns'), COLUMNS], { stdio: 'inherit' });
    writeFileSync(join(dist, 'package.json'), readFileSync(join(ROOT, 'package.json')));
    execFileSync('ln', ['-s', join(ROOT, 'node_modules'), join(folder, 'node_modules')]);
    const { found, absent } = findPeers();
    const peers = given.peers ? found : found.filter(({ name }) => name === 'tcpdump');
    const versions = peers.map(({ name, version }) => `${name} ${version}`).join(', ');
    process.stdout.write(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]!.model} x ${availableParallelism()}, Linux ${release()}, Node ${process.versions.node}; ${versions}; ${given.rounds} rounds, medians\n`);
    for (const name of absent) process.stdout.write(`${name} is not installed and is left out\n`);
    for (const name of given.trace) {
      const own = name === 'SYN scan' ? [...weir(folder, dist, 10), ...weir(folder, dist, 10_000)] : weir(folder, dist, RULES);
      await compare(trace(name, given.quick), [...peers, ...own], given.rounds);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main();
