/** A ByteInput over memory that hands its bytes out in pieces of the sizes asked for, over and over. */

import type { ByteInput } from '../../agent/capture/byte-input.ts';

export class PiecewiseInput implements ByteInput {
  closed = false;
  private readonly bytes: Uint8Array;
  private readonly pieceSizes: readonly number[];
  private at = 0;
  private reads = 0;

  constructor(bytes: Uint8Array, pieceSizes: readonly number[] = [Infinity]) {
    this.bytes = bytes;
    this.pieceSizes = pieceSizes;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    const size = Math.min(length, this.pieceSizes[this.reads++ % this.pieceSizes.length]!);
    const piece = this.bytes.subarray(this.at, this.at + size);
    target.set(piece, offset);
    this.at += piece.length;
    return piece.length;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
