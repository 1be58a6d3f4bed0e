import { crc32 } from 'node:zlib';

/**
 * One entry of a log: a JSON header and a body of bytes, under one checksum.
 *
 *     salt u32 | header length u32 | body length u32 | crc32 u32 | header | body        (little-endian)
 *
 * The salt is the segment's own random number, and the checksum over lengths, header and body begins with it: bytes
 * that an agent sends can therefore not pass for a frame when a damaged segment is searched for the next one.
 */
export const FRAME_PREFIX_BYTES = 16;
const MAX_HEADER_BYTES = 512 * 1024 * 1024;
const MAX_BODY_BYTES = 512 * 1024 * 1024;

export interface FramePrefix {
  readonly headerLength: number;
  readonly bodyLength: number;
  readonly checksum: number;
}

/** The frame's bytes but for the body, which follows them. */
export function encodeFrame(header: unknown, body: Uint8Array, salt: number): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  if (json.length > MAX_HEADER_BYTES || body.length > MAX_BODY_BYTES) throw new Error(`a frame of ${json.length} + ${body.length} bytes`);
  const bytes = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + json.length);
  bytes.writeUInt32LE(salt, 0);
  bytes.writeUInt32LE(json.length, 4);
  bytes.writeUInt32LE(body.length, 8);
  json.copy(bytes, FRAME_PREFIX_BYTES);
  bytes.writeUInt32LE(checksumOf(bytes, json, body, salt), 12);
  return bytes;
}

/** null: no frame begins here. */
export function decodePrefix(bytes: Buffer, salt: number): FramePrefix | null {
  if (bytes.length < FRAME_PREFIX_BYTES || bytes.readUInt32LE(0) !== salt) return null;
  const headerLength = bytes.readUInt32LE(4);
  const bodyLength = bytes.readUInt32LE(8);
  if (headerLength > MAX_HEADER_BYTES || bodyLength > MAX_BODY_BYTES) return null;
  return { headerLength, bodyLength, checksum: bytes.readUInt32LE(12) };
}

export function checksumOf(prefix: Buffer, header: Uint8Array, body: Uint8Array, salt: number): number {
  return crc32(body, crc32(header, crc32(prefix.subarray(4, 12), salt)));
}
