import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Stretch } from './segment.ts';

const MOST_BYTES = 256 * 1024 * 1024;
const COPY_BYTES = 1 << 20;

export interface QuarantinedFile {
  readonly name: string;
  readonly bytes: number;
  readonly since: Date;
}

/**
 * Damaged bytes, kept for whoever wants to look at them. Nothing depends on them: beyond 256 MiB what has lain there
 * longest goes, and a disk that takes nothing stops nobody.
 */
export class Quarantine {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** A part of a file, under a name that says which; false: it lies there since before. */
  copy(path: string, stretch: Stretch): boolean {
    const name = `${basename(path)}-at-${stretch.offset}-${stretch.bytes}`;
    if (existsSync(join(this.directory, name))) return false;
    this.attempt(() => copyStretch(path, join(this.directory, name), stretch), stretch.bytes);
    return true;
  }

  /** The file itself; it is gone from its place, or else copied. */
  take(path: string): void {
    const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    this.attempt(() => renameSync(path, join(this.directory, `${Date.now()}-${basename(path)}`)), bytes);
  }

  /** The newest first. */
  list(): QuarantinedFile[] {
    if (!existsSync(this.directory)) return [];
    return readdirSync(this.directory)
      .map((name) => ({ name, stat: statSync(join(this.directory, name)) }))
      .map(({ name, stat }) => ({ name, bytes: stat.size, since: stat.mtime }))
      .sort((a, b) => b.since.getTime() - a.since.getTime());
  }

  private attempt(work: () => void, bytes: number): void {
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      this.shrink(bytes);
      work();
    } catch {
      // only what somebody might have wanted to look at is lost
    }
  }

  private shrink(room: number): void {
    const files = this.list();
    let bytes = files.reduce((sum, file) => sum + file.bytes, room);
    while (bytes > MOST_BYTES && files.length > 0) {
      const oldest = files.pop()!;
      rmSync(join(this.directory, oldest.name));
      bytes -= oldest.bytes;
    }
  }
}

function copyStretch(from: string, to: string, { offset, bytes }: Stretch): void {
  const source = openSync(from, 'r');
  const target = openSync(`${to}.new`, 'w', 0o600);
  try {
    const buffer = Buffer.allocUnsafe(COPY_BYTES);
    for (let done = 0; done < bytes;) {
      const count = readSync(source, buffer, 0, Math.min(COPY_BYTES, bytes - done), offset + done);
      if (count === 0) break;
      writeSync(target, buffer, 0, count);
      done += count;
    }
    fsyncSync(target);
  } finally {
    closeSync(source);
    closeSync(target);
  }
  renameSync(`${to}.new`, to);
}
