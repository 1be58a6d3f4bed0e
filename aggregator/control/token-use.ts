import { existsSync, readFileSync } from 'node:fs';
import { replaceFile } from '../journal/durable.ts';

const MINUTE_MS = 60_000;
const WRITTEN_EVERY_MS = 5 * MINUTE_MS;

/** When each token was last used, to the minute. Kept on disk now and then: a crash forgets some minutes of it. */
export class TokenUse {
  private readonly path: string;
  /** By id of the token, minutes since the epoch. */
  private readonly minutes: Map<string, number>;
  private isChanged = false;
  private readonly timer: NodeJS.Timeout;

  private constructor(path: string, minutes: Map<string, number>) {
    this.path = path;
    this.minutes = minutes;
    this.timer = setInterval(() => void this.write(), WRITTEN_EVERY_MS).unref();
  }

  static open(path: string): TokenUse {
    return new TokenUse(path, readMinutes(path));
  }

  note(id: string, nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (this.minutes.get(id) === minute) return;
    this.minutes.set(id, minute);
    this.isChanged = true;
  }

  last(id: string): string | null {
    const minute = this.minutes.get(id);
    return minute === undefined ? null : new Date(minute * MINUTE_MS).toISOString();
  }

  /** Of all tokens but these. */
  forgetOthers(ids: ReadonlySet<string>): void {
    for (const id of this.minutes.keys()) if (!ids.has(id)) this.minutes.delete(id);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.write();
  }

  private async write(): Promise<void> {
    if (!this.isChanged) return;
    this.isChanged = false;
    // a disk that refuses stops nothing: the next time may do
    await replaceFile(this.path, `${JSON.stringify(Object.fromEntries(this.minutes))}\n`).catch(() => { this.isChanged = true; });
  }
}

/** What cannot be read is forgotten: nothing depends on it. */
function readMinutes(path: string): Map<string, number> {
  if (!existsSync(path)) return new Map();
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>;
    return new Map(Object.entries(kept).filter(([, minute]) => Number.isSafeInteger(minute)));
  } catch {
    return new Map();
  }
}
