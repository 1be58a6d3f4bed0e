/**
 * A LogStore beside nfdump on the same flows: bytes a row, and how long two questions take.
 *
 *     node --import=tsx bench/query-peers.ts [--rows 10000000] [--rounds 5] [--time-precision us|ms] [--keep DIR]
 *
 * `query-flows.ts` makes the flows, ten windows of 600 seconds. nfdump's own collector writes its file from NetFlow 9
 * over loopback (`query-netflow.ts`), and nfdump itself the compressed copies. Weir's are sent as columnar batches to
 * `weir collector` and published when the seals are in. Each flow is one record in both, and both must give the same
 * answers, or the comparison fails. With `--keep` the data stays in DIR, and the next run over as many rows takes it
 * from there.
 *
 * Time is the clock's from question to whole answer: for nfdump from the start of the program to its end, for Weir from
 * the HTTP request to the last byte, through the API, a query worker of the pool as it always stands ready, and JSON.
 * Files are in the page cache. CPU is that of nfdump, and of the collector with all its processes. Every round asks
 * each once, in turn; medians are shown. nfdump with bz2 takes so long that it is asked once.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { COLUMNAR_TYPE } from '../aggregator/receive/receiver.ts';
import { Records } from '../shared/records.ts';
import { encodeColumnar } from '../shared/wire/encode-columnar.ts';
import { measure } from './measured-command.ts';
import { FIRST_WINDOW, FLOW_CONTEXT, FlowMaker, sealsOf } from './query-flows.ts';
import { recordWithNfcapd } from './query-netflow.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WINDOWS = 10;
const SEED = 1;
const BATCH_ROWS = 100_000;
const QUESTIONS = [
  { name: 'top 10 ports by bytes', statistic: 'dstport/bytes', sql: 'SELECT dstport, sum(bytes) AS bytes GROUP BY dstport ORDER BY bytes DESC LIMIT 10' },
  { name: 'top 10 sources by bytes', statistic: 'srcip/bytes', sql: 'SELECT srcaddr, sum(bytes) AS bytes GROUP BY srcaddr ORDER BY bytes DESC LIMIT 10' },
] as const;
type Question = (typeof QUESTIONS)[number];
/** By the number that `nfdump -J` takes. */
const COMPRESSIONS = [['none', 0], ['LZO', 1], ['LZ4', 3], ['bz2', 2]] as const;

interface Timed { readonly wallMs: number; readonly cpuMs: number }
interface NfdumpFile { readonly compression: string; readonly path: string; readonly bytes: number }

function* flows(rows: number): Generator<Records> {
  const maker = new FlowMaker(SEED);
  for (let window = 0; window < WINDOWS; window++) yield maker.window(window, rows / WINDOWS);
}

/** A collector of its own process, and what it takes to speak with it. */
class Collector {
  readonly data: string;
  private readonly child: ChildProcess;
  private url = '';
  private sequence = 0;

