import { readCaptures, type MergedCaptures, type ReadLimits } from '../capture/merged-captures.ts';
import { Decoder } from '../decode/decoder.ts';
import type { PacketMemory } from '../kernel/packet-memory.ts';
import type { PipelineOptions } from '../pipeline.ts';
import type { ReplaySink, ReplaySummary } from '../replay.ts';
import { WatchedEnis } from '../watched-enis.ts';
import { END_ABANDONED, END_CLOSED, END_PARTIAL } from './key-ring.ts';
import { TableThread } from './table-thread.ts';
import { startTableWorker } from './table-worker-start.ts';

/** Reads, decodes and serves the sink in this thread, with the flow table in another. The sink gets the same in the same order. */
export async function replayInThreads(
  paths: readonly string[], options: PipelineOptions, limits: ReadLimits & { readonly batchPackets: number; readonly memory: PacketMemory }, sink: ReplaySink,
  worker = startTableWorker(),
): Promise<ReplaySummary> {
  const table = new TableThread(options, limits.batchPackets, sink, limits.memory, worker);
  const decoder = new Decoder(new WatchedEnis(options.topology, options.watch, options.trafficType).placed, limits.memory);
  try {
    const captures = await readInto(table, decoder, paths, limits);
    await table.end(captures.damaged.length > 0 ? END_PARTIAL : END_CLOSED);
    await sink.drained?.();
    return { ...captures, unmatchedPackets: decoder.unmatchedPackets };
  } finally {
    await table.stop();
  }
}

async function readInto(table: TableThread, decoder: Decoder, paths: readonly string[], limits: ReadLimits): Promise<MergedCaptures> {
  try {
    return await readCaptures(
      paths,
      (batch, from, to, interfaces) => {
        decoder.decode(batch, from, to, interfaces, table.queue);
        table.publish();
      },
      () => table.ready(),
      limits,
    );
  } catch (error) {
    // of a file that cannot be read: the sink gets what it would have got by now from a single thread
    if (!table.hasFailed) await table.end(END_ABANDONED);
    throw error;
  }
}
