/**
 * The inflated form of another input, by node:zlib. Truncated data give every byte before the cut. Damaged data may
 * lose up to OUTPUT_BYTES before the damage, because zlib keeps no output of the call in which it fails.
 */

import { createGunzip } from 'node:zlib';
import type { Gunzip } from 'node:zlib';

import { StreamInput } from './byte-input.ts';
import type { ByteInput } from './byte-input.ts';

const COMPRESSED_BYTES = 64 * 1024;
const OUTPUT_BYTES = 32 * 1024;

export function isGzip(head: Uint8Array): boolean {
  return head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b;
}

export class GzipInput implements ByteInput {
  private readonly compressed: ByteInput;
  private readonly gunzip: Gunzip;
  private readonly inflated: StreamInput;
  private failure: unknown = null;

  /** `head` are bytes that were taken from `compressed` already. */
  constructor(compressed: ByteInput, head: Uint8Array) {
    this.compressed = compressed;
    // With a high-water mark of 1 the next call to zlib waits until the last output has been taken, so an error,
    // which destroys the stream and what it holds, cannot overtake good bytes.
    this.gunzip = createGunzip({ chunkSize: OUTPUT_BYTES, readableHighWaterMark: 1 } as object);
    this.inflated = new StreamInput(this.gunzip);
    void this.pump(head);
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    const bytes = await this.inflated.read(target, offset, length).catch((error: unknown) => {
      throw new Error(`the gzip data are damaged (${String((error as Error).message)})`, { cause: error });
    });
    if (bytes === 0 && this.failure !== null) throw this.failure;
    return bytes;
  }

  async close(): Promise<void> {
    await this.inflated.close();
    await this.compressed.close();
  }

  /** Ends the stream only after zlib has taken the last piece: an end in the same call would lose its output. */
  private async pump(head: Uint8Array): Promise<void> {
    try {
      const piece = new Uint8Array(COMPRESSED_BYTES);
      await this.write(head);
      while (!this.gunzip.destroyed) {
        const bytes = await this.compressed.read(piece, 0, piece.length);
        if (bytes === 0) break;
        await this.write(piece.subarray(0, bytes));
      }
    } catch (error) {
      this.failure = error;
      this.gunzip.destroy();
    }
    if (!this.gunzip.destroyed) this.gunzip.end();
  }

  /** Resolves when zlib has taken the piece, and also when the stream failed, which the reader of it learns. */
  private write(piece: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.gunzip.write(piece, () => resolve());
    });
  }
}
