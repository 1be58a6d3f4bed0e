import { crc32 } from 'node:zlib';
import type { WireSeal } from '../../shared/wire/wire-seal.ts';
import { BLOCK_BYTES, scanSegment, segmentPrefix, type EncodedFrame, type FoundFrame, type FrameHeader } from './spool-frame.ts';
import type { DiskFile, SpoolDisk } from './spool-disk.ts';

/** A frame that waits to be sent. */
export interface WaitingFrame {
  readonly id: number;
  readonly agentId: string;
  readonly segment: SpoolSegment;
  /** Of the frame in its segment, and of the body. */
  readonly offset: number;
  readonly bodyOffset: number;
  readonly bodyLength: number;
  readonly bodyCrc: number;
  /** Start of its window; of one that states losses, the oldest. */
  readonly windowStart: number;
  readonly rows: number;
  readonly packets: number;
  readonly isLoss: boolean;
  /** performance.now() when it was written; -Infinity: before this start. */
  readonly writtenMs: number;
  /** The seals of its window stand in this frame or a later one, so that it may be sent. */
  isSealed: boolean;
  /** It is being dropped. */
  isDropped: boolean;
}

export function segmentName(firstId: number): string {
  return `segment-${String(firstId).padStart(16, '0')}.spool`;
}

/** A file of frames. Only the newest one takes more, and only the process that made it. */
export class SpoolSegment {
  readonly name: string;
  /** Lowest number of a frame in it. */
  readonly firstId: number;
  /** On the disk. */
  readonly bytes: number;
  readonly waiting = new Map<number, WaitingFrame>();
  private readonly disk: SpoolDisk;
  /** null: takes nothing any more. */
  private file: DiskFile | null = null;
  private used: number;

  constructor(disk: SpoolDisk, name: string, firstId: number, bytes: number) {
    this.disk = disk;
    this.name = name;
    this.firstId = firstId;
    this.bytes = bytes;
    this.used = bytes;
  }

  /** Durable, with all of its room. */
  static async create(disk: SpoolDisk, firstId: number, bytes: number, salt: number): Promise<SpoolSegment> {
    const name = segmentName(firstId);
    const segment = new SpoolSegment(disk, name, firstId, bytes);
    const file = await disk.open(name, 'create');
    try {
      await file.write(segmentPrefix(salt), 0);
      await file.allocate(bytes);
      await file.sync();
      await disk.syncNames();
    } catch (error) {
      await file.close().catch(() => {});
      await disk.remove(name).catch(() => {}); // an empty one does no harm
      throw error;
    }
    segment.file = file;
    segment.used = BLOCK_BYTES;
    return segment;
  }

  get room(): number {
    return this.file === null ? 0 : this.bytes - this.used;
  }

  /** Appends the bytes of whole frames and makes them durable; their offset. After a failure the segment takes nothing more. */
  async append(bytes: Buffer): Promise<number> {
    const offset = this.used;
    try {
      await this.file!.write(bytes, offset);
      await this.file!.sync();
    } catch (error) {
      await this.close();
      throw error;
    }
    this.used += bytes.length;
    return offset;
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = null;
    await file?.close().catch(() => {});
  }

  /** null where it is not what was written. */
  async readBody({ bodyOffset, bodyLength, bodyCrc }: WaitingFrame): Promise<Buffer | null> {
    const body = await this.read(bodyOffset, bodyLength);
    return body.length === bodyLength && crc32(body) === bodyCrc ? body : null;
  }

  /** All that is to be stated where the body is lost. */
  async readSeals({ offset, bodyOffset, id }: WaitingFrame): Promise<WireSeal[]> {
    const { frames } = scanSegment(Buffer.concat([await this.read(0, BLOCK_BYTES), await this.read(offset, bodyOffset - offset)]));
    const header = frames.find((frame) => frame.header.id === id)?.header;
    return header ? [...header.ifLost, ...header.seals] : [];
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const file = await this.disk.open(this.name, 'read');
    try {
      return await file.read(offset, length);
    } finally {
      await file.close();
    }
  }

  waitFor(header: FrameHeader, place: Pick<FoundFrame, 'offset' | 'bodyOffset' | 'bodyLength' | 'bodyCrc'>, writtenMs: number, isSealed: boolean): WaitingFrame {
    const { id, agentId, window, rows, packets, seals } = header;
    const frame: WaitingFrame = {
      id, agentId, segment: this, ...place, rows, packets, isLoss: window === null, writtenMs, isSealed, isDropped: false,
      windowStart: window?.start ?? seals.reduce((least, { windowStart }) => Math.min(least, windowStart), Infinity),
    };
    this.waiting.set(id, frame);
    return frame;
  }
}

export function placeOf(frame: EncodedFrame, offset: number, bodyLength: number): Pick<FoundFrame, 'offset' | 'bodyOffset' | 'bodyLength' | 'bodyCrc'> {
  return { offset, bodyOffset: offset + frame.bodyOffset, bodyLength, bodyCrc: frame.bodyCrc };
}
