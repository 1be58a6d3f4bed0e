/**
 * The bytes of a capture as a window that moves forward over them, in two buffers of fixed size: while the records of
 * one are consumed, the next read fills the other. Only the record that straddles the border is copied.
 *
 * I1. bytes[start, end) are the next unread bytes of the input; `start` is moved by whoever reads the records.
 * I2. They keep their place until the next `advance`: a batch may point into them.
 * I3. A buffer is one read and the room for what is carried over into it, which grows with the bytes that are there,
 *     never by what the input says of itself, and ends at MAX_RECORD_BYTES.
 */

import { PacketMemory, type MemoryPiece } from '../kernel/packet-memory.ts';
import type { ByteInput } from './byte-input.ts';

/** One read: two of them fit into a processor's L2 cache, where they are decoded. */
export const READ_BYTES = 256 * 1024;
/** The largest record or block that is ever looked at whole. */
export const MAX_RECORD_BYTES = 1024 * 1024 + 64 * 1024;
/** Most records that straddle two reads fit into this. */
const CARRY_BYTES = 64 * 1024;

export class CaptureBlocks {
  bytes: Uint8Array;
  view: DataView;
  /** Of `bytes`, for the kernel, or NOWHERE. */
  address: number;
  start = CARRY_BYTES;
  end = CARRY_BYTES;
  /** Why the input failed, where it did not just end. */
  failure: string | null = null;

  private readonly input: ByteInput;
  private readonly readBytes: number;
  /** Offset in the input of `bytes[0]`; below 0 in the first buffer. */
  private base = -CARRY_BYTES;
  private readonly memory: PacketMemory;
  private current: Block;
  private spare: Block;
  private ended = false;
  private isClosed = false;
  /** The read under way into the last `readBytes` of the spare buffer. */
  private ahead: Promise<number>;

  /** `head` are bytes that were taken from `input` already. */
  constructor(input: ByteInput, head: Uint8Array, readBytes: number = READ_BYTES, memory: PacketMemory = PacketMemory.withoutKernel()) {
    this.input = input;
    this.memory = memory;
    this.readBytes = Math.max(readBytes, head.length);
    this.current = newBlock(memory, CARRY_BYTES + this.readBytes);
    this.spare = newBlock(memory, CARRY_BYTES + this.readBytes);
    this.bytes = this.current.bytes;
    this.view = this.current.view;
    this.address = this.current.piece.address;
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

  /** What was read is not to be looked at any more. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.ended = true;
    // a read under way still writes
    await this.input.close();
    this.memory.giveBack(this.current.piece);
    this.memory.giveBack(this.spare.piece);
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
    this.spare.bytes.set(this.bytes.subarray(this.start, this.end), from);
    this.base += this.start - from;
    this.start = from;
    this.end = room + filled;
    const { current, spare } = this;
    this.current = spare;
    this.spare = current;
    this.bytes = spare.bytes;
    this.view = spare.view;
    this.address = spare.piece.address;
    this.ahead = this.read(0);
  }

  /** Where a read into the spare buffer goes; before it is room for the carry. */
  private get spareRoom(): number {
    return this.spare.bytes.length - this.readBytes;
  }

  private growSpare(carried: number, filled: number): void {
    const room = Math.min(MAX_RECORD_BYTES, Math.max(carried, 2 * this.spareRoom));
    const grown = newBlock(this.memory, room + this.readBytes);
    grown.bytes.set(this.spare.bytes.subarray(this.spareRoom, this.spareRoom + filled), room);
    this.memory.giveBack(this.spare.piece);
    this.spare = grown;
  }

  /** Never rejects: nobody may be waiting for a read-ahead that fails. */
  private async read(offset: number): Promise<number> {
    if (this.ended) return 0;
    try {
      const bytes = await this.input.read(this.spare.bytes, this.spareRoom + offset, this.readBytes - offset);
      if (bytes === 0) this.ended = true;
      return bytes;
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      this.ended = true;
      return 0;
    }
  }
}

interface Block {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly piece: MemoryPiece;
}

function newBlock(memory: PacketMemory, length: number): Block {
  const piece = memory.take(length);
  const { buffer, offset } = piece;
  return { bytes: new Uint8Array(buffer, offset, length), view: new DataView(buffer, offset, length), piece };
}
