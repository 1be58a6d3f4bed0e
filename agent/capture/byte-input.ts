/** Where the bytes of a capture come from: a file, a stream, or the inflated form of either. */

import { close, fstat, open, readSync } from 'node:fs';
import type { Stats } from 'node:fs';
import type { Readable } from 'node:stream';

export interface ByteInput {
  /**
   * Puts between 1 and `length` bytes into `target` from `offset` on and resolves to their number; 0 at the end.
   * Not called again before it has resolved, nor after it gave 0. It rejects when the input fails; the bytes that it
   * gave before stay good.
   */
  read(target: Uint8Array, offset: number, length: number): Promise<number>;
  /** A `read` under way resolves first, with whatever it has. */
  close(): Promise<void>;
}

export function openDescriptor(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, 'r', (error, descriptor) => (error ? reject(error) : resolve(descriptor)));
  });
}

export function describeDescriptor(descriptor: number): Promise<Stats> {
  return new Promise((resolve, reject) => {
    fstat(descriptor, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
}

export function closeDescriptor(descriptor: number): Promise<void> {
  return new Promise((resolve) => {
    close(descriptor, () => resolve()); // nothing was written, so a failing close loses nothing
  });
}

/**
 * A regular file, read from its current position, in this thread: what is read lies in the processor's own cache then, which
 * is worth more than to have it copied by another one. A disk is read ahead by the kernel.
 */
export class FileInput implements ByteInput {
  private readonly descriptor: number;
  private readonly owned: boolean;

  /** An `owned` descriptor is closed with the input. */
  constructor(descriptor: number, owned = true) {
    this.descriptor = descriptor;
    this.owned = owned;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    return readSync(this.descriptor, target, offset, length, null);
  }

  async close(): Promise<void> {
    if (this.owned) await closeDescriptor(this.descriptor);
  }
}

/** Any Readable of bytes. It owns the stream. */
export class StreamInput implements ByteInput {
  private readonly stream: Readable;
  /** What did not fit into the target of the last read. */
  private rest: Uint8Array = new Uint8Array(0);
  private failure: Error | null = null;
  private finished = false;
  private wake: (() => void) | null = null;

  constructor(stream: Readable) {
    this.stream = stream;
    const wake = (): void => this.wake?.();
    const finish = (): void => {
      this.finished = true;
      wake();
    };
    stream.on('readable', wake);
    stream.on('end', finish);
    stream.on('close', finish);
    stream.on('error', (error: Error) => {
      this.failure = error;
      wake();
    });
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    for (;;) {
      const filled = this.take(target, offset, length);
      if (filled > 0) return filled;
      if (this.failure !== null) throw this.failure;
      if (this.finished || this.stream.destroyed) return 0;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = null;
    }
  }

  private take(target: Uint8Array, offset: number, length: number): number {
    let filled = 0;
    while (filled < length) {
      if (this.rest.length === 0) {
        const chunk = this.stream.read() as Uint8Array | null;
        if (chunk === null) break;
        this.rest = chunk;
      }
      const part = this.rest.subarray(0, length - filled);
      target.set(part, offset + filled);
      filled += part.length;
      this.rest = this.rest.subarray(part.length);
    }
    return filled;
  }

  async close(): Promise<void> {
    this.stream.destroy();
  }
}
