/** The thread with the flow table: decoded packets in, rows and seals out. */
import { parentPort, type MessagePort } from 'node:worker_threads';
import { PacketMemory, type SharedPacketMemory } from '../kernel/packet-memory.ts';
import { Pipeline, type PipelineOptions } from '../pipeline.ts';
import { END_ABANDONED, END_PARTIAL, KeyRing, type KeyRingMemory } from './key-ring.ts';
import { TableOutbox } from './table-mail.ts';

/** What the thread is told once it has started. */
export interface TableWorkerSettings {
  readonly pipeline: PipelineOptions;
  readonly memory: SharedPacketMemory;
  readonly ring: KeyRingMemory;
  readonly port: MessagePort;
  readonly counts: Int32Array;
}

parentPort!.once('message', ({ pipeline: options, memory: shared, ring: ringMemory, port, counts }: TableWorkerSettings) => {
  const memory = PacketMemory.attach(shared);
  const ring = KeyRing.attach(ringMemory, memory);
  const outbox = new TableOutbox(port, counts, ring);
  try {
    const pipeline = new Pipeline(options, outbox, memory);
    for (let queue = ring.take(); queue !== null; queue = ring.take()) {
      pipeline.consume(queue);
      ring.release();
    }
    if (ring.ending !== END_ABANDONED) pipeline.close(ring.ending === END_PARTIAL);
    outbox.done();
  } catch (error) {
    outbox.failed(error);
  }
});
