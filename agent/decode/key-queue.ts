import { NOWHERE, PacketMemory, type MemoryPiece } from '../kernel/packet-memory.ts';
import { SLOT_WORDS } from './key-slot.ts';

/** Memory of a queue, a multiple of 8. */
export function keyQueueBytes(batchPackets: number): number {
  return batchPackets * 2 * (8 + SLOT_WORDS * 4 * 2 + 4 * 2);
}

export class KeyQueue {
  count = 0;
  /** Whether `hash` and `reverseHash` are there. Filling a queue anew makes it false. */
  isHashed = false;
  readonly keys: Int32Array;
  readonly quoted: Int32Array;
  /** Unix microseconds. */
  readonly timeUs: Float64Array;
  /** The flow table's hash of each slot. */
  readonly hash: Int32Array;
  /** The hash of the opposite direction, where that has the same ports the other way around: not in ICMP. */
  readonly reverseHash: Int32Array;

  /** Of `timeUs`, for the kernel; NOWHERE where it cannot reach the queue. */
  readonly address: number;

  /**
   * A packet between two ENIs of one interface takes two slots, hence twice the packets of a batch. Of the piece, it takes
   * keyQueueBytes from `skippedBytes` on.
   */
  constructor(batchPackets: number, piece: MemoryPiece = PacketMemory.withoutKernel().take(keyQueueBytes(batchPackets)), skippedBytes = 0) {
    const slots = batchPackets * 2;
    const memory = piece.buffer;
    this.address = piece.address === NOWHERE ? NOWHERE : piece.address + skippedBytes;
    this.timeUs = new Float64Array(memory, piece.offset + skippedBytes, slots);
    this.keys = new Int32Array(memory, this.timeUs.byteOffset + this.timeUs.byteLength, slots * SLOT_WORDS);
    this.quoted = new Int32Array(memory, this.keys.byteOffset + this.keys.byteLength, slots * SLOT_WORDS);
    this.hash = new Int32Array(memory, this.quoted.byteOffset + this.quoted.byteLength, slots);
    this.reverseHash = new Int32Array(memory, this.hash.byteOffset + this.hash.byteLength, slots);
  }
}
