import type { Worker } from 'node:worker_threads';
import { DEFAULT_BATCH_PACKETS } from '../shared/packet-batch.ts';
import type { Seal } from '../shared/seal.ts';
import { readCaptures, type MergedCaptures } from './capture/merged-captures.ts';
import { PacketMemory } from './kernel/packet-memory.ts';
import { RecordFormatter, type RecordFormat } from './output/record-format.ts';
import { RecordWriter } from './output/record-writer.ts';
import { replayInThreads } from './parallel/threaded-replay.ts';
import type { TextOutput } from './output/text-output.ts';
import { Pipeline, type PipelineOptions } from './pipeline.ts';
import type { WindowSink } from './seal/sealer.ts';
import type { ShipperOptions } from './ship/shipper.ts';

/** Agent id of a replay that is not told another; fixed, so that the same file gives the same bytes. */
export const REPLAY_AGENT_ID = 'replay';

export interface ReplayOptions extends PipelineOptions {
  readonly batchPackets?: number;
  /** Stop after this many packets. */
  readonly maxPackets?: number;
  /** 2: the flow table has a thread of its own. The output is the same. */
  readonly workers?: number;
  /** Of two workers the one that has been started already, by startTableWorker. */
  readonly tableWorker?: Worker | undefined;
  readonly memory?: PacketMemory;
}

export interface ReplaySummary extends MergedCaptures {
  /** Packets that passed none of the ENIs. */
  readonly unmatchedPackets: number;
}

/** A sink that may hold the reading back. */
export interface ReplaySink extends WindowSink {
  drained?(): Promise<void>;
}

/** Capture files through the agent's own pipeline into a sink. Throws WeirError where a file cannot be read at all. */
export async function replay(paths: readonly string[], options: ReplayOptions, sink: ReplaySink): Promise<ReplaySummary> {
  const { batchPackets = DEFAULT_BATCH_PACKETS, maxPackets = Infinity, workers = 1, tableWorker, memory = PacketMemory.create(), ...given } = options;
  const limits = { batchPackets, maxPackets, memory };
  const pipelineOptions = { agentId: REPLAY_AGENT_ID, ...given };
  if (workers > 1) {
    return replayInThreads(paths, pipelineOptions, limits, sink, tableWorker);
  }
  const pipeline = new Pipeline(pipelineOptions, sink, memory);
  const captures = await readCaptures(
    paths,
    (batch, from, to, interfaces) => pipeline.process(batch, from, to, interfaces),
    () => sink.drained?.(),
    limits,
  );
  pipeline.close(captures.damaged.length > 0);
  await sink.drained?.();
  return { ...captures, unmatchedPackets: pipeline.statistics.unmatchedPackets };
}

/** Replays and prints the records. */
export async function replayToText(
  paths: readonly string[], options: ReplayOptions, output: TextOutput, format: RecordFormat, fields: readonly string[],
  onSeals: (seals: Seal[]) => void = () => {},
): Promise<ReplaySummary> {
  const writer = new RecordWriter(output, new RecordFormatter(format, fields));
  const summary = await replay(paths, options, observed(writer, onSeals));
  writer.flush();
  return summary;
}

/** Replays and ships the records; resolves when the collector has acknowledged all of them. */
export async function replayToCollector(
  paths: readonly string[], options: ReplayOptions, shipping: ShipperOptions, onSeals: (seals: Seal[]) => void = () => {},
): Promise<ReplaySummary> {
  // only here: what encodes and sends takes longer to load than many a replay
  const { BatchPacker } = await import('./ship/batch-packer.ts');
  const { Shipper } = await import('./ship/shipper.ts');
  const shipper = new Shipper(shipping);
  try {
    const packer = new BatchPacker((gzipped) => shipper.send(gzipped));
    const summary = await replay(paths, { agentId: shipping.agentId, ...options }, observed(packer, onSeals));
    await packer.sent();
    return summary;
  } finally {
    await shipper.close();
  }
}

/** The same sink, whose seals somebody else sees too. */
function observed(sink: ReplaySink, onSeals: (seals: Seal[]) => void): ReplaySink {
  return {
    rows: (rows, context) => sink.rows(rows, context),
    seals: (seals, context) => {
      onSeals(seals);
      sink.seals(seals, context);
    },
    drained: async () => sink.drained?.(),
  };
}
