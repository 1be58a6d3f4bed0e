import { promisify } from 'node:util';
import { crc32, deflateRaw as deflateRawCallback, inflateRawSync } from 'node:zlib';
import type { WireSeal } from '../../shared/wire/wire-seal.ts';

const deflateRaw = promisify(deflateRawCallback);

/**
 * A segment is a file of blocks. The first one: magic "WEIRSPL1" | salt u32 | crc32 u32 of these 12 bytes. A frame
 * begins with a block and is filled up to whole ones, so that no write touches a block with something older in it:
 *
 *     salt u32 | header length u32 | body length u32 | crc32 of the body u32 | crc32 of these 16 bytes and the header u32
 *     | header: JSON, deflated | body: a columnar batch, gzipped                                        (little-endian)
 *
 * The header alone tells what is lost when the body is damaged. The salt is the writing process's own random number, so
 * nothing in a body can pass for a frame.
 */
export const BLOCK_BYTES = 4096;
const MAGIC = Buffer.from('WEIRSPL1');
const PREFIX_BYTES = 20;
const MAX_PART_BYTES = 512 * 1024 * 1024;
const MAX_HEADER_BYTES = 256 * 1024 * 1024;
const HEADER_LEVEL = 1;
const EMPTY_BLOCK = Buffer.alloc(BLOCK_BYTES);

/** Unix seconds. */
export interface FrameWindow {
  readonly start: number;
  readonly seconds: number;
}

export interface FrameHeader {
  /** Numbers rise through the life of a spool. */
  readonly id: number;
  readonly agentId: string;
  /** null: the frame states losses, of many windows. */
  readonly window: FrameWindow | null;
  readonly rows: number;
  /** In those rows. */
  readonly packets: number;
  /** What has to be stated if the rows are lost: of each ENI a seal that says nothing else. */
  readonly ifLost: readonly WireSeal[];
  /** The seals in the body. */
  readonly seals: readonly WireSeal[];
}

export function paddedBytes(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

export function segmentPrefix(salt: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  MAGIC.copy(block);
  block.writeUInt32LE(salt, 8);
  block.writeUInt32LE(crc32(block.subarray(0, 12)), 12);
  return block;
}

export interface EncodedFrame {
  /** Whole blocks. */
  readonly bytes: Buffer;
  readonly bodyOffset: number;
  readonly bodyCrc: number;
}

export async function encodeFrame(header: FrameHeader, body: Uint8Array, salt: number): Promise<EncodedFrame> {
  const head = await deflateRaw(JSON.stringify(header), { level: HEADER_LEVEL });
  const bodyOffset = PREFIX_BYTES + head.length;
  const bytes = Buffer.alloc(paddedBytes(bodyOffset + body.length));
  const bodyCrc = crc32(body);
  bytes.writeUInt32LE(salt, 0);
  bytes.writeUInt32LE(head.length, 4);
  bytes.writeUInt32LE(body.length, 8);
  bytes.writeUInt32LE(bodyCrc, 12);
  bytes.writeUInt32LE(crc32(head, crc32(bytes.subarray(0, 16))), 16);
  head.copy(bytes, PREFIX_BYTES);
  bytes.set(body, bodyOffset);
  return { bytes, bodyOffset, bodyCrc };
}

export interface FoundFrame {
  readonly header: FrameHeader;
  readonly offset: number;
  /** Whole blocks. */
  readonly bytes: number;
  readonly bodyOffset: number;
  readonly bodyLength: number;
  readonly bodyCrc: number;
  /** The body is as it was written. */
  readonly isWhole: boolean;
}

export interface SegmentScan {
  readonly frames: readonly FoundFrame[];
  /** Blocks that are neither empty nor part of a frame. */
  readonly damaged: readonly { readonly offset: number; readonly bytes: number }[];
  /** Up to the end of the last frame or damage. */
  readonly usedBytes: number;
}

/** Every frame of a segment that can be read, whatever lies between. */
export function scanSegment(segment: Buffer): SegmentScan {
  const frames: FoundFrame[] = [];
  const damaged: { offset: number; bytes: number }[] = [];
  const salt = saltOf(segment);
  let used = 0;
  for (let offset = isPrefix(segment) ? BLOCK_BYTES : 0; offset < segment.length; ) {
    const frame = readFrame(segment, offset, salt);
    const block = segment.subarray(offset, offset + BLOCK_BYTES);
    if (frame) {
      frames.push(frame);
      offset += frame.bytes;
      used = offset;
    } else {
      if (!block.equals(EMPTY_BLOCK.subarray(0, block.length))) {
        const last = damaged.at(-1);
        if (last && last.offset + last.bytes === offset) last.bytes += block.length;
        else damaged.push({ offset, bytes: block.length });
        used = offset + block.length;
      }
      offset += BLOCK_BYTES;
    }
  }
  return { frames, damaged, usedBytes: Math.min(used, segment.length) };
}

function isPrefix(segment: Buffer): boolean {
  return segment.length >= BLOCK_BYTES && segment.subarray(0, 8).equals(MAGIC) && segment.readUInt32LE(12) === crc32(segment.subarray(0, 12));
}

/** Where the first block is damaged, the first frame tells. */
function saltOf(segment: Buffer): number {
  if (isPrefix(segment)) return segment.readUInt32LE(8);
  return segment.length >= BLOCK_BYTES + PREFIX_BYTES ? segment.readUInt32LE(BLOCK_BYTES) : 0;
}

function readFrame(segment: Buffer, offset: number, salt: number): FoundFrame | null {
  if (offset + PREFIX_BYTES > segment.length || segment.readUInt32LE(offset) !== salt || salt === 0) return null;
  const headLength = segment.readUInt32LE(offset + 4);
  const bodyLength = segment.readUInt32LE(offset + 8);
  const bodyCrc = segment.readUInt32LE(offset + 12);
  const bodyOffset = offset + PREFIX_BYTES + headLength;
  if (headLength > MAX_PART_BYTES || bodyLength > MAX_PART_BYTES || bodyOffset > segment.length) return null;
  const head = segment.subarray(offset + PREFIX_BYTES, bodyOffset);
  if (crc32(head, crc32(segment.subarray(offset, offset + 16))) !== segment.readUInt32LE(offset + 16)) return null;
  const header = JSON.parse(inflateRawSync(head, { maxOutputLength: MAX_HEADER_BYTES }).toString('utf8')) as FrameHeader;
  const body = segment.subarray(bodyOffset, bodyOffset + bodyLength);
  return {
    header, offset, bytes: paddedBytes(PREFIX_BYTES + headLength + bodyLength), bodyOffset, bodyLength, bodyCrc,
    isWhole: body.length === bodyLength && crc32(body) === bodyCrc,
  };
}
