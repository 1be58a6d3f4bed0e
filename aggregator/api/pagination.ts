import { crc32 } from 'node:zlib';
import { Type } from 'typebox';
import { Problem } from './problem.ts';

export const DEFAULT_PAGE_ITEMS = 100;
export const MAXIMUM_PAGE_ITEMS = 1000;

/** To be spread into the query parameters of a route that lists. */
export const PAGE_PARAMETERS = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAXIMUM_PAGE_ITEMS, description: `How many at most; ${DEFAULT_PAGE_ITEMS} unless given.` })),
  cursor: Type.Optional(Type.String({ maxLength: 1024, description: '`next` of the answer before.' })),
};

/** Beside the items, in the answer of a route that lists. */
export const NEXT_CURSOR = Type.Union([Type.String(), Type.Null()], { description: 'Cursor of the next page; null at the end.' });

export interface PageRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/**
 * The items of a page, by their key, which must be one item's alone. A cursor holds the last key: items that come or
 * go between two pages neither repeat nor hide others. `list` names what is listed; a cursor of another list is refused.
 */
export function pageOf<T>(list: string, items: Iterable<T>, keyOf: (item: T) => string, { limit = DEFAULT_PAGE_ITEMS, cursor }: PageRequest): Page<T> {
  const after = cursor === undefined || cursor === '' ? null : keyAfter(list, cursor);
  const keyed = Array.from(items, (item) => ({ key: keyOf(item), item }));
  const left = after === null ? keyed : keyed.filter(({ key }) => key > after);
  left.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const shown = left.slice(0, limit);
  return { items: shown.map(({ item }) => item), next: left.length > shown.length ? cursorAt(list, shown.at(-1)!.key) : null };
}

export function cursorAt(list: string, key: string): string {
  const content = Buffer.from(key).toString('base64url');
  return `${content}.${checksum(list, content)}`;
}

/** Throws where the cursor was not made by `cursorAt` for this list. The checksum keeps mistakes out, not those who compute it too. */
export function keyAfter(list: string, cursor: string): string {
  const match = /^([\w-]*)\.([0-9a-f]{8})$/.exec(cursor);
  if (!match || match[2] !== checksum(list, match[1]!)) throw foreignCursor();
  return Buffer.from(match[1]!, 'base64url').toString();
}

export function foreignCursor(): Problem {
  return new Problem(400, 'the cursor is none of this list: give `next` of the answer before as it is, or no cursor for the first page');
}

function checksum(list: string, content: string): string {
  return crc32(`${list} ${content}`).toString(16).padStart(8, '0');
}
