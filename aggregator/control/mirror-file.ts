import { existsSync, readFileSync, renameSync } from 'node:fs';
import { WeirError } from '../../shared/errors.ts';
import { replaceFile } from '../journal/durable.ts';

const RETRY_MS = 5_000;

/** The file of a state that is kept in memory. What changes while it is being written is written together after that. */
export class MirrorFile {
  private readonly path: string;
  private readonly content: () => string;
  private readonly onFailure: (error: Error) => void;
  private writing: Promise<void> = Promise.resolve();
  private next: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private dueMs = Infinity;

  /** `onFailure` is told of writes that nobody waits for; they are tried again. */
  constructor(path: string, content: () => string, onFailure: (error: Error) => void) {
    this.path = path;
    this.content = content;
    this.onFailure = onFailure;
  }

  /** Resolves when the state as it is now is durable; throws STORAGE. */
  write(): Promise<void> {
    return (this.next ??= this.writing.catch(() => {}).then(() => {
      this.next = null;
      this.forgetTimer();
      return (this.writing = this.replace());
    }));
  }

  writeWithin(milliseconds: number): void {
    const dueMs = performance.now() + milliseconds;
    if (dueMs >= this.dueMs) return;
    this.forgetTimer();
    this.dueMs = dueMs;
    this.timer = setTimeout(() => void this.writeOrRetry(), milliseconds);
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    if (this.timer !== null) await this.write().catch(this.onFailure);
    else await (this.next ?? this.writing).catch(() => {});
    this.forgetTimer();
  }

  private async writeOrRetry(): Promise<void> {
    try {
      await this.write();
    } catch (error) {
      this.onFailure(error as Error);
      this.writeWithin(RETRY_MS);
    }
  }

  private forgetTimer(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.dueMs = Infinity;
  }

  private async replace(): Promise<void> {
    try {
      await replaceFile(this.path, this.content());
    } catch (cause) {
      throw new WeirError('STORAGE', `${this.path} could not be written: ${(cause as Error).message}`, { cause });
    }
  }
}

/** The list in a file that is made anew by itself: one that is damaged is moved aside, and told. */
export function readMirror<T>(path: string, onDamage: (error: Error) => void): T[] {
  if (!existsSync(path)) return [];
  try {
    const list: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!Array.isArray(list)) throw new Error('it holds no list');
    return list as T[];
  } catch (cause) {
    const aside = `${path}.damaged`;
    onDamage(new WeirError('STORAGE', `${path} is damaged (${(cause as Error).message}) and is begun anew; the old one is ${aside}`, { cause }));
    try {
      renameSync(path, aside);
    } catch {
      // the next write replaces it
    }
    return [];
  }
}
