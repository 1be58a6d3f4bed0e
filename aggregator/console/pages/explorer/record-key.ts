import { FIELDS } from '../../../../shared/fields.ts';
import type { FlowRecord } from './question.ts';
import { termOf } from './query-terms.ts';

/** Fields that tell one record from another. */
export const KEY_FIELDS: readonly string[] = FIELDS.filter(({ name, merge }) => merge === 'key' || name === 'end').map(({ name }) => name);

/** Searches that find exactly this record, so that an address can name it. Values that no query can hold are left out. */
export function recordSearch(record: FlowRecord): string {
  return KEY_FIELDS.filter((name) => record[name] !== null && record[name] !== undefined).map((name) => termOf(name, record[name]!)).filter((term) => term !== null).join(' ');
}

/** When the window of such a search begins, Unix seconds. */
export function startOf(search: string): number | null {
  const start = /(?:^| )start:(\d{1,11})(?: |$)/.exec(search)?.[1];
  return start === undefined ? null : Number(start);
}

/** Records of the same 5-tuple, both ways; null for what has no addresses. */
export function connectionSearch(record: FlowRecord): string | null {
  const { srcaddr, srcport, dstaddr, dstport, protocol } = record;
  if (typeof srcaddr !== 'string' || typeof dstaddr !== 'string' || typeof protocol !== 'number') return null;
  const way = (from: string, fromPort: unknown, to: string, toPort: unknown): string => `(srcaddr:${from} srcport:${String(fromPort)} dstaddr:${to} dstport:${String(toPort)})`;
  return `protocol:${protocol} (${way(srcaddr, srcport, dstaddr, dstport)} or ${way(dstaddr, dstport, srcaddr, srcport)})`;
}
