import { KeyQueue, keyQueueBytes } from '../decode/key-queue.ts';
import type { MemoryPiece, PacketMemory } from '../kernel/packet-memory.ts';

/** Queues between the threads, a power of two: work for the flow table while rows are being printed, and 5 MB of memory. */
const QUEUES = 128;
/** A thread that has run out of work is woken when there is enough again to be worth it: a wake-up costs as much as a queue. */
const READER_WAKES_AT = 32;
const WRITER_WAKES_AT = QUEUES / 2;
/** Where the input is slow the reader looks by itself at what is there. */
const READER_LOOKS_MS = 20;

/** Words of `control`. Counts go round at 2^32. */
const PUBLISHED = 0;
const CONSUMED = 1;
/** Move with everything that the reader, or the writer, may be waiting for. */
const WORK = 2;
const EVENTS = 3;
const ENDED = 4;
/** Slots in each queue, all bits inverted where their keys have not been hashed. */
const COUNTS = 5;

/** How the input ends; 0 while it goes on. */
export const END_CLOSED = 1;
/** It ended before it should have. */
export const END_PARTIAL = 2;
/** Windows stay open: what comes of it is of no use. */
export const END_ABANDONED = 3;

/** What the other thread gets. */
export interface KeyRingMemory {
  readonly piece: MemoryPiece;
  readonly batchPackets: number;
  readonly control: Int32Array;
}

/**
 * Key queues that one thread fills and another one empties, in order, in memory that both see.
 *
 * I1. Queues [CONSUMED, PUBLISHED) are the reader's, all others the writer's; there are QUEUES at most.
 * I2. What is in a queue was written before PUBLISHED moved past it.
 */
export class KeyRing {
  readonly memory: KeyRingMemory;
  private readonly queues: readonly KeyQueue[];
  private readonly control: Int32Array;

  private constructor(memory: KeyRingMemory) {
    this.memory = memory;
    const { piece, batchPackets, control } = memory;
    this.queues = Array.from({ length: QUEUES }, (_, index) => new KeyQueue(batchPackets, piece, index * keyQueueBytes(batchPackets)));
    this.control = control;
  }

  static create(batchPackets: number, memory: PacketMemory): KeyRing {
    const piece = memory.take(QUEUES * keyQueueBytes(batchPackets));
    return new KeyRing({ piece, batchPackets, control: new Int32Array(new SharedArrayBuffer((COUNTS + QUEUES) * 4)) });
  }

  /** The same ring in another thread, which sees the same memory. */
  static attach(ring: KeyRingMemory, memory: PacketMemory): KeyRing {
    return new KeyRing({ ...ring, piece: memory.seen(ring.piece) });
  }

  // the writer's side

  get hasRoom(): boolean {
    return this.filled < QUEUES;
  }

  get isHalfFull(): boolean {
    return this.filled >= QUEUES / 2;
  }

  /** The next queue to fill; only while there is room. */
  get next(): KeyQueue {
    return this.queues[this.index(PUBLISHED)]!;
  }

  /** Hands `next` on. */
  publish(): void {
    const { control } = this;
    const { count, isHashed } = this.next;
    control[COUNTS + this.index(PUBLISHED)] = isHashed ? count : ~count;
    Atomics.add(control, PUBLISHED, 1);
    if (this.filled === READER_WAKES_AT) this.wake(WORK);
  }

  end(how: number): void {
    Atomics.store(this.control, ENDED, how);
    this.wake(WORK);
  }

  get events(): number {
    return Atomics.load(this.control, EVENTS);
  }

  /** Returns when something has happened after `events` was read, or the time is over. */
  awaitEvent(events: number, atMostMs: number): void {
    Atomics.wait(this.control, EVENTS, events, atMostMs);
  }

  // the reader's side

  /** The next queue, which is the reader's until `release`; null where there are no more. */
  take(): KeyQueue | null {
    const { control } = this;
    for (;;) {
      const work = Atomics.load(control, WORK);
      // in this order: what was published before the end can then be seen
      const isOver = this.ending !== 0;
      if (this.filled > 0) break;
      if (isOver) return null;
      Atomics.wait(control, WORK, work, READER_LOOKS_MS);
    }
    const queue = this.queues[this.index(CONSUMED)]!;
    const count = control[COUNTS + this.index(CONSUMED)]!;
    queue.isHashed = count >= 0;
    queue.count = queue.isHashed ? count : ~count;
    return queue;
  }

  release(): void {
    Atomics.add(this.control, CONSUMED, 1);
    if (this.filled === WRITER_WAKES_AT) this.wakeWriter();
  }

  wakeWriter(): void {
    this.wake(EVENTS);
  }

  get ending(): number {
    return Atomics.load(this.control, ENDED);
  }

  private wake(word: typeof WORK | typeof EVENTS): void {
    Atomics.add(this.control, word, 1);
    Atomics.notify(this.control, word);
  }

  private get filled(): number {
    return (Atomics.load(this.control, PUBLISHED) - Atomics.load(this.control, CONSUMED)) | 0;
  }

  private index(of: typeof PUBLISHED | typeof CONSUMED): number {
    return Atomics.load(this.control, of) & (QUEUES - 1);
  }
}
