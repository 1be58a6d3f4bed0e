import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { RefusedStatement } from '../sql/statement-check.ts';
import { INLINE_BODY_BYTES } from './worker-job.ts';

/** Collects an answer's text: in memory while it is small, in a file from then on. */
export class BodyWriter {
  bytes = 0;
  path: string | null = null;
  private readonly directory: string;
  private readonly maximumBytes: number;
  private file = -1;
  private parts: string[] = [];
  private pendingCharacters = 0;

  constructor(directory: string, maximumBytes: number) {
    this.directory = directory;
    this.maximumBytes = maximumBytes;
  }

  write(text: string): void {
    this.parts.push(text);
    this.pendingCharacters += text.length;
    if (this.pendingCharacters > INLINE_BODY_BYTES) this.flush();
  }

  /** The whole body if it is small, null if it stands in `path`. */
  finish(): Uint8Array | null {
    if (this.path === null && this.pendingCharacters <= INLINE_BODY_BYTES) {
      const body = Buffer.from(this.parts.join(''));
      this.bytes = body.length;
      return body;
    }
    this.flush();
    closeSync(this.file);
    return null;
  }

  private flush(): void {
    if (this.path === null) {
      this.path = join(this.directory, 'answer');
      this.file = openSync(this.path, 'wx', 0o600);
    }
    const chunk = Buffer.from(this.parts.join(''));
    if (this.bytes + chunk.length > this.maximumBytes) {
      throw new RefusedStatement(`the answer has more than ${this.maximumBytes} bytes: ask for fewer rows or shorter texts`, null);
    }
    for (let written = 0; written < chunk.length;) written += writeSync(this.file, chunk, written);
    this.bytes += chunk.length;
    this.parts = [];
    this.pendingCharacters = 0;
  }
}
