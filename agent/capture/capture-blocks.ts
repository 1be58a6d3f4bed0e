/**
 * The bytes of a capture as a window that moves forward over them, in two buffers of fixed size: while the records of
 * one are consumed, the next read fills the other. Only the record that straddles the border is copied.
 *
 * I1. bytes[start, end) are the next unread bytes of the input; `start` is moved by whoever reads the records.
 * I2. They keep their place until the next `advance`: a batch may point into them.
 * I3. A buffer is one read and the room for what is carried over into it, which grows with the bytes that are there,
 *     never by what the input says of itself, and ends at MAX_RECORD_BYTES.
 */

import type { ByteInput } from './byte-input.ts';

/** One read. Below this the hand-over to the pool thread shows; above it the block leaves the L2 cache before it is decoded. */
export const READ_BYTES = 512 * 1024;
/** The largest record or block that is ever looked at whole. */
export const MAX_RECORD_BYTES = 1024 * 1024 + 64 * 1024;
/** Most records that straddle two reads fit into this. */
const CARRY_BYTES = 64 * 1024;

export class CaptureBlocks {
  bytes: Uint8Array;
  view: DataView;
  start = CARRY_BYTES;
  end = CARRY_BYTES;
  /** Why the input failed, where it did not just end. */
  failure: string | null = null;

  private readonly input: ByteInput;
  private readonly readBytes: number;
  /** Offset in the input of `bytes[0]`; below 0 in the first buffer. */
  private base = -CARRY_BYTES;
  private spareBytes: Uint8Array;
  private spareView: DataView;
  private ended = false;
  /** The read under way into the last `readBytes` of the spare buffer. */
  private ahead: Promise<number>;

  /** `head` are bytes that were taken from `input` already. */
  constructor(input: ByteInput, head: Uint8Array, readBytes: number = READ_BYTES) {
    this.input = input;
    this.readBytes = Math.max(readBytes, head.length);
    this.bytes = uninitializedBytes(CARRY_BYTES + this.readBytes);
    this.view = new DataView(this.bytes.buffer);
    this.spareBytes = uninitializedBytes(CARRY_BYTES + this.readBytes);
    this.spareView = new DataView(this.spareBytes.buffer);
    this.bytes.set(head, CARRY_BYTES);
    this.end += head.length;
    this.ahead = this.read(0);
  }

  /** The offset in the input of bytes[start]. */
  get inputOffset(): number {
    return this.base + this.start;
  }

  /** Waits until `need` bytes, no more than MAX_RECORD_BYTES, are there. False: the input ends before. */
  async advance(need: number): Promise<boolean> {
    while (this.end - this.start < need) {
      const filled = await this.gather(need - (this.end - this.start));
      if (filled === 0) return false;
      this.turn(filled);
    }
    return true;
  }

  close(): Promise<void> {
    this.ended = true;
    return this.input.close();
  }

  /** Small pieces of a stream are put together before the buffers turn, or each would copy the carry again. */
  private async gather(wanted: number): Promise<number> {
    let filled = await this.ahead;
    while (filled > 0 && filled < wanted && filled < this.readBytes) {
      const more = await this.read(filled);
      if (more === 0) break;
      filled += more;
    }
    return filled;
  }

  private turn(filled: number): void {
    const carried = this.end - this.start;
    if (carried > this.spareRoom) this.growSpare(carried, filled);
    const room = this.spareRoom;
    const from = room - carried;
    this.spareBytes.set(this.bytes.subarray(this.start, this.end), from);
    this.base += this.start - from;
    this.start = from;
    this.end = room + filled;
    const { bytes, view } = this;
    this.bytes = this.spareBytes;
    this.view = this.spareView;
    this.spareBytes = bytes;
    this.spareView = view;
    this.ahead = this.read(0);
  }

  /** Where a read into the spare buffer goes; before it is room for the carry. */
  private get spareRoom(): number {
    return this.spareBytes.length - this.readBytes;
  }

  private growSpare(carried: number, filled: number): void {
    const room = Math.min(MAX_RECORD_BYTES, Math.max(carried, 2 * this.spareRoom));
    const grown = uninitializedBytes(room + this.readBytes);
    grown.set(this.spareBytes.subarray(this.spareRoom, this.spareRoom + filled), room);
    this.spareBytes = grown;
    this.spareView = new DataView(grown.buffer);
  }

  /** Never rejects: nobody may be waiting for a read-ahead that fails. */
  private async read(offset: number): Promise<number> {
    if (this.ended) return 0;
    try {
      const bytes = await this.input.read(this.spareBytes, this.spareRoom + offset, this.readBytes - offset);
      if (bytes === 0) this.ended = true;
      return bytes;
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      this.ended = true;
      return 0;
    }
  }
}

/** Not zeroed: pages that are never used cost nothing. Only bytes that were read are ever shown. */
function uninitializedBytes(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}
