import { crc32 } from 'node:zlib';

/**
 * One entry of a log: a JSON header and a body of bytes, each under a checksum of its own, so that a damaged body does
 * not hide what it was.
 *
 *     salt u32 | header length u32 | body length u32 | crc32 of the body u32 | crc32 of all else u32 | header | body
 *
 * Numbers are little-endian. The salt is the segment's own random number, and both checksums begin with it: bytes that
 * an agent sends can therefore not pass for a frame when a damaged segment is searched for the next one. Format 1, of
 * earlier builds, has one checksum for both.
 */
export type FrameFormat = 1 | 2;

export const FRAME_FORMAT = 2;
const PREFIX_BYTES: Readonly<Record<FrameFormat, number>> = { 1: 16, 2: 20 };
const MAX_HEADER_BYTES = 512 * 1024 * 1024;
const MAX_BODY_BYTES = 512 * 1024 * 1024;

export interface FramePrefix {
  readonly format: FrameFormat;
  readonly bytes: Buffer;
  readonly salt: number;
  readonly headerLength: number;
  readonly bodyLength: number;
}

/** How much of a frame can be believed. */
export type FrameState = 'whole' | 'body-damaged' | 'damaged';

export function prefixBytes(format: FrameFormat): number {
  return PREFIX_BYTES[format];
}

/** The frame's bytes but for the body, which follows them. */
export function encodeFrame(header: unknown, body: Uint8Array, salt: number): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  if (json.length > MAX_HEADER_BYTES || body.length > MAX_BODY_BYTES) throw new Error(`a frame of ${json.length} + ${body.length} bytes`);
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES[FRAME_FORMAT] + json.length);
  bytes.writeUInt32LE(salt, 0);
  bytes.writeUInt32LE(json.length, 4);
  bytes.writeUInt32LE(body.length, 8);
  bytes.writeUInt32LE(crc32(body, salt), 12);
  bytes.writeUInt32LE(crc32(json, crc32(bytes.subarray(4, 16), salt)), 16);
  json.copy(bytes, PREFIX_BYTES[FRAME_FORMAT]);
  return bytes;
}

/** null: no frame begins here. */
export function decodePrefix(bytes: Buffer, salt: number, format: FrameFormat): FramePrefix | null {
  if (bytes.length < PREFIX_BYTES[format] || bytes.readUInt32LE(0) !== salt) return null;
  const headerLength = bytes.readUInt32LE(4);
  const bodyLength = bytes.readUInt32LE(8);
  // a header has a byte at least: where bytes are all zero there is no frame
  if (headerLength === 0 || headerLength > MAX_HEADER_BYTES || bodyLength > MAX_BODY_BYTES) return null;
  return { format, bytes, salt, headerLength, bodyLength };
}

export function stateOf({ format, bytes, salt }: FramePrefix, header: Uint8Array, body: Uint8Array): FrameState {
  if (format === 1) return crc32(body, crc32(header, crc32(bytes.subarray(4, 12), salt))) === bytes.readUInt32LE(12) ? 'whole' : 'damaged';
  if (crc32(header, crc32(bytes.subarray(4, 16), salt)) !== bytes.readUInt32LE(16)) return 'damaged';
  return crc32(body, salt) === bytes.readUInt32LE(12) ? 'whole' : 'body-damaged';
}
