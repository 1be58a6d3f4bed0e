import { KEY_WORDS } from '../../shared/flow-key.ts';

/**
 * Decoded packets on their way from the decoder to the flow table: one slot of 16 words each.
 *
 * | word | content |
 * |------|---------|
 * | 0-9  | the flow key, see shared/flow-key.ts; in KEY_META only direction and ENI are valid unless the status is STATUS_DECODED |
 * | 10   | IP bytes |
 * | 11   | TCP flags (bits 0-7), non-first fragment (8), quotes a packet (9) |
 * | 12   | packet status |
 *
 * I1. Where QUEUE_QUOTES is set, slot i of `quoted` holds the key of the packet that the ICMP error quotes, with the
 *     direction in which that packet passed the ENI.
 */
export const SLOT_WORDS = 16;
export const SLOT_BYTES = KEY_WORDS;
export const SLOT_FLAGS = KEY_WORDS + 1;
export const SLOT_STATUS = KEY_WORDS + 2;

export const QUEUE_TCP_FLAGS = 0xff;
export const QUEUE_FRAGMENT = 0x100;
export const QUEUE_QUOTES = 0x200;

/** Memory of a queue, a multiple of 8. */
export function keyQueueBytes(batchPackets: number): number {
  return batchPackets * 2 * (8 + SLOT_WORDS * 4 * 2 + 4);
}

export class KeyQueue {
  count = 0;
  readonly keys: Int32Array;
  readonly quoted: Int32Array;
  /** Unix microseconds. */
  readonly timeUs: Float64Array;
  /** The flow table's hash of each decoded slot, written and read by the flow stage. */
  readonly hash: Int32Array;

  /**
   * A packet between two ENIs of one interface takes two slots, hence twice the packets of a batch. Of `memory`, it takes
   * keyQueueBytes from the offset on.
   */
  constructor(batchPackets: number, memory: ArrayBufferLike = new ArrayBuffer(keyQueueBytes(batchPackets)), offset = 0) {
    const slots = batchPackets * 2;
    this.timeUs = new Float64Array(memory, offset, slots);
    this.keys = new Int32Array(memory, this.timeUs.byteOffset + this.timeUs.byteLength, slots * SLOT_WORDS);
    this.quoted = new Int32Array(memory, this.keys.byteOffset + this.keys.byteLength, slots * SLOT_WORDS);
    this.hash = new Int32Array(memory, this.quoted.byteOffset + this.quoted.byteLength, slots);
  }
}
