/**
 * Nanoseconds a packet in each stage, and the longest pause of a closing window, inside one process:
 *
 *   npx tsx bench/stages.ts [--trace "1 million flows"] [--rounds 6]
 *
 * The same packets go through the stages in each round; of each batch the least time counts, since the machine's other
 * work only ever adds to it. Pauses are measured with windows of 3 s, the least of three runs at the same batch.
 */
import { openSync, readSync, statSync } from 'node:fs';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { PcapRecords } from '../agent/capture/pcap-records.ts';
import { Decoder } from '../agent/decode/decoder.ts';
import { KeyQueue, keyQueueBytes } from '../agent/decode/key-queue.ts';
import { readCaptures } from '../agent/capture/merged-captures.ts';
import { PacketMemory } from '../agent/kernel/packet-memory.ts';
import { Pipeline } from '../agent/pipeline.ts';
import { Sealer } from '../agent/seal/sealer.ts';
import { FlowStage } from '../agent/table/flow-stage.ts';
import { DEFAULT_IDLE_TIMERS } from '../agent/table/idle-timers.ts';
import { WatchedEnis } from '../agent/watched-enis.ts';
import { DEFAULT_BATCH_PACKETS, PacketBatch, batchBytes } from '../shared/packet-batch.ts';
import { recordContext } from '../shared/records.ts';
import { parseTopology } from '../shared/topology/parse.ts';
import type { Topology } from '../shared/topology/topology.ts';
import { VerdictEngine } from '../shared/verdict/engine.ts';
import { benchTopology } from './rule-set.ts';
import { TRACE_NAMES, trace } from './traces.ts';

const TABLE_CAPACITY = 1 << 20;
const MAX_BYTES = 256 << 20;
const SINK = { rows: () => {}, seals: () => {} };

/** The beginning of a capture, whole in memory. */
function captureBytes(path: string, memory: PacketMemory): { bytes: Uint8Array; view: DataView; address: number; start: number; end: number } {
  const length = Math.min(statSync(path).size, MAX_BYTES);
  const { buffer, offset, address } = memory.take(length);
  const bytes = new Uint8Array(buffer, offset, length);
  const end = readSync(openSync(path, 'r'), bytes, 0, length, 0);
  return { bytes, view: new DataView(buffer, offset, length), address, start: 0, end };
}

function measureStages(path: string, topology: Topology, rounds: number, memory: PacketMemory): string {
  const blocks = captureBytes(path, memory);
  // the parser asks for nothing but the window of bytes
  const records = new PcapRecords(blocks as unknown as ConstructorParameters<typeof PcapRecords>[0], memory.kernel);
  const first = blocks.start;
  const enis = new WatchedEnis(topology);
  const engine = new VerdictEngine(topology, 1);
  const sealer = new Sealer(recordContext('bench', topology, engine.verdicts), 1, SINK);
  const decoder = new Decoder(enis.placed, memory);
  const stage = new FlowStage(engine, sealer, {
    tableCapacity: TABLE_CAPACITY, windowSeconds: 600, graceSeconds: 30, watch: enis.watch, timers: DEFAULT_IDLE_TIMERS, hasDirection: enis.hasDirection, memory,
  });
  const batch = new PacketBatch(DEFAULT_BATCH_PACKETS, memory.take(batchBytes(DEFAULT_BATCH_PACKETS)));
  batch.setBytes(blocks.bytes, blocks.address);
  const queue = new KeyQueue(batch.capacity, memory.take(keyQueueBytes(batch.capacity)));
  const least: number[][] = [[], [], []];
  let packets = 0;
  for (let round = 0; round < rounds; round++) {
    blocks.start = first;
    packets = 0;
    for (let i = 0; ; i++) {
      batch.count = 0;
      const times = [performance.now()];
      records.parse(blocks as unknown as Parameters<PcapRecords['parse']>[0], batch);
      times.push(performance.now());
      if (batch.count === 0) break;
      decoder.decode(batch, 0, batch.count, records.interfaces, queue);
      times.push(performance.now());
      stage.consume(queue);
      times.push(performance.now());
      packets += batch.count;
      least.forEach((of, at) => (of[i] = Math.min(of[i] ?? Infinity, times[at + 1]! - times[at]!)));
    }
  }
  const [read, decode, table] = least.map((of) => (of.reduce((sum, ms) => sum + ms, 0) * 1e6) / packets) as [number, number, number];
  return `${packets} packets: records ${read.toFixed(1)}, decode ${decode.toFixed(1)}, flow table ${table.toFixed(1)}, in all ${(read + decode + table).toFixed(1)} ns a packet`;
}

async function measurePauses(path: string, topology: Topology): Promise<string> {
  const least: number[] = [];
  for (let run = 0; run < 3; run++) {
    const memory = PacketMemory.create();
    const pipeline = new Pipeline({ topology, tableCapacity: TABLE_CAPACITY, windowSeconds: 3, graceSeconds: 1 }, SINK, memory);
    let i = 0;
    await readCaptures([path], (batch, from, to, interfaces) => {
      const start = performance.now();
      pipeline.process(batch, from, to, interfaces);
      least[i] = Math.min(least[i] ?? Infinity, performance.now() - start);
      i++;
    }, () => {}, { memory });
  }
  const longest = least.sort((a, b) => b - a).slice(0, 3).map((ms) => ms.toFixed(1));
  return `longest calls of the pipeline: ${longest.join(', ')} ms`;
}

const given = await yargs(hideBin(process.argv))
  .options({
    trace: { type: 'array', string: true, choices: TRACE_NAMES, default: TRACE_NAMES },
    rounds: { type: 'number', default: 6 },
    rules: { type: 'number', default: 100 },
    quick: { type: 'boolean', default: false },
  })
  .strict()
  .parseAsync();
const topology = parseTopology(benchTopology(given.rules), 'the bench');
for (const name of given.trace) {
  const { path } = trace(name, given.quick);
  const ways = [['without the kernel', PacketMemory.withoutKernel()], ['with the kernel', PacketMemory.create()]] as const;
  for (const [way, memory] of ways) process.stdout.write(`${name}, ${way}: ${measureStages(path, topology, given.rounds, memory)}\n`);
  if (name === '1 million flows') process.stdout.write(`${name}: ${await measurePauses(path, topology)}\n`);
}
