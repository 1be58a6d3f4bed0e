import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHUNK = Buffer.alloc(1 << 16, 0xa5);

/** A disk of its own that can be filled up. */
export class SmallDisk {
  readonly path: string;
  private readonly ballast: string;

  private constructor(path: string) {
    this.path = path;
    this.ballast = join(path, 'ballast');
  }

  /** Wants root, as all that mounts does. */
  static mount(mebibytes: number): SmallDisk {
    const path = mkdtempSync(join(tmpdir(), 'weir-disk-'));
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'weir-test', path]);
    if (status !== 0) throw new Error(`no disk of its own could be mounted, which wants root: ${stderr.toString()}`);
    return new SmallDisk(path);
  }

  /** Until so many bytes are free. */
  fill(freeBytes: number): void {
    const descriptor = openSync(this.ballast, 'a');
    try {
      for (;;) {
        const { bavail, bsize } = statfsSync(this.path);
        const rest = bavail * bsize - freeBytes;
        if (rest <= 0) return;
        writeSync(descriptor, CHUNK, 0, Math.min(rest, CHUNK.length));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(descriptor);
    }
  }

  empty(): void {
    rmSync(this.ballast, { force: true });
  }

  unmount(): void {
    spawnSync('umount', ['-l', this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}
