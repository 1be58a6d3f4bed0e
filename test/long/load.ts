/**
 * Load: so many minutes at a rate from 50 agents, first alone, then with 8 hostile queries in a loop: memory of the
 * collector, times of acknowledgements, rows stored. Then the highest rate that it holds. Limit: 75 min
 *
 *     npx tsx test/long/load.ts [minutes with queries] [rows a second] [agents] [minutes without queries] [minutes at full speed]
 *
 * The agents run on the same machine, in a process of their own, and take their part of it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const [minutes = 30, rowsPerSecond = 50_000, agents = 50, minutesAlone = 5, minutesFull = 2] = process.argv.slice(2).map(Number);
const PROGRAM = fileURLToPath(new URL('../../weir.ts', import.meta.url));
const AGENTS = fileURLToPath(new URL('../load/load-agents.ts', import.meta.url));
const BATCH = { rowsPerBatch: 1000, windowSeconds: 60, enis: 4 };
const MIB = 1024 * 1024;
const RSS_LIMIT = 512 * MIB;
const P99_LIMIT_MS = 500;
const TENS = [...'abcdefghi'].map((name) => `(SELECT unnest([1,2,3,4,5,6,7,8,9,10])) ${name}`).join(', ');
const HOSTILE = [
  `SELECT count(*) FROM ${TENS} WHERE sin(random()) > 2`, 'SELECT a.srcaddr, count(*) FROM log a, log b GROUP BY 1 ORDER BY 2 DESC', "SELECT string_agg(srcaddr || dstaddr, ',') FROM log",
  'SELECT srcaddr, dstaddr, srcport, dstport, sum(bytes) GROUP BY ALL ORDER BY 5 DESC LIMIT 100000', `SELECT length(string_agg(md5(random()::VARCHAR), '')) FROM ${TENS}`,
  'SELECT *, row_number() OVER (PARTITION BY srcaddr ORDER BY bytes) FROM log ORDER BY random() LIMIT 100000', "SELECT regexp_extract_all(repeat('a', 1000000), 'a+')",
  `WITH ${Array.from({ length: 24 }, (_, i) => `a${i} AS (SELECT x || x AS x FROM ${i === 0 ? "(SELECT 'aaaaaaaa' AS x)" : `a${i - 1}`})`).join(', ')} SELECT length(x) FROM a23`,
];

interface Told { rows: number; batches: number; refused: number; times: number[]; p50: number; p99: number }
interface Phase { readonly name: string; readonly rowsPerSecond: number; readonly minutes: number; readonly queries: boolean }
interface Measured { readonly rate: number; readonly p50: number; readonly p99: number; readonly refused: number; readonly memory: number[]; readonly queries: Map<number, number> }

const data = mkdtempSync(join(tmpdir(), 'weir-load-'));
const children: ChildProcess[] = [];

async function startCollector(): Promise<{ url: string; pid: number }> {
  const child = spawn(process.execPath, ['--import=tsx', PROGRAM, 'collector', '--data', join(data, 'data'), '--listen', '127.0.0.1:0', '--aggregation-delay', '10s'], { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  const lines = createInterface({ input: child.stderr! });
  for await (const line of lines) {
    const url = /collector on (http:\S+),/.exec(line)?.[1];
    if (!url) continue;
    child.stderr!.on('data', (text: Buffer) => process.stderr.write(text));
    child.once('exit', (code, signal) => console.log(`the collector ended: ${signal ?? code}`));
    return { url, pid: child.pid! };
  }
  throw new Error('the collector did not start');
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Asks one after the other until told to stop; counts the answers. */
async function askForEver(url: string, token: string, query: string, answers: Map<number, number>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await fetch(`${url}/v1/logstores/load/query`, { method: 'POST', signal, headers: { 'authorization': `Bearer ${token}`, 'content-type': 'application/json' }, body: JSON.stringify({ query: `* | ${query}`, from: '-5m' }) });
      answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
      await answer.arrayBuffer();
      if (answer.status === 404 || answer.status === 503) await new Promise((resolve) => setTimeout(resolve, 500));
    } catch {
      if (!signal.aborted) answers.set(0, (answers.get(0) ?? 0) + 1);
    }
  }
}

