/**
 * Who loses packets? Captures what tcpreplay sends at full speed over a veth pair, one program after the other:
 *
 *   sudo node --import tsx bench/capture-loss.ts [--packets 3000000] [--flows 40000] [--rate 0]
 *
 * Needs root, tcpreplay, and for the comparison tcpdump, softflowd, and cap built. CPU seconds are those of the
 * capturing program, user and system, from when it captures; what the kernel does for it in the sender's context (copying
 * into the ring) is in the sender's.
 */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { connect, NetworkNamespace } from '../test/netns/network-namespace.ts';
import { TRACE_DEFAULTS, writeTrace } from './trace.ts';

const TRACE_PACKETS = 100_000;
const FRAME_BYTES = 96;
const USER_HZ = 100;
const START_LIMIT_MS = 20_000;
/** libpcap hands over what is left in a block after one second. */
const SETTLE_MS = 1500;

const folder = mkdtempSync(join(tmpdir(), 'weir-loss-'));

interface Contestant {
  readonly name: string;
  readonly command: readonly string[];
  readonly signal: NodeJS.Signals;
  /** What it prints when it captures. */
  readonly ready: RegExp;
  /** A program that prints its statistics while it runs. */
  readonly ask?: readonly string[];
  /** Out of everything that it printed. `cpuSeconds` where it knows better than the process table. */
  result(output: string): { seen: number; drops: number | null; cpuSeconds?: number; endReason?: string };
}

interface Row {
  readonly name: string;
  readonly sent: number;
  readonly seen: number;
  readonly drops: number | null;
  readonly packetsPerSecond: number;
  readonly cpuPerMillion: number;
}

function weir(name: string, capture: string, work: string): Contestant {
  const program = fileURLToPath(new URL('capture-loss-weir.ts', import.meta.url));
  return {
    name, command: [process.execPath, '--import=tsx', program, capture, work], signal: 'SIGTERM', ready: /capturing/,
    result: (output) => JSON.parse(output.trim().split('\n').at(-1)!) as ReturnType<Contestant['result']>,
  };
}

const CONTESTANTS: readonly Contestant[] = [
  weir('weir: source alone', 'af_packet', 'count'),
  weir('weir: to records, 100 rules', 'af_packet', 'pipeline'),
  weir('weir: cap alone', 'cap', 'count'),
  {
    name: 'tcpdump -w /dev/null', command: ['tcpdump', '-i', 'eth0', '-n', '-w', '/dev/null'], signal: 'SIGINT', ready: /listening on/,
    result: (output) => ({ seen: Number(/(\d+) packets captured/.exec(output)![1]), drops: Number(/(\d+) packets dropped by kernel/.exec(output)![1]) }),
  },
  {
    name: 'softflowd', command: ['softflowd', '-d', '-i', 'eth0', '-p', join(folder, 'pid'), '-c', join(folder, 'control'), '-n', '127.0.0.1:9995'],
    signal: 'SIGTERM', ready: /Exporting flows/, ask: ['softflowctl', '-c', join(folder, 'control'), 'statistics'],
    result: (output) => ({
      seen: Number(/Packets processed: (\d+)/.exec(output)![1]), drops: Number(/Packets dropped by libpcap: (\d+)/i.exec(output)?.[1] ?? Number.NaN),
    }),
  },
];

async function run(contestant: Contestant, here: NetworkNamespace, there: NetworkNamespace, replay: readonly string[]): Promise<Row> {
  const [program, ...args] = contestant.command;
  const child = here.spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = collect(child);
  try {
    await printed.until(contestant.ready);
    const cpuBefore = processCpuSeconds(child.pid!);
    const before = (await here.counters('eth0')).rxPackets;
    const started = performance.now();
    const report = await finished(there.spawn('tcpreplay', replay, { stdio: ['ignore', 'pipe', 'pipe'] }));
    const seconds = (performance.now() - started) / 1000;
    const sent = (await here.counters('eth0')).rxPackets - before;
    const rate = Number(/([\d.]+) pps/.exec(report)?.[1] ?? sent / seconds);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    const tableCpuSeconds = hasEnded ? Number.NaN : processCpuSeconds(child.pid!) - cpuBefore;
    const answer = contestant.ask ? there.run(contestant.ask[0]!, ...contestant.ask.slice(1)) : '';
    if (!hasEnded) {
      const ended = once(child, 'close');
      child.kill(contestant.signal);
      await ended;
    }
    const { seen, drops, cpuSeconds, endReason } = contestant.result(printed.text() + answer);
    if (endReason) console.error(`${contestant.name}: ${endReason}`);
    return { name: contestant.name, sent, seen, drops, packetsPerSecond: rate, cpuPerMillion: ((cpuSeconds ?? tableCpuSeconds) / sent) * 1e6 };
  } finally {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
}

function collect(child: ChildProcess): { text(): string; until(pattern: RegExp): Promise<void> } {
  let all = '';
  let check = (): void => {};
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      all += text;
      check();
    });
  }
  return {
    text: () => all,
    until: (pattern) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`it does not start: ${all}`)), START_LIMIT_MS);
      child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${all}`)));
      check = () => {
        if (!pattern.test(all)) return;
        clearTimeout(timer);
        resolve();
      };
      check();
    }),
  };
}

/** All that it printed, when it has ended well. */
async function finished(child: ChildProcess): Promise<string> {
  const printed = collect(child);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code}: ${printed.text()}`);
  return printed.text();
}

/** utime and stime of proc(5). */
function processCpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / USER_HZ;
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const options = await yargs(hideBin(process.argv)).options({
  packets: { number: true, default: 3_000_000 },
  flows: { number: true, default: 40_000 },
  rate: { number: true, default: 0, describe: 'packets a second; 0 for as fast as it goes' },
  only: { string: true, describe: 'contestants whose name has this in it' },
}).strict().parse();

const trace = join(folder, 'trace.pcap');
writeTrace(trace, { ...TRACE_DEFAULTS, packets: TRACE_PACKETS, flows: options.flows, snapLength: FRAME_BYTES });
const here = new NetworkNamespace();
const there = new NetworkNamespace();
try {
  connect({ namespace: here, interface: 'eth0', mac: '02:00:00:00:00:02' }, { namespace: there, interface: 'peer', mac: '02:00:00:00:00:01' });
  const speed = options.rate > 0 ? [`--pps=${options.rate}`] : ['--topspeed'];
  const replay = ['-q', '-i', 'peer', ...speed, '--preload-pcap', `--loop=${Math.ceil(options.packets / TRACE_PACKETS)}`, trace];
  const rows: Row[] = [];
  for (const contestant of CONTESTANTS) {
    if (!contestant.name.includes(options.only ?? '')) continue;
    if (!isInstalled(contestant.command[0]!)) console.error(`${contestant.command[0]} is not installed`);
    else rows.push(await run(contestant, here, there, replay));
  }
  console.table(rows.map((row) => ({
    program: row.name, sent: row.sent, seen: row.seen, 'drops stated': row.drops ?? 'unknown', missing: row.sent - row.seen,
    'packets/s': Math.round(row.packetsPerSecond), 'CPU s per million': row.cpuPerMillion.toFixed(2),
  })));
} finally {
  for (const namespace of [here, there]) namespace.remove();
  rmSync(folder, { recursive: true });
}
