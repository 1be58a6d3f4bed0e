import { statfs } from 'node:fs/promises';
import { Problem } from '../api/problem.ts';

const LOOK_MS = 1_000;
const MOST_FLOOR_BYTES = 1024 ** 3;
const FLOOR_SHARE = 0.05;
const RETRY_AFTER_SECONDS = 5;

/**
 * The room on the disk of the data directory. Below the floor nothing more is taken in, so that there is room to publish
 * what was acknowledged; it goes on by itself when there is room again.
 */
export class DiskRoom {
  freeBytes = Infinity;
  totalBytes = Infinity;
  private readonly directory: string;
  private readonly wantedFloorBytes: number | null;
  private readonly onChange: (isLow: boolean) => void;
  private wasLow = false;
  private timer: NodeJS.Timeout | null = null;

  /** `floorBytes` null: 1 GiB, or a twentieth of the disk where that is less. */
  constructor(directory: string, floorBytes: number | null, onChange: (isLow: boolean) => void) {
    this.directory = directory;
    this.wantedFloorBytes = floorBytes;
    this.onChange = onChange;
  }

  async start(): Promise<void> {
    await this.look();
    this.timer = setInterval(() => void this.look(), LOOK_MS).unref();
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
  }

  get floorBytes(): number {
    return this.wantedFloorBytes ?? Math.min(MOST_FLOOR_BYTES, this.totalBytes * FLOOR_SHARE);
  }

  get isLow(): boolean {
    return this.freeBytes < this.floorBytes;
  }

  /** What is answered while there is no room; null: there is. */
  refusal(): Problem | null {
    if (!this.isLow) return null;
    return new Problem(503, `the disk of ${this.directory} has ${this.freeBytes} bytes left, less than the ${Math.round(this.floorBytes)} that are kept free (--disk-floor): nothing is taken in until there is more room`,
      { type: 'urn:weir:problem:disk-full' }, { 'retry-after': String(RETRY_AFTER_SECONDS) });
  }

  /** Looks by itself each second. */
  async look(): Promise<void> {
    try {
      const { bavail, blocks, bsize } = await statfs(this.directory);
      this.freeBytes = bavail * bsize;
      this.totalBytes = blocks * bsize;
    } catch {
      // a disk that does not tell is asked by writing to it
    }
    if (this.isLow === this.wasLow) return;
    this.wasLow = this.isLow;
    this.onChange(this.isLow);
  }
}
