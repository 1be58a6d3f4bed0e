import { createHash } from 'node:crypto';
import { WeirError } from '../../shared/errors.ts';
import { isRecordKey, type RecordKey } from './record-order.ts';

/**
 * Where the next page of a search begins. It names a record, not a row number, so pages neither repeat nor skip records
 * when new windows appear; and it holds the time range, so that `-1h` means the same hour on every page.
 */
export interface Cursor {
  /** Of the query that the cursor belongs to. */
  readonly queryHash: string;
  /** Unix seconds, [from, to). */
  readonly from: number;
  readonly to: number;
  readonly key: RecordKey;
  /** Records with that very key that earlier pages have given. */
  readonly given: number;
}

const MAXIMUM_CURSOR_CHARACTERS = 8192;

/** A search the other way around is another one. */
export function queryHash(query: string, newestFirst: boolean): string {
  return createHash('sha256').update(newestFirst ? `newest ${query}` : query).digest('base64url').slice(0, 16);
}

export function encodeCursor(cursor: Cursor): string {
  const { queryHash: hash, from, to, key, given } = cursor;
  return Buffer.from(JSON.stringify([1, hash, from, to, given, key])).toString('base64url');
}

/** Throws WeirError USAGE on anything that `encodeCursor` did not make for this query. */
export function decodeCursor(text: string, query: string, newestFirst: boolean): Cursor {
  const bad = (why: string) => new WeirError('USAGE', `the cursor ${why}: begin again without one`);
  if (text.length > MAXIMUM_CURSOR_CHARACTERS) throw bad('is too long');
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    throw bad('cannot be read');
  }
  if (!Array.isArray(parts) || parts.length !== 6 || parts[0] !== 1) throw bad('cannot be read');
  const [, hash, from, to, given, key] = parts as unknown[];
  if (![from, to, given].every((value) => Number.isSafeInteger(value) && (value as number) >= 0) || !isRecordKey(key)) throw bad('cannot be read');
  if (hash !== queryHash(query, newestFirst)) throw bad('belongs to another query');
  return { queryHash: hash, from: from as number, to: to as number, given: given as number, key };
}
