import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { Problem } from '../api/problem.ts';

export interface BodyLimits {
  readonly compressedBytes: number;
  readonly inflatedBytes: number;
  /** Of lines, which take longer to read, during which nobody else is answered. */
  readonly ndjsonBytes: number;
  /** Inflated bytes a compressed byte. */
  readonly ratio: number;
}

const MIB = 1024 * 1024;
export const DEFAULT_BODY_LIMITS: BodyLimits = { compressedBytes: 16 * MIB, inflatedBytes: 256 * MIB, ndjsonBytes: 64 * MIB, ratio: 200 };
/** Small bodies may compress better than the ratio allows: nothing is won by refusing them. */
const SMALL_BYTES = MIB;
/** RFC 1952: header and trailer. The trailer ends with the size of what was compressed. */
const LEAST_GZIP_BYTES = 18;
const LEAST_CHUNK_BYTES = 64;

type Inflater = (bytes: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Promise<Buffer>;

const INFLATERS = new Map<string, Inflater>([['gzip', promisify(zlib.gunzip)]]);
// Node has it from 22.15 on.
const zstd = (zlib as unknown as { zstdDecompress?: typeof zlib.gunzip }).zstdDecompress;
if (zstd) INFLATERS.set('zstd', promisify(zstd) as Inflater);

export const CONTENT_ENCODINGS: readonly string[] = [...INFLATERS.keys()];

/**
 * What the body may need when it is inflated, in bytes, to be tried in this order: what it says itself, then all that
 * the limits allow. Throws Problem where the encoding is unknown.
 */
export function inflatedSizes(body: Uint8Array, encoding: string | undefined, limits: BodyLimits): number[] {
  if (encoding === undefined || encoding === 'identity') return [body.length];
  if (!INFLATERS.has(encoding)) {
    throw new Problem(415, `Content-Encoding is ${JSON.stringify(encoding.slice(0, 40))}; ${CONTENT_ENCODINGS.join(', ')} or none is taken`,
      {}, { 'accept-encoding': CONTENT_ENCODINGS.join(', ') });
  }
  const most = Math.min(limits.inflatedBytes, Math.max(SMALL_BYTES, body.length * limits.ratio));
  if (encoding !== 'gzip' || body.length < LEAST_GZIP_BYTES) return [most];
  const stated = Buffer.from(body.buffer, body.byteOffset, body.byteLength).readUInt32LE(body.length - 4);
  return stated > 0 && stated < most ? [stated, most] : [most];
}

/** The body without its Content-Encoding; null where that is larger than `size`. Throws Problem where it is damaged. */
export async function inflate(body: Uint8Array, encoding: string | undefined, size: number): Promise<Uint8Array | null> {
  const inflater = INFLATERS.get(encoding ?? '');
  if (!inflater) return body;
  try {
    // Room for one byte more, so that what has the size it says ends in the first chunk, and is not put together from several.
    return await inflater(body, { maxOutputLength: size, chunkSize: Math.max(LEAST_CHUNK_BYTES, size + 1) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return null;
    throw new Problem(400, `the body is not ${encoding}: ${(error as Error).message}`);
  }
}

export function tooLarge(bytes: number, limits: BodyLimits): Problem {
  return new Problem(413, `the body of ${bytes} bytes inflates to more than ${
    Math.min(limits.inflatedBytes, Math.max(SMALL_BYTES, bytes * limits.ratio))} bytes; send smaller batches`);
}
