import { WeirError } from '../../shared/errors.ts';
import { parseInstantUs } from './language/time-text.ts';

/** Windows that start in [from, to), Unix seconds. */
export interface TimeRange { readonly from: number; readonly to: number }

/** Beyond any window: the year 9999. */
export const END_OF_TIME = 253_402_300_800;

const RELATIVE = /^(?:now)?\s*([+-])\s*(\d{1,6})\s*(s|m|h|d|w)$/;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Unix seconds, RFC 3339, `now`, or an offset from now: `-15m`, `-1h`, `now-7d`. Fractions are cut off. */
export function parseTime(text: string, nowSeconds: number): number {
  const trimmed = text.trim();
  if (trimmed === 'now') return nowSeconds;
  const relative = RELATIVE.exec(trimmed);
  if (relative) {
    const [, sign, count, unit] = relative;
    return Math.max(0, nowSeconds + Number(`${sign}1`) * Number(count) * SECONDS[unit!]!);
  }
  const us = parseInstantUs(trimmed);
  if (us === null || us < 0 || us > END_OF_TIME * 1e6) {
    throw new WeirError('USAGE', `"${text.slice(0, 60)}" is no time: give Unix seconds, RFC 3339 (2026-03-01T12:00:00Z), now, or an offset such as -1h`);
  }
  return Math.floor(us / 1e6);
}

/** Without an end: all time. */
export function timeRange(from: string | undefined, to: string | undefined, nowSeconds: number): TimeRange {
  const range = {
    from: from === undefined || from === '' ? 0 : parseTime(from, nowSeconds),
    to: to === undefined || to === '' ? END_OF_TIME : parseTime(to, nowSeconds),
  };
  if (range.from > range.to) throw new WeirError('USAGE', `the range ends (${range.to}) before it begins (${range.from})`);
  return range;
}
