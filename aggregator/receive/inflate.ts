import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { Problem } from '../api/problem.ts';

export interface BodyLimits {
  readonly compressedBytes: number;
  readonly inflatedBytes: number;
  /** Inflated bytes a compressed byte. */
  readonly ratio: number;
}

export const DEFAULT_BODY_LIMITS: BodyLimits = { compressedBytes: 16 * 1024 * 1024, inflatedBytes: 256 * 1024 * 1024, ratio: 200 };
/** Small bodies may compress better than the ratio allows: nothing is won by refusing them. */
const SMALL_BYTES = 1024 * 1024;

type Inflater = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

const INFLATERS = new Map<string, Inflater>([['gzip', promisify(zlib.gunzip)]]);
// Node has it from 22.15 on.
const zstd = (zlib as unknown as { zstdDecompress?: typeof zlib.gunzip }).zstdDecompress;
if (zstd) INFLATERS.set('zstd', promisify(zstd) as Inflater);

export const CONTENT_ENCODINGS: readonly string[] = [...INFLATERS.keys()];

/** The body without its Content-Encoding; throws Problem where it is unknown, damaged, or larger than the limits. */
export async function inflate(bytes: Uint8Array, encoding: string | undefined, limits: BodyLimits): Promise<Uint8Array> {
  if (encoding === undefined || encoding === 'identity') return bytes;
  const inflater = INFLATERS.get(encoding);
  if (!inflater) {
    throw new Problem(415, `Content-Encoding is ${JSON.stringify(encoding.slice(0, 40))}; ${CONTENT_ENCODINGS.join(', ')} or none is taken`,
      {}, { 'accept-encoding': CONTENT_ENCODINGS.join(', ') });
  }
  const maxOutputLength = Math.min(limits.inflatedBytes, Math.max(SMALL_BYTES, bytes.length * limits.ratio));
  try {
    return await inflater(bytes, { maxOutputLength });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Problem(413, `the body of ${bytes.length} bytes inflates to more than ${maxOutputLength} bytes; send smaller batches`);
    }
    throw new Problem(400, `the body is not ${encoding}: ${(error as Error).message}`);
  }
}