  constructor(data: string, precision: string) {
    this.data = data;
    this.child = spawn(process.execPath, ['--import=tsx', join(ROOT, 'weir.ts'), 'collector', '--data', data, '--listen', '127.0.0.1:0', '--time-precision', precision], { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
    process.once('exit', () => this.child.kill());
  }

  async ready(): Promise<void> {
    let said = '';
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => { said += text; });
    for (;;) {
      const url = /collector on (http:\S+?),/.exec(said)?.[1];
      if (url !== undefined) {
        this.url = url;
        return;
      }
      if (this.child.exitCode !== null) throw new Error(`the collector did not start: ${said}`);
      await sleep(20);
    }
  }

  /** A window's rows in batches; its seals go with the last. */
  async ship(records: Records): Promise<void> {
    for (let from = 0; from < records.count; from += BATCH_ROWS) {
      const to = Math.min(records.count, from + BATCH_ROWS);
      const part = new Records(records.windowStart, records.windowEnd - records.windowStart, to - from);
      for (let row = from; row < to; row++) part.copyRow(part.add(), records, row);
      const body = encodeColumnar([part], to === records.count ? sealsOf(records) : [], FLOW_CONTEXT);
      const response = await this.request('/v1/batches', {
        method: 'POST', body: gzipSync(body, { level: 1 }) as Uint8Array<ArrayBuffer>, headers: {
          'content-type': COLUMNAR_TYPE, 'content-encoding': 'gzip', 'weir-agent-id': FLOW_CONTEXT.agentId, 'weir-epoch': '1',
          'weir-sequence': String(++this.sequence),
        },
      });
      if (response.status !== 200) throw new Error(`a batch was answered ${response.status}: ${await response.text()}`);
    }
  }

  /** Resolves when every row that was sent can be found. */
  async published(rows: number): Promise<void> {
    while (await this.rows() !== rows) await sleep(200);
  }

  async rows(): Promise<number> {
    const { rows: [first] } = await this.ask('SELECT count(*)');
    return Number(first![0]);
  }

  async ask(sql: string): Promise<{ rows: (string | number)[][]; wallMs: number }> {
    const begun = performance.now();
    const response = await this.request('/v1/logstores/default/query', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: `* | ${sql}` }),
    });
    const text = await response.text();
    const wallMs = performance.now() - begun;
    if (response.status === 404) return { rows: [[0]], wallMs }; // nothing is published yet
    if (response.status !== 200) throw new Error(`${sql}: ${text}`);
    return { rows: (JSON.parse(text) as { rows: (string | number)[][] }).rows, wallMs };
  }

  /** CPU time of the collector and its processes, of those that ended too. */
  cpuMs(): number {
    const pids = [this.child.pid!, ...readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, 'utf8').split(' ').filter((pid) => pid !== '').map(Number)];
    return pids.map(cpuTicks).reduce((sum, ticks) => sum + ticks, 0) * 10;
  }

  /** Bytes of the LogStore's Parquet files. */
  storedBytes(): number {
    const folder = join(this.data, 'logstores');
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet'))
      .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }

  private request(path: string, init: RequestInit): Promise<Response> {
    const token = readFileSync(join(this.data, 'admin-token'), 'utf8').trim();
    return fetch(this.url + path, { ...init, headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` } });
  }
}

/** utime, stime and those of children that have ended: fields 14 to 17 of /proc/PID/stat. */
function cpuTicks(pid: number): number {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
  } catch {
    return 0; // it has just ended
  }
}

/** Calls `make` for an empty folder, unless it was made for as many rows before. */
async function made(folder: string, rows: number, make: () => Promise<void>): Promise<void> {
  const mark = join(folder, 'rows');
  const before = existsSync(mark) ? readFileSync(mark, 'utf8') : null;
  if (before === String(rows)) return;
  if (before !== null) throw new Error(`${folder} was made for ${before} rows: keep ${rows} in another folder`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await make();
  writeFileSync(mark, String(rows));
}

async function nfdumpFiles(folder: string, rows: number): Promise<NfdumpFile[]> {
  await made(folder, rows, async () => {
    const plain = await recordWithNfcapd(folder, flows(rows), FIRST_WINDOW - 3600);
    for (const [compression, number] of COMPRESSIONS) {
      const path = join(folder, compression);
      copyFileSync(plain, path);
      if (number > 0) execFileSync('nfdump', ['-J', String(number), '-r', path]);
    }
    rmSync(plain);
  });
  return COMPRESSIONS.map(([compression]) => ({ compression, path: join(folder, compression), bytes: statSync(join(folder, compression)).size }));
}

async function fillLogStore(data: string, precision: string, rows: number): Promise<void> {
  await made(data, rows, async () => {
    const collector = new Collector(data, precision);
    try {
      await collector.ready();
      let sent = 0;
      for (const window of flows(rows)) {
        await collector.ship(window);
        sent += window.count;
      }
      await collector.published(sent);
    } finally {
      await collector.stop();
    }
  });
}

function nfdumpParameters(question: Question, file: NfdumpFile): string[] {
  return ['-r', file.path, '-s', question.statistic, '-n', '10', '-N', '-q'];
}

async function askNfdump(question: Question, file: NfdumpFile, folder: string): Promise<Timed> {
  const { wallSeconds, userSeconds, systemSeconds } = await measure('nfdump', nfdumpParameters(question, file), folder);
  return { wallMs: wallSeconds * 1000, cpuMs: (userSeconds + systemSeconds) * 1000 };
}

async function askWeir(question: Question, collector: Collector): Promise<Timed> {
  await sleep(1000); // a used worker makes its next database
  const before = collector.cpuMs();
  const { wallMs } = await collector.ask(question.sql);
  const cpuMs = collector.cpuMs() - before;
  return { wallMs, cpuMs };
}

/** Throws unless both name the same ten with the same bytes. */
async function checkAnswers(question: Question, collector: Collector, file: NfdumpFile): Promise<void> {
  const { rows } = await collector.ask(question.sql);
  const said = execFileSync('nfdump', nfdumpParameters(question, file), { encoding: 'utf8' });
  // time, duration, protocol, value, flows(%), packets(%), bytes(%), ...
  const theirs = said.trim().split('\n').map((line) => line.replace(/\(\s*[\d.]+\)/g, '').trim().split(/\s+/)).map((words) => `${words[4]} ${words[7]}`);
  const ours = rows.map(([value, bytes]) => `${value} ${bytes}`);
  if (ours.join('\n') !== theirs.join('\n')) throw new Error(`${question.name} differ:\n${ours.join('\n')}\n\n${theirs.join('\n')}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function print(question: string, weir: readonly Timed[], peers: ReadonlyMap<string, readonly Timed[]>): void {
  const of = (all: readonly Timed[], pick: keyof Timed): number => median(all.map((one) => one[pick]));
  process.stdout.write(`\n| ${question} | wall ms | CPU ms | wall / Weir | CPU / Weir |\n|---|---|---|---|---|\n`);
  for (const [name, all] of new Map([['weir', weir], ...peers])) {
    const [wall, cpu] = [of(all, 'wallMs'), of(all, 'cpuMs')];
    process.stdout.write(`| ${name} | ${wall.toFixed(0)} | ${cpu.toFixed(0)} | ${(wall / of(weir, 'wallMs')).toFixed(1)} | ${(cpu / of(weir, 'cpuMs')).toFixed(1)} |\n`);
  }
}

async function compare(collector: Collector, files: readonly NfdumpFile[], rounds: number, folder: string): Promise<void> {
  for (const question of QUESTIONS) {
    await checkAnswers(question, collector, files[0]!);
    const weir: Timed[] = [];
    const peers = new Map<string, Timed[]>(files.map(({ compression }) => [`nfdump, ${compression}`, []]));
    for (let round = 0; round < rounds; round++) {
      weir.push(await askWeir(question, collector));
      for (const file of files) {
        if (round === 0 || file.compression !== 'bz2') peers.get(`nfdump, ${file.compression}`)!.push(await askNfdump(question, file, folder));
      }
    }
    print(question.name, weir, peers);
  }
}

async function main(): Promise<void> {
  const given = await yargs(hideBin(process.argv))
    .option('rows', { type: 'number', default: 10_000_000 })
    .option('rounds', { type: 'number', default: 5 })
    .option('time-precision', { choices: ['us', 'ms'], default: 'us' })
    .option('keep', { type: 'string', describe: 'folder that the data stays in' })
    .strict().parse();
  const folder = given.keep ?? mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const data = join(folder, `weir-${given.timePrecision}`);
  try {
    const files = await nfdumpFiles(join(folder, 'nfdump'), given.rows);
    await fillLogStore(data, given.timePrecision, given.rows);
    const collector = new Collector(data, given.timePrecision);
    try {
      await collector.ready();
      const rows = await collector.rows();
      const nfdump = /Version:\s*(\S+)/.exec(execFileSync('nfdump', ['-V'], { encoding: 'utf8' }))?.[1];
      process.stdout.write(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]!.model} x ${availableParallelism()}, Linux ${release()}, Node ${process.versions.node}; nfdump ${nfdump}; ${rows} flows, ${given.rounds} rounds, medians\n`);
      process.stdout.write('\n| stored | bytes a row |\n|---|---|\n');
      process.stdout.write(`| weir, all fields, times in ${given.timePrecision} | ${(collector.storedBytes() / rows).toFixed(2)} |\n`);
      for (const { compression, bytes } of files) process.stdout.write(`| nfdump, ${compression}, times in ms | ${(bytes / rows).toFixed(2)} |\n`);
      await compare(collector, files, given.rounds, folder);
    } finally {
      await collector.stop();
    }
  } finally {
    if (given.keep === undefined) rmSync(folder, { recursive: true });
  }
}

await main();
