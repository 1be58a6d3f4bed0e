import { parameter } from '../state/address.ts';

/** Unix seconds, [from, to). */
export interface TimeRange { readonly from: number; readonly to: number }

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
export const DEFAULT_FROM = '-24h';
/** From the first record on. */
export const ALL_TIME = '0';

/** The range of the address: parameters `from` and `to`, in the spelling that queries take. What cannot be read is the default. */
export function addressRange(nowSeconds = Math.floor(Date.now() / 1000)): TimeRange {
  const to = secondsOf(parameter('to') ?? 'now', nowSeconds) ?? nowSeconds;
  const from = secondsOf(parameter('from') ?? DEFAULT_FROM, nowSeconds) ?? nowSeconds - SECONDS['d']!;
  return from < to ? { from, to } : { from: to - SECONDS['d']!, to };
}

/** As the address spells it: an offset, Unix seconds, `0` for all time; `to` null is now. */
export interface AddressRange { readonly from: string; readonly to: string | null }

/** Unix seconds; null: open. */
export function rangeOf({ from, to }: AddressRange, nowSeconds = Math.floor(Date.now() / 1000)): { readonly from: number; readonly to: number | null } {
  return { from: secondsOf(from, nowSeconds) ?? 0, to: to === null ? null : secondsOf(to, nowSeconds) };
}

/** Unix seconds, RFC 3339, `now`, or an offset from now; null: none of them. */
export function secondsOf(text: string, nowSeconds: number): number | null {
  if (text === 'now') return nowSeconds;
  const relative = /^-(\d{1,6})([smhdw])$/.exec(text);
  if (relative) return Math.max(0, nowSeconds - Number(relative[1]) * SECONDS[relative[2]!]!);
  if (/^\d{1,11}$/.test(text)) return Number(text);
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? null : Math.floor(ms / 1000);
}
