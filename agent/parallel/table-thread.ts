import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel, type Worker } from 'node:worker_threads';
import { recordContext } from '../../shared/records.ts';
import type { Verdict } from '../../shared/verdict/verdict.ts';
import type { KeyQueue } from '../decode/key-queue.ts';
import type { PacketMemory } from '../kernel/packet-memory.ts';
import type { ReplaySink } from '../replay.ts';
import { DEFAULT_AGENT_ID, DEFAULT_TABLE_CAPACITY, type PipelineOptions } from '../pipeline.ts';
import { KeyHasher } from '../table/key-hash.ts';
import { WatchedEnis } from '../watched-enis.ts';
import { KeyRing } from './key-ring.ts';
import { TableInbox } from './table-mail.ts';
import type { TableWorkerSettings } from './table-worker.ts';

/** How long this thread stands still at a time, while the other one works and a sink may wait for the network. */
const STANDSTILL_MS = 2;

/** The flow table in a thread of its own, as the thread that reads holds it. Rows and seals come to the sink in this one. */
export class TableThread {
  private readonly ring: KeyRing;
  private readonly hasher: KeyHasher;
  private readonly inbox: TableInbox;
  private readonly sink: ReplaySink;
  private readonly worker: Worker;
  /** Of the thread itself: a bug of ours, or memory that has run out. */
  private failure: Error | null = null;
  /** The thread or the sink has failed. */
  hasFailed = false;

  /** `memory`: for both threads. `worker`: one that has been told nothing yet. */
  constructor(options: PipelineOptions, batchPackets: number, sink: ReplaySink, memory: PacketMemory, worker: Worker) {
    const { port1, port2 } = new MessageChannel();
    const { enis } = new WatchedEnis(options.topology, options.watch, options.trafficType);
    const verdicts: Verdict[] = [];
    this.sink = sink;
    this.inbox = new TableInbox(port1, sink, recordContext(options.agentId ?? DEFAULT_AGENT_ID, { ...options.topology, enis }, verdicts), verdicts);
    this.ring = KeyRing.create(batchPackets, memory);
    this.hasher = new KeyHasher(memory, options.tableCapacity ?? DEFAULT_TABLE_CAPACITY);
    const settings: TableWorkerSettings = {
      pipeline: options, memory: memory.shared, ring: this.ring.memory, port: port2, counts: this.inbox.counts,
    };
    this.worker = worker;
    this.worker.postMessage(settings, [port2]);
    this.worker.on('error', (error) => (this.failure ??= error));
    this.worker.on('exit', (code) => (this.failure ??= new Error(`the thread with the flow table ended with code ${code}`)));
  }

  /** To be filled and published. */
  get queue(): KeyQueue {
    return this.ring.next;
  }

  publish(): void {
    const queue = this.ring.next;
    // whoever has less to do hashes the keys
    queue.isHashed = this.ring.isHalfFull && this.hasher.hash(queue);
    this.ring.publish();
  }

  /** To be awaited before the next queue is filled: there is room for it, and the sink has what has come for it. */
  ready(): Promise<void> | void {
    if (!this.ring.hasRoom || !this.inbox.isEmpty) return this.attendUntil(() => this.ring.hasRoom);
  }

  /** No more packets come. `how`: one of the END_ constants. */
  async end(how: number): Promise<void> {
    this.ring.end(how);
    await this.attendUntil(() => this.inbox.isDone);
  }

  async stop(): Promise<void> {
    await this.worker.terminate();
    this.inbox.close();
  }

  private async attendUntil(isEnough: () => boolean): Promise<void> {
    try {
      await this.attend(isEnough);
    } catch (error) {
      this.hasFailed = true;
      throw error;
    }
  }

  private async attend(isEnough: () => boolean): Promise<void> {
    for (;;) {
      const events = this.ring.events;
      while (!this.inbox.isEmpty) {
        this.inbox.deliver();
        await this.sink.drained?.();
        this.inbox.delivered();
      }
      if (isEnough()) return;
      this.ring.awaitEvent(events, STANDSTILL_MS);
      await turn();
      // a thread that has ended may have left its last words
      if (this.failure !== null && this.inbox.isEmpty) throw this.failure;
    }
  }
}
