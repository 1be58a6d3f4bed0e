/**
 * Agents of test/long/load.ts in a process of their own: so many, each with a batch of its own a window, over and over,
 * at a rate or as fast as they are acknowledged. Prints what was acknowledged, and how long it took, as JSON lines.
 */
import { gzipSync } from 'node:zlib';
import { Agent, request } from 'undici';
import { Records, NONE, STATUS_OK, type RecordContext } from '../../shared/records.ts';
import { encodeColumnar } from '../../shared/wire/encode-columnar.ts';
import { sealOf } from '../shared/wire/wire-samples.ts';

const { url, token, agents, rowsPerSecond, rowsPerBatch, windowSeconds, enis } = JSON.parse(process.argv[2]!) as {
  url: string; token: string; agents: number; rowsPerSecond: number; rowsPerBatch: number; windowSeconds: number; enis: number;
};

const dispatcher = new Agent({ connections: agents, pipelining: 1 });
const times: number[] = [];
const counts = { rows: 0, batches: 0, refused: 0 };
let stopped = false;
process.on('SIGTERM', () => { stopped = true; });
process.on('disconnect', () => process.exit(1));

function contextOf(agentId: string): RecordContext {
  return {
    agentId, accountId: '1', region: 'r',
    enis: Array.from({ length: enis }, (_, i) => ({ eniId: `${agentId}-eni-${i}`, vmId: `vm-${i}`, vswitchId: 'vsw-1', vpcId: 'vpc-1', mac: null, addresses: [], securityGroups: [], interface: null, side: null, agentId: null })),
    verdicts: Array.from({ length: 10 }, (_, i) => ({ action: i % 4 === 0 ? 'REJECT' : 'ACCEPT', reason: 'rule', sgId: `sg-${i % 5}`, ruleId: `rule-${i}`, revision: 1 })),
  };
}

/** `round`: other source ports each, so that no row is one that came before. */
function batchOf(context: RecordContext, start: number, seed: number, round: number): Buffer {
  const records = new Records(start, windowSeconds, rowsPerBatch);
  let state = seed | 1;
  const below = (limit: number): number => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    return (state >>> 0) % limit;
  };
  for (let i = 0; i < rowsPerBatch; i++) {
    const row = records.add();
    records.eni[row] = i % enis;
    records.verdict[row] = below(10);
    records.source.set([0, 0, 0xffff, 0x0a00_0000 + below(65_536)], row * 4);
    records.destination.set([0, 0, 0xffff, 0x0a01_0000 + below(256)], row * 4);
    records.sourcePort[row] = 1024 + (below(60_000) + round) % 60_000;
    records.destinationPort[row] = [53, 80, 443, 22][below(4)]!;
    records.protocol[row] = 6;
    records.direction[row] = below(2);
    records.packets[row] = 1 + below(100);
    records.bytes[row] = 60 + below(100_000);
    records.firstSeenUs[row] = start * 1e6 + below(windowSeconds * 500_000);
    records.lastSeenUs[row] = records.firstSeenUs[row]! + below(windowSeconds * 400_000);
    records.tcpFlags[row] = 24;
    records.icmp[row] = NONE;
    records.status[row] = STATUS_OK;
    records.skippedPackets[row] = NONE;
  }
  const seals = context.enis.map(({ eniId }) => sealOf({ agentId: context.agentId, eniId, windowStart: start, windowSeconds, records: rowsPerBatch / enis, packets: 0, bytes: 0, packetsSeen: 0, revision: 1 }));
  return gzipSync(encodeColumnar([records], seals, context), { level: 1 });
}

async function run(number: number): Promise<void> {
  const context = contextOf(`load-${number}`);
  const epoch = Date.now();
  const pauseMs = rowsPerSecond > 0 ? 1000 * rowsPerBatch * agents / rowsPerSecond : 0;
  let dueMs = performance.now() + Math.random() * pauseMs;
  let body: Buffer | null = null;
  let bodyStart = 0;
  for (let sequence = 1; !stopped;) {
    const start = Math.floor(Date.now() / 1000 / windowSeconds) * windowSeconds - windowSeconds;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    // as fast as it goes, the rows of a window are made once: making them would take the machine
    if (!body || bodyStart !== start || pauseMs > 0) [body, bodyStart] = [batchOf(context, start, number * 7919 + start, sequence), start];
    const begun = performance.now();
    const answer = await request(`${url}/v1/batches`, {
      method: 'POST', dispatcher, body,
      headers: {
        'authorization': `Bearer ${token}`, 'content-type': 'application/vnd.apache.arrow.stream', 'content-encoding': 'gzip',
        'weir-agent-id': context.agentId, 'weir-epoch': String(epoch), 'weir-sequence': String(sequence), 'weir-logstore': 'load',
      },
    }).catch(() => null);
    await answer?.body.dump();
    dueMs = Math.max(dueMs + pauseMs, begun - 10 * pauseMs);
    if (answer?.statusCode !== 200) {
      counts.refused++;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      continue;
    }
    times.push(performance.now() - begun);
    counts.rows += rowsPerBatch;
    counts.batches++;
    sequence++;
  }
}

setInterval(() => {
  const sorted = times.splice(0).sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  process.stdout.write(`${JSON.stringify({ ...counts, times: sorted, p50: at(0.5), p99: at(0.99) })}\n`);
}, 1000).unref();
await Promise.all(Array.from({ length: agents }, (_, number) => run(number)));
process.stdout.write(`${JSON.stringify({ ...counts, times: times.splice(0), p50: 0, p99: 0 })}\n`, () => process.exit());
