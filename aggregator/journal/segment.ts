import { randomInt } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from './durable.ts';
import { decodePrefix, encodeFrame, FRAME_FORMAT, prefixBytes, stateOf, type FrameFormat } from './frame.ts';

/** A segment begins with: magic "WEIRLOG2" | salt u32 | 0 u32. Frames follow; the digit is their format. */
const MAGICS: Readonly<Record<FrameFormat, Buffer>> = { 1: Buffer.from('WEIRLOG1'), 2: Buffer.from('WEIRLOG2') };
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
    MAGICS[FRAME_FORMAT].copy(prefix);
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

/**
 * Writes the body of a frame again where it was, and makes it durable; false: this is not the body that was there. A
 * write that is cut off leaves the frame as damaged as before.
 */
export async function mendBody(path: string, { offset }: Stretch, body: Uint8Array): Promise<boolean> {
  const handle = await open(path, 'r+');
  try {
    const key = keyOf(handle.fd, (await handle.stat()).size);
    const prefix = key && decodePrefix(readAt(handle.fd, offset, prefixBytes(key.format)), key.salt, key.format);
    if (!prefix || prefix.bodyLength !== body.length) return false;
    const headerOffset = offset + prefix.bytes.length;
    if (stateOf(prefix, readAt(handle.fd, headerOffset, prefix.headerLength), body) !== 'whole') return false;
    await writeAll(handle, [body], headerOffset + prefix.headerLength);
    await handle.datasync();
    return true;
  } finally {
    await handle.close();
  }
}

/** A stretch of bytes. */
export interface Stretch {
  readonly offset: number;
  readonly bytes: number;
}

export interface SegmentScan {
  /** Bytes up to the end of the last frame of which at least the header is good. */
  readonly goodBytes: number;
  readonly fileBytes: number;
  /** What lies before and between good frames and is none. */
  readonly damaged: readonly Stretch[];
}

/** A frame as it was found. */
export interface FoundFrame {
  readonly header: unknown;
  readonly place: FrameBody;
  /** From its first byte to its last. */
  readonly stretch: Stretch;
  readonly isBodyDamaged: boolean;
}

/** Finds every frame of a segment whose header is good, in order. */
export function scanSegment(path: string, onFrame: (header: unknown, found: FoundFrame) => void): SegmentScan {
  const descriptor = openSync(path, 'r');
  try {
    const fileBytes = fstatSync(descriptor).size;
    const key = keyOf(descriptor, fileBytes);
    if (!key) return { goodBytes: 0, fileBytes, damaged: fileBytes > SEGMENT_PREFIX_BYTES ? [{ offset: 0, bytes: fileBytes }] : [] };
    const damaged: Stretch[] = key.isIntact ? [] : [{ offset: 0, bytes: SEGMENT_PREFIX_BYTES }];
    let good = SEGMENT_PREFIX_BYTES;
    for (let offset = good; offset >= 0;) {
      const frame = readFrame(descriptor, path, offset, fileBytes, key);
      if (!frame) {
        offset = findSalt(descriptor, offset + 1, fileBytes, key);
        continue;
      }
      if (offset > good) damaged.push({ offset: good, bytes: offset - good });
      onFrame(frame.header, frame);
      good = offset = frame.stretch.offset + frame.stretch.bytes;
    }
    return { goodBytes: good, fileBytes, damaged };
  } finally {
    closeSync(descriptor);
  }
}

interface SegmentKey {
  readonly salt: number;
  readonly format: FrameFormat;
}

/**
 * Salt and format of a segment. Where its first bytes are damaged they are taken from the first frame, which begins with
 * the salt and proves it. null: no frame can be found.
 */
function keyOf(descriptor: number, fileBytes: number): (SegmentKey & { readonly isIntact: boolean }) | null {
  const bytes = readAt(descriptor, 0, SEGMENT_PREFIX_BYTES + 4);
  if (bytes.length < SEGMENT_PREFIX_BYTES) return null;
  const format = ([2, 1] as const).find((each) => bytes.subarray(0, 8).equals(MAGICS[each]));
  const salts = bytes.length < SEGMENT_PREFIX_BYTES + 4 ? [bytes.readUInt32LE(8)] : [bytes.readUInt32LE(8), bytes.readUInt32LE(SEGMENT_PREFIX_BYTES)];
  // no segment has 0 for its salt, and zeros are no frames
  for (const salt of salts.filter((each) => each !== 0)) {
    for (const each of format ? [format] : ([2, 1] as const)) {
      const key = { salt, format: each };
      if (readFrame(descriptor, '', SEGMENT_PREFIX_BYTES, fileBytes, key)) return { ...key, isIntact: each === format && salt === salts[0] };
    }
  }
  return format && salts[0] !== 0 ? { salt: salts[0]!, format, isIntact: true } : null;
}

/** null: no frame with a good header begins here. */
function readFrame(descriptor: number, path: string, offset: number, fileBytes: number, { salt, format }: SegmentKey): FoundFrame | null {
  const prefixLength = prefixBytes(format);
  const prefix = decodePrefix(readAt(descriptor, offset, prefixLength), salt, format);
  if (!prefix || offset + prefixLength + prefix.headerLength + prefix.bodyLength > fileBytes) return null;
  const bytes = readAt(descriptor, offset + prefixLength, prefix.headerLength + prefix.bodyLength);
  const header = bytes.subarray(0, prefix.headerLength);
  const state = stateOf(prefix, header, bytes.subarray(prefix.headerLength));
  if (state === 'damaged') return null;
  return {
    header: JSON.parse(header.toString('utf8')),
    place: { path, offset: offset + prefixLength + prefix.headerLength, length: prefix.bodyLength },
    stretch: { offset, bytes: prefixLength + bytes.length },
    isBodyDamaged: state === 'body-damaged',
  };
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
function findSalt(descriptor: number, offset: number, fileBytes: number, { salt, format }: SegmentKey): number {
  const wanted = Buffer.alloc(4);
  wanted.writeUInt32LE(salt);
  for (let at = offset; at + prefixBytes(format) <= fileBytes; at += SEARCH_BYTES) {
    const found = readAt(descriptor, at, Math.min(SEARCH_BYTES + 3, fileBytes - at)).indexOf(wanted);
    if (found >= 0) return at + found;
  }
  return -1;
}
