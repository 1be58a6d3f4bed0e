import { crc32 } from 'node:zlib';
import type { WireSeal } from '../../shared/wire/wire-seal.ts';
import type { IdSpan } from './id-set.ts';
import type { DiskFile, SpoolDisk } from './spool-disk.ts';

/** Rows and seals of a batch, each from the first to before the last. */
export interface BatchPart {
  readonly rows: readonly [number, number];
  readonly seals: readonly [number, number];
}

/** What is being sent under the next sequence number. */
export interface BoundBatch {
  readonly id: number;
  /** What is left to send of a batch that was refused as a whole, the first next; null: all of it at once. */
  readonly parts: readonly BatchPart[] | null;
  /** Times that the collector has refused some part of it. */
  readonly refusals: number;
  /** What the parts that were set aside come to. */
  readonly lost: readonly WireSeal[];
}

export interface Position {
  readonly generation: number;
  readonly agentId: string;
  readonly epoch: number;
  /** The last sequence number of the epoch that is settled: acknowledged. */
  readonly sequence: number;
  readonly bound: BoundBatch | null;
  /** The last frame that was made durable. */
  readonly confirmed: number;
  /**
   * Start of the latest window that was sealed in a durable frame, and its length, in Unix seconds; and the last frame that
   * sealed a window, which may be an earlier one that was open again. null: none was sealed.
   */
  readonly sealedThrough: { readonly start: number; readonly seconds: number; readonly frame: number } | null;
  /** Start of the oldest window of which something waits; null: nothing does. */
  readonly waitingSince: number | null;
  /** Frames below, and those in `done`, need not be sent any more. */
  readonly doneBelow: number;
  readonly done: readonly IdSpan[];
  /** Frames that count as never written, although they may be there. */
  readonly voided: readonly IdSpan[];
}

const FILES = ['position-a', 'position-b'] as const;
const MAGIC = 0x534f5057;
const PREFIX_BYTES = 12;
/** Room that is taken at once, so that a full disk does not keep a position from being written. */
const ALLOCATED_BYTES = 64 * 1024;

export function isPositionFile(name: string): boolean {
  return (FILES as readonly string[]).includes(name);
}

/**
 * The position on disk, twice.
 *
 * I1. One file is written when the other one is whole and durable: first the one that is not known to be. So each
 *     position whose `write` has resolved is in both, and damage to one file, a write that was cut off too, leaves the
 *     other.
 */
export class PositionFiles {
  private readonly disk: SpoolDisk;
  /** Open, with their names durable; or none. */
  private files: DiskFile[] = [];
  /** Index of the file to be written first. */
  private first = 0;

  constructor(disk: SpoolDisk) {
    this.disk = disk;
  }

  /** null: neither file has one. */
  async read(): Promise<Position | null> {
    const [a, b] = [await this.readFile(FILES[0]), await this.readFile(FILES[1])];
    this.first = (a?.generation ?? -1) > (b?.generation ?? -1) ? 1 : 0;
    return this.first === 1 ? a : b;
  }

  async write(position: Position): Promise<void> {
    const json = Buffer.from(JSON.stringify(position));
    const bytes = Buffer.alloc(PREFIX_BYTES + json.length);
    bytes.writeUInt32LE(MAGIC, 0);
    bytes.writeUInt32LE(json.length, 4);
    bytes.writeUInt32LE(crc32(json), 8);
    json.copy(bytes, PREFIX_BYTES);
    if (this.files.length < FILES.length) await this.openFiles();
    for (const index of [this.first, 1 - this.first]) {
      this.first = index;
      await this.files[index]!.write(bytes, 0);
      await this.files[index]!.sync();
    }
  }

  async close(): Promise<void> {
    for (const file of this.files.splice(0)) await file.close();
  }

  private async openFiles(): Promise<void> {
    await this.read(); // which of them comes first
    const there = await this.disk.list();
    const files: DiskFile[] = [];
    try {
      for (const name of FILES) {
        const file = await this.disk.open(name, there.includes(name) ? 'update' : 'create');
        files.push(file);
        await file.allocate(ALLOCATED_BYTES);
        await file.sync();
      }
      await this.disk.syncNames();
    } catch (error) {
      for (const file of files) await file.close();
      throw error;
    }
    this.files = files;
  }

  private async readFile(name: string): Promise<Position | null> {
    let file: DiskFile;
    try {
      file = await this.disk.open(name, 'read');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      const bytes = await file.read(0, await file.size());
      if (bytes.length < PREFIX_BYTES || bytes.readUInt32LE(0) !== MAGIC) return null;
      const json = bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + bytes.readUInt32LE(4));
      return crc32(json) === bytes.readUInt32LE(8) ? (JSON.parse(json.toString('utf8')) as Position) : null;
    } finally {
      await file.close();
    }
  }
}
