import type { KeyQueue } from '../decode/key-queue.ts';
import { NOWHERE, type PacketMemory } from '../kernel/packet-memory.ts';
import { LOOKUP_INDEX, LOOKUP_MASK, LOOKUP_WORDS, indexSlots, sourceBits } from './index-slot.ts';

/**
 * For a thread that fills queues for a flow table in another one: hashes the keys, and loads into the processor's caches
 * what the flow table will look for. Nothing follows from what it sees there, which may change meanwhile.
 */
export class LookAhead {
  private readonly memory: PacketMemory;
  private readonly sourceBits: number;
  private readonly slotEntry: number;

  constructor(memory: PacketMemory, tableCapacity: number) {
    this.memory = memory;
    this.sourceBits = sourceBits(tableCapacity);
    this.slotEntry = indexSlots(tableCapacity) - 1;
  }

  /** Whether it hashes this queue: without a kernel the other thread does. */
  hashes(queue: KeyQueue): boolean {
    return this.memory.kernel !== null && queue.address !== NOWHERE;
  }

  look(queue: KeyQueue): void {
    const { kernel, secret0, secret1, lookup } = this.memory;
    if (kernel === null || queue.address === NOWHERE) return;
    kernel.hashSlots(queue.keys.byteOffset, queue.count, queue.hash.byteOffset, secret0, secret1, this.sourceBits);
    // the mask first: an index that is newer than its mask is large enough
    const mask = Atomics.load(lookup, LOOKUP_MASK);
    const index = Atomics.load(lookup, LOOKUP_INDEX);
    if (index !== 0) kernel.touchEntries(queue.hash.byteOffset, queue.count, index, mask, lookup[LOOKUP_WORDS]!, this.slotEntry);
  }
}