async function run(phase: Phase, { url, pid }: { url: string; pid: number }, token: string): Promise<Measured> {
  const child = spawn(process.execPath, ['--import=tsx', AGENTS, JSON.stringify({ url, token, agents, rowsPerSecond: phase.rowsPerSecond, ...BATCH })], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  children.push(child);
  const ended = once(child, 'exit');
  let last: Told | null = null;
  const times: number[] = [];
  const lines = createInterface({ input: child.stdout! }).on('line', (line) => {
    last = JSON.parse(line) as Told;
    for (const time of last.times) times.push(time);
  });
  await once(lines, 'line');
  const answers = new Map<number, number>();
  const leave = new AbortController();
  const queries = phase.queries ? HOSTILE.map((query) => askForEver(url, token, query, answers, leave.signal)) : [];
  const begun = performance.now();
  const before: Told = last!;
  const memory: number[] = [];
  while (performance.now() - begun < phase.minutes * 60_000) {
    await new Promise((resolve) => setTimeout(resolve, 5000));
    memory.push(residentBytes(pid));
    if (memory.length % 12 === 0) console.log(`${phase.name}, ${memory.length / 12} min: ${Math.round(memory.at(-1)! / MIB)} MiB, ${last!.rows - before.rows} rows acknowledged, p99 of the last second ${last!.p99} ms`);
  }
  const rows = last!.rows - before.rows;
  const seconds = (performance.now() - begun) / 1000;
  leave.abort();
  child.kill('SIGTERM');
  await Promise.all([...queries, ended]);
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0);
  return { rate: rows / seconds, p50: at(0.5), p99: at(0.99), refused: last!.refused, memory, queries: answers };
}

/** MiB an hour by which memory grows in the second half. */
function slope(memory: readonly number[]): number {
  const half = memory.slice(memory.length >> 1);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  const [first, second] = [half.slice(0, half.length >> 1), half.slice(half.length >> 1)];
  return (mean(second) - mean(first)) / MIB / ((half.length / 2) * 5 / 3600);
}

function tell({ name }: Phase, { rate, p50, p99, refused, memory, queries }: Measured): void {
  console.log(`${name}: ${Math.round(rate)} rows/s acknowledged, p50 ${p50} ms, p99 ${p99} ms, ${refused} refused; collector at most ${
    Math.round(Math.max(...memory) / MIB)} MiB resident, ${Math.round(slope(memory))} MiB/h in the second half${
    queries.size > 0 ? `; queries: ${[...queries].map(([status, count]) => `${count} × ${status}`).join(', ')}` : ''}`);
}

let failed = false;
function check(isGood: boolean, what: string): void {
  console.log(`${isGood ? 'ok' : 'not ok'}: ${what}`);
  failed ||= !isGood;
}

try {
  const collector = await startCollector();
  const token = readFileSync(join(data, 'data', 'admin-token'), 'utf8').trim();
  const alone: Phase = { name: 'without queries', rowsPerSecond, minutes: minutesAlone, queries: false };
  const queried: Phase = { name: 'with 8 hostile queries', rowsPerSecond, minutes, queries: true };
  const full: Phase = { name: 'as fast as it goes', rowsPerSecond: 0, minutes: minutesFull, queries: false };
  const first = await run(alone, collector, token);
  tell(alone, first);
  const second = await run(queried, collector, token);
  tell(queried, second);
  check(Math.max(...second.memory) < RSS_LIMIT, `memory below ${RSS_LIMIT / MIB} MiB`);
  check(second.p99 < P99_LIMIT_MS, `p99 of acknowledgements below ${P99_LIMIT_MS} ms`);
  check(second.rate >= 0.9 * first.rate, `${(100 * second.rate / first.rate).toFixed(1)} % of the rate without queries`);
  tell(full, await run(full, collector, token));
  // what the publisher spills lies beside it
  const temporary = join(data, 'data', 'tmp');
  const left = readdirSync(temporary).filter((name) => name.startsWith('weir-query-')).flatMap((name) => readdirSync(join(temporary, name)));
  check(left.length === 0, `no folder of a query is left: ${left.join(', ') || 'none'}`);
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}
process.exit(failed ? 1 : 0);
