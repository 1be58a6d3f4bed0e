/**
 * A day without a collector at 100 rows/s, compressed in time, then a drain while windows go on: nothing lost, the spool
 * within its limit, live windows acknowledged in under 3 s. Limit: 30 min
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../../bench/random.ts';
import { BatchPacker } from '../../agent/ship/batch-packer.ts';
import { CollectorPost } from '../../agent/ship/collector-post.ts';
import { SpoolShipping } from '../../agent/ship/spool-shipping.ts';
import { DirectoryDisk } from '../../agent/spool/spool-disk.ts';
import { Spool } from '../../agent/spool/spool.ts';
import { Records, STATUS_OK, NONE } from '../../shared/records.ts';
import { CONTEXT, WINDOW_START, sealOf } from '../shared/wire/wire-samples.ts';

const WINDOWS = Number(process.env['WEIR_TEST_WINDOWS'] ?? 1440);
const ROWS = 6000;
const WINDOW_SECONDS = 60;
const LIMIT_BYTES = 512 * 1024 * 1024;
const LIVE_EVERY_MS = 500;
const SEED = Number(process.env['WEIR_TEST_SEED'] ?? 1);
const COLLECTOR = fileURLToPath(new URL('../aggregator/faults/collector-process.ts', import.meta.url));
const random = seededRandom(SEED);
const folder = mkdtempSync(join(tmpdir(), 'weir-partition-'));
const from = WINDOW_START - (WINDOW_START % WINDOW_SECONDS);

function windowRows(windowStart: number): Records {
  const records = new Records(windowStart, WINDOW_SECONDS, ROWS);
  for (let i = 0; i < ROWS; i++) {
    const row = records.add();
    records.eni[row] = i % 2;
    records.source.set([0, 0, 0xffff, (random() * 2 ** 32) | 0], row * 4);
    records.destination.set([0, 0, 0xffff, 0x0a000000 + (i % 50)], row * 4);
    records.sourcePort[row] = 1024 + random() * 60_000;
    records.destinationPort[row] = i % 3 === 0 ? 443 : 53;
    records.protocol[row] = i % 3 === 0 ? 6 : 17;
    records.packets[row] = 1 + Math.floor(random() * 40);
    records.bytes[row] = records.packets[row]! * (60 + Math.floor(random() * 1000));
    records.firstSeenUs[row] = (windowStart + random() * 30) * 1e6;
    records.lastSeenUs[row] = records.firstSeenUs[row]! + random() * 29e6;
    records.icmp[row] = NONE;
    records.status[row] = STATUS_OK;
    records.skippedPackets[row] = NONE;
  }
  return records;
}

const faults: string[] = [];
async function openSpool(): Promise<Spool> {
  return Spool.open({
    disk: await DirectoryDisk.open(join(folder, 'spool')), limitBytes: LIMIT_BYTES, agentId: CONTEXT.agentId, nextEpoch: () => Date.now(),
    events: {
      lost: (sum, reason) => faults.push(`${sum.rows} rows lost: ${reason}`), forgotten: (_windows, reason) => faults.push(reason),
      trouble: ({ message }) => faults.push(message), recovered() {}, written() {}, found: (text) => faults.push(text),
    },
  });
}

let spool = await openSpool();
let last: Promise<void> = Promise.resolve();
const packer = new BatchPacker(async (gzipped, contents) => {
  last = spool.append(gzipped, contents);
  await last;
});
async function closeWindow(number: number): Promise<number> {
  const windowStart = from + number * WINDOW_SECONDS;
  packer.rows(windowRows(windowStart), CONTEXT);
  packer.seals(['eni-a', 'eni-b'].map((eniId) => sealOf({ eniId, windowStart, windowSeconds: WINDOW_SECONDS, records: ROWS / 2 })), CONTEXT);
  await packer.sent();
  return windowStart;
}

for (let window = 0; window < WINDOWS; window++) await closeWindow(window);
console.log(`${WINDOWS} windows of ${ROWS} rows, seed ${SEED}: ${spool.waitingBatches} batches wait in ${(spool.bytes / 2 ** 20).toFixed(0)} MiB of files`);
// what is a day old was not written within the last minute
await spool.close();
const openMs = performance.now();
spool = await openSpool();
console.log(`opened again in ${(performance.now() - openMs).toFixed(0)} ms`);
if (spool.bytes > LIMIT_BYTES) faults.push('the spool is larger than its limit');

const child = spawn(process.execPath, ['--import=tsx', COLLECTOR, join(folder, 'data')], { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
const { url, adminTokenFile } = JSON.parse(line) as { url: string; adminTokenFile: string };
const ending = new AbortController();
const post = new CollectorPost({ collector: url, token: readFileSync(adminTokenFile, 'utf8').trim(), logStore: null, signal: ending.signal });
const closedAt = new Map<number, number>();
const liveMs: number[] = [];
let sent = 0;
const shipping = new SpoolShipping(spool, post, ending.signal, {
  sent: ({ frame }) => {
    sent++;
    const closed = closedAt.get(frame.windowStart);
    if (closed !== undefined) liveMs.push(performance.now() - closed);
  },
  retry: (reason) => faults.push(reason), refused: (reason) => faults.push(reason), renumbered: (reason) => faults.push(reason),
  setAside: (_name, _sum, _seals, reason) => faults.push(reason),
});
const startMs = performance.now();
const running = shipping.run();
let live = 0;
while (spool.hasBacklog || spool.waitingBatches > 0) {
  const number = WINDOWS + live++;
  const closing = performance.now();
  closedAt.set(from + number * WINDOW_SECONDS, closing);
  await closeWindow(number);
  await new Promise((resolve) => setTimeout(resolve, LIVE_EVERY_MS));
}
const seconds = (performance.now() - startMs) / 1000;
ending.abort();
await running;
await spool.close();
await post.close();
const metrics = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${readFileSync(adminTokenFile, 'utf8').trim()}` } })).text();
const stored = Number(/^weir_rows_received_total (\d+)/m.exec(metrics)?.[1] ?? NaN);
child.kill('SIGKILL');
await once(child, 'exit');
rmSync(folder, { recursive: true });
liveMs.sort((a, b) => a - b);
const worst = liveMs.at(-1) ?? NaN;
console.log(`${sent} batches sent in ${seconds.toFixed(0)} s; ${liveMs.length} live windows meanwhile: from closing to acknowledgement ${liveMs[liveMs.length >> 1]?.toFixed(0)} ms in the middle, ${worst.toFixed(0)} ms at most; ${stored} rows received of ${(WINDOWS + live) * ROWS}`);
if (stored !== (WINDOWS + live) * ROWS) faults.push('not every row came');
if (!(worst < 3000)) faults.push('a live window took 3 s or more');
if (sent !== WINDOWS + live) faults.push(`${sent} batches sent of ${WINDOWS + live}`);
for (const fault of faults.slice(0, 20)) console.log(fault);
process.exit(faults.length === 0 ? 0 : 1);
