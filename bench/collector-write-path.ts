/**
 * How many rows a second each step of the collector's write path takes, one core each, and how many whole batches.
 *
 *     node --import=tsx bench/collector-write-path.ts [rows in a batch] [batches]
 *
 * Rows are distinct flows of 20 ENIs with random addresses, ports and counts. "publish" is the time of the publishing
 * process for all batches into one window: read, append, merge, sort, write zstd Parquet, fsync. Rates are by CPU time,
 * which a busy machine changes less than the clock; the clock stands behind.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { BatchHeader, JournalFrame } from '../aggregator/journal/batch-frame.ts';
import { Journal } from '../aggregator/journal/journal.ts';
import { LedgerState } from '../aggregator/logstore/ledger-state.ts';
import { PublishProcess } from '../aggregator/publish/publish-process.ts';
import { Publication } from '../aggregator/publish/publication.ts';
import { NOTHING_PLANNED, Router } from '../aggregator/publish/routing.ts';
import { batchContents } from '../aggregator/receive/batch-contents.ts';
import { NONE, Records, STATUS_OK, type RecordContext } from '../shared/records.ts';
import { decodeColumnar } from '../shared/wire/decode-columnar.ts';
import { decodeNdjson } from '../shared/wire/decode-ndjson.ts';
import { encodeColumnar } from '../shared/wire/encode-columnar.ts';
import { FIELDS } from '../shared/fields.ts';
import { valueReader } from '../shared/record-values.ts';

const ROWS = Number(process.argv[2] ?? 100_000);
const BATCHES = Number(process.argv[3] ?? 8);
const ENIS = 20;
const START = 1_700_000_400;

const context: RecordContext = {
  agentId: 'bench', accountId: '1', region: 'r',
  enis: Array.from({ length: ENIS }, (_, i) => ({
    eniId: `eni-${i}`, vmId: `vm-${i}`, vswitchId: 'vsw-1', vpcId: 'vpc-1', mac: null, addresses: [], securityGroups: [], interface: null, side: null, agentId: null,
  })),
  verdicts: Array.from({ length: 30 }, (_, i) => ({ action: i % 4 === 0 ? 'REJECT' : 'ACCEPT', reason: 'rule', sgId: `sg-${i % 5}`, ruleId: `rule-${i}`, revision: 1 })),
};

function randomRecords(): Records {
  const records = new Records(START, 600, ROWS);
  const below = (limit: number): number => Math.floor(Math.random() * limit);
  for (let i = 0; i < ROWS; i++) {
    const row = records.add();
    records.eni[row] = below(ENIS);
    records.verdict[row] = below(30);
    records.source.set([0, 0, 0xffff, 0x0a00_0000 + below(65_536)], row * 4);
    records.destination.set([0, 0, 0xffff, 0x0a01_0000 + below(256)], row * 4);
    records.sourcePort[row] = 1024 + below(60_000);
    records.destinationPort[row] = [53, 80, 443, 22][below(4)]!;
    records.protocol[row] = below(4) === 0 ? 17 : 6;
    records.direction[row] = below(2);
    records.packets[row] = 1 + below(100);
    records.bytes[row] = 60 + below(100_000);
    records.firstSeenUs[row] = START * 1e6 + below(300_000_000);
    records.lastSeenUs[row] = records.firstSeenUs[row]! + below(300_000_000);
    records.tcpFlags[row] = 18;
    records.icmp[row] = NONE;
    records.flowState[row] = 1;
    records.status[row] = STATUS_OK;
    records.skippedPackets[row] = NONE;
  }
  return records;
}

/** Best of a few runs. */
function measure(name: string, rows: number, run: () => unknown, runs = 5): void {
  let best = { cpuMs: Infinity, clockMs: Infinity };
  for (let i = 0; i < runs; i++) {
    const begun = performance.now();
    const cpuBefore = ownCpuMs();
    run();
    const cpuMs = ownCpuMs() - cpuBefore;
    if (cpuMs < best.cpuMs) best = { cpuMs, clockMs: performance.now() - begun };
  }
  report(name, rows, best.cpuMs, best.clockMs);
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Of another process: utime and stime of /proc/PID/stat, in hundredths of a second. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function report(name: string, rows: number, cpuMs: number, clockMs: number, note = ''): void {
  process.stdout.write(`${name.padEnd(34)}${(rows / cpuMs / 1000).toFixed(2).padStart(8)} million rows/s of CPU ${clockMs.toFixed(0).padStart(7)} ms ${note}\n`);
}

const records = randomRecords();
const body = encodeColumnar([records], [], context);
const gzipped = gzipSync(body, { level: 1 });
const readers = FIELDS.map(({ name }) => [name, valueReader(name)] as const);
const ndjson = Buffer.from(Array.from({ length: 20_000 }, (_, row) => `${JSON.stringify(Object.fromEntries(readers.map(([name, read]) => [name, read(records, row, context)])))}\n`).join(''));
process.stdout.write(`${ROWS} rows: ${(body.length / ROWS).toFixed(0)} bytes a row, ${(gzipped.length / ROWS).toFixed(1)} with gzip 1\n`);
measure('encode columnar', ROWS, () => encodeColumnar([records], [], context));
measure('gzip 1', ROWS, () => gzipSync(body, { level: 1 }));
measure('gunzip', ROWS, () => gunzipSync(gzipped));
measure('decode and check columnar', ROWS, () => batchContents(decodeColumnar(body).batches));
measure('decode and check NDJSON', 20_000, () => decodeNdjson(ndjson, 'bench'));

const root = mkdtempSync(join(tmpdir(), 'weir-bench-'));
const syncs: number[] = [];
const journal = await Journal.open({ directory: join(root, 'journal'), onFrame: () => {}, onDamage: () => {}, onSync: (ms) => void syncs.push(ms) }, 1);
const windows = batchContents(decodeColumnar(body).batches);
const header = (sequence: number): BatchHeader => ({ agent: 'bench', epoch: 1, sequence, logStore: 'default', receivedMs: 0, windows, seals: [] });
const bodies = Array.from({ length: BATCHES }, () => encodeColumnar([randomRecords()], [], context));
let begun = performance.now();
let cpu = ownCpuMs();
const frames: JournalFrame[] = await Promise.all(bodies.map((each, i) => journal.append(header(i + 1), each)));
report('journal, fdatasync included', ROWS * BATCHES, ownCpuMs() - cpu, performance.now() - begun, `in ${syncs.length} groups`);

const publisher = new PublishProcess();
publisher.warm();
for (const attempt of [1, 2]) {
  const publication = new Publication(root, [{ start: START, seconds: 600, frames }], new LedgerState(), { router: new Router(NOTHING_PLANNED), keptFrom: () => 0 }, { number: attempt, run: 'bench' });
  begun = performance.now();
  cpu = attempt === 1 ? 0 : cpuMsOf(publisher.pid!);
  const [result] = await publisher.run(publication.job(join(root, 'tmp')));
  report(attempt === 1 ? 'publish, process started as well' : 'publish', ROWS * BATCHES, cpuMsOf(publisher.pid!) - cpu, performance.now() - begun, `${(result!.bytes / result!.rows).toFixed(1)} bytes a row in Parquet`);
}
await publisher.stop();
await journal.close();
rmSync(root, { recursive: true });
