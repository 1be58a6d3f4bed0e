import { randomInt } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from './durable.ts';
import { checksumOf, decodePrefix, encodeFrame, FRAME_PREFIX_BYTES } from './frame.ts';

/** A segment begins with: magic "WEIRLOG1" | salt u32 | 0 u32. Frames follow. */
const SEGMENT_MAGIC = Buffer.from('WEIRLOG1');
const SEGMENT_PREFIX_BYTES = 16;

/** Where a frame's body lies. */
export interface FrameBody {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

export interface FrameToWrite {
  readonly header: unknown;
  readonly body: Uint8Array;
}

/**
 * An append-only file of frames.
 *
 * I1. Bytes below `length` are whole frames that a successful `append` has made durable.
 * I2. After a failed `append` the segment takes nothing more.
 */
export class Segment {
  readonly path: string;
  private readonly handle: FileHandle;
  private readonly salt: number;
  private length = SEGMENT_PREFIX_BYTES;

  private constructor(path: string, handle: FileHandle, salt: number) {
    this.path = path;
    this.handle = handle;
    this.salt = salt;
  }

  /** An unfinished file of that name, left by a create that failed, is overwritten. */
  static async create(path: string): Promise<Segment> {
    const handle = await open(path, 'w', 0o600);
    const salt = randomInt(1, 0x1_0000_0000);
    const prefix = Buffer.alloc(SEGMENT_PREFIX_BYTES);
    SEGMENT_MAGIC.copy(prefix);
    prefix.writeUInt32LE(salt, 8);
    try {
      await handle.write(prefix, 0, prefix.length, 0);
      await handle.sync();
      await syncDirectory(dirname(path));
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new Segment(path, handle, salt);
  }

  get bytes(): number {
    return this.length;
  }

  /** Writes the frames with one write and one fdatasync; resolves when they are durable, with their bodies' places. */
  async append(frames: readonly FrameToWrite[]): Promise<FrameBody[]> {
    const parts: Uint8Array[] = [];
    const bodies: FrameBody[] = [];
    let end = this.length;
    for (const { header, body } of frames) {
      const head = encodeFrame(header, body, this.salt);
      parts.push(head, body);
      bodies.push({ path: this.path, offset: end + head.length, length: body.length });
      end += head.length + body.length;
    }
    await writeAll(this.handle, parts, this.length);
    await this.handle.datasync();
    this.length = end;
    return bodies;
  }

  /** Takes away what a failed `append` may have left, so that no later start finds it. */
  async truncateToDurable(): Promise<void> {
    await this.handle.truncate(this.length);
    await this.handle.sync();
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

async function writeAll(handle: FileHandle, parts: Uint8Array[], position: number): Promise<void> {
  let rest = parts.filter((part) => part.length > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await handle.writev(rest, position);
    if (bytesWritten === 0) throw new Error('the disk took no bytes');
    position += bytesWritten;
    while (rest.length > 0 && bytesWritten >= rest[0]!.length) bytesWritten -= rest.shift()!.length;
    if (bytesWritten > 0) rest = [rest[0]!.subarray(bytesWritten), ...rest.slice(1)];
  }
}

export interface SegmentScan {
  /** Bytes up to the end of the last good frame. */
  readonly goodBytes: number;
  readonly fileBytes: number;
  /** Stretches between good frames that hold none: damage, as a torn tail has no good frame behind it. */
  readonly damaged: readonly { readonly offset: number; readonly bytes: number }[];
}

/** Reads every good frame of a segment in order. The body handed out is valid during the call only. */
export function scanSegment(path: string, onFrame: (header: unknown, place: FrameBody, body: Buffer) => void): SegmentScan {
  const descriptor = openSync(path, 'r');
  try {
    const fileBytes = fstatSync(descriptor).size;
    const prefix = readAt(descriptor, 0, SEGMENT_PREFIX_BYTES);
    if (prefix.length < SEGMENT_PREFIX_BYTES || !prefix.subarray(0, 8).equals(SEGMENT_MAGIC)) {
      return { goodBytes: 0, fileBytes, damaged: fileBytes > SEGMENT_PREFIX_BYTES ? [{ offset: 0, bytes: fileBytes }] : [] };
    }
    const salt = prefix.readUInt32LE(8);
    const damaged: { offset: number; bytes: number }[] = [];
    let good = SEGMENT_PREFIX_BYTES;
    for (let offset = good; offset >= 0;) {
      const frame = readFrame(descriptor, offset, fileBytes, salt);
      if (!frame) {
        offset = findSalt(descriptor, offset + 1, fileBytes, salt);
        continue;
      }
      if (offset > good) damaged.push({ offset: good, bytes: offset - good });
      onFrame(frame.header, { path, offset: frame.bodyOffset, length: frame.body.length }, frame.body);
      good = frame.bodyOffset + frame.body.length;
      offset = good;
    }
    return { goodBytes: good, fileBytes, damaged };
  } finally {
    closeSync(descriptor);
  }
}

function readFrame(descriptor: number, offset: number, fileBytes: number, salt: number): { header: unknown; body: Buffer; bodyOffset: number } | null {
  const prefixBytes = readAt(descriptor, offset, FRAME_PREFIX_BYTES);
  const prefix = decodePrefix(prefixBytes, salt);
  if (!prefix || offset + FRAME_PREFIX_BYTES + prefix.headerLength + prefix.bodyLength > fileBytes) return null;
  const bytes = readAt(descriptor, offset + FRAME_PREFIX_BYTES, prefix.headerLength + prefix.bodyLength);
  if (bytes.length < prefix.headerLength + prefix.bodyLength) return null;
  const header = bytes.subarray(0, prefix.headerLength);
  const body = bytes.subarray(prefix.headerLength);
  if (checksumOf(prefixBytes, header, body, salt) !== prefix.checksum) return null;
  return { header: JSON.parse(header.toString('utf8')), body, bodyOffset: offset + FRAME_PREFIX_BYTES + prefix.headerLength };
}

function readAt(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

const SEARCH_BYTES = 1 << 20;

/** Where the next frame may begin at or after `offset`; -1: nowhere. */
function findSalt(descriptor: number, offset: number, fileBytes: number, salt: number): number {
  const wanted = Buffer.alloc(4);
  wanted.writeUInt32LE(salt);
  for (let at = offset; at + FRAME_PREFIX_BYTES <= fileBytes; at += SEARCH_BYTES) {
    const found = readAt(descriptor, at, Math.min(SEARCH_BYTES + 3, fileBytes - at)).indexOf(wanted);
    if (found >= 0) return at + found;
  }
  return -1;
}
