import { refusedBySystem } from '../../shared/errors.ts';

/** A stream written to and waited for, whose reader may leave, as `| head` does. Throws STORAGE when it fails. */
export class OutputStream {
  private readonly stream: NodeJS.WritableStream;
  private readonly name: string;
  private failure: Error | null = null;

  /** `name` stands in error texts. */
  constructor(stream: NodeJS.WritableStream, name = 'standard output') {
    this.stream = stream;
    this.name = name;
    stream.on('error', (error: Error) => { this.failure ??= error; });
  }

  /** False when nobody reads any more. */
  async write(text: string | Uint8Array): Promise<boolean> {
    if (!this.failure && !this.stream.write(text)) await this.drained();
    return this.isOpen();
  }

  /** Everything of `body`, without its first line where asked. False when nobody reads any more. */
  async copy(body: AsyncIterable<Uint8Array>, withoutFirstLine: boolean): Promise<boolean> {
    let skipping = withoutFirstLine;
    for await (const chunk of body) {
      let rest: Uint8Array = chunk;
      if (skipping) {
        const end = chunk.indexOf(10);
        if (end < 0) continue;
        rest = chunk.subarray(end + 1);
        skipping = false;
      }
      if (!await this.write(rest)) return false;
    }
    return this.isOpen();
  }

  /** Resolves when all that was written has been taken. */
  async end(): Promise<void> {
    if (!this.failure) await new Promise<void>((resolve) => this.stream.once('error', () => resolve()).once('close', () => resolve()).end());
    this.isOpen();
  }

  private isOpen(): boolean {
    if (this.failure && (this.failure as NodeJS.ErrnoException).code !== 'EPIPE') {
      throw refusedBySystem('STORAGE', `${this.name} cannot be written, and is not whole`, this.failure);
    }
    return this.failure === null;
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        this.stream.removeListener('drain', settle);
        this.stream.removeListener('error', settle);
        resolve();
      };
      this.stream.on('drain', settle).on('error', settle);
    });
  }
}
