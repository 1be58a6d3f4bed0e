import { WeirError } from './errors.ts';

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds in `600s`, `10m`, `1h`, `1.5h`, `250ms`, or in a bare number of seconds. Throws USAGE; `what` names the setting. */
export function parseSeconds(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)?$/.exec(text.trim());
  if (!match) throw new WeirError('USAGE', `${what} is ${JSON.stringify(text)}; write a number and a unit, such as 600s, 10m or 1h`);
  return Number(match[1]) * SECONDS[match[2] ?? 's']!;
}
