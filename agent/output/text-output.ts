import { writeSync } from 'node:fs';
import { refusedBySystem } from '../../shared/errors.ts';

/** Where text goes. `write` returns once the text is taken, so that nothing piles up in memory. */
export interface TextOutput {
  write(text: string): void;
  /** The same for text in UTF-8, where there is a shorter way for it; the bytes are the caller's again afterwards. */
  writeBytes?(bytes: Uint8Array): void;
}

/** The reader at the other end of the pipe has gone, as `| head` does. */
export class OutputClosed extends Error {}

const RETRY_MS = 1;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** A file descriptor, written to and waited for: a slow reader holds the writing back. */
export class DescriptorOutput implements TextOutput {
  private readonly descriptor: number;
  private readonly name: string;

  /** `name` stands in error texts. */
  constructor(descriptor: number, name = 'standard output') {
    this.descriptor = descriptor;
    this.name = name;
  }

  /** Throws OutputClosed when nobody reads any more, STORAGE when the text is not taken. */
  write(text: string): void {
    this.writeBytes(Buffer.from(text));
  }

  writeBytes(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length; ) {
      try {
        written += writeSync(this.descriptor, bytes, written);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EPIPE') throw new OutputClosed('the reader of the output has gone', { cause: error });
        // a pipe that somebody else has made non-blocking
        if (code !== 'EAGAIN') throw refusedBySystem('STORAGE', `${this.name} cannot be written, and is not whole`, error);
        Atomics.wait(sleeper, 0, 0, RETRY_MS);
      }
    }
  }
}
