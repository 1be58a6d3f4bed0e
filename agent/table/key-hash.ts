import { NOWHERE, type PacketMemory } from '../kernel/packet-memory.ts';
import type { KeyQueue } from '../decode/key-queue.ts';
import { sourceBits } from './index-slot.ts';

/** Hashes keys for a flow table of this capacity in the same memory, which may be in another thread. */
export class KeyHasher {
  private readonly memory: PacketMemory;
  private readonly sourceBits: number;

  constructor(memory: PacketMemory, tableCapacity: number) {
    this.memory = memory;
    this.sourceBits = sourceBits(tableCapacity);
  }

  /** False where there is no kernel that reaches the queue: then nothing has been hashed. */
  hash(queue: KeyQueue): boolean {
    const { kernel, secret0, secret1 } = this.memory;
    if (kernel === null || queue.address === NOWHERE) return false;
    const { keys, count, hash, reverseHash } = queue;
    kernel.hashSlots(keys.byteOffset, count, hash.byteOffset, reverseHash.byteOffset, secret0, secret1, this.sourceBits);
    return true;
  }
}
