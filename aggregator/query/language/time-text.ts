/** RFC 3339, the seconds and the offset optional; a date alone is its midnight in UTC. */
const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|z|[+-]\d{2}:\d{2})?)?$/;
const UNIX = /^(\d{1,12})(?:\.(\d{1,6})\d*)?$/;

/** Unix microseconds of Unix seconds or an RFC 3339 time, UTC where it names no offset; null if it is neither. */
export function parseInstantUs(text: string): number | null {
  const unix = UNIX.exec(text);
  if (unix) return Number(unix[1]) * 1e6 + Number((unix[2] ?? '').padEnd(6, '0'));
  const match = RFC3339.exec(text);
  if (!match) return null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset = 'Z'] = match;
  const utcMs = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const back = new Date(utcMs);
  if (back.getUTCMonth() + 1 !== Number(month) || back.getUTCDate() !== Number(day) || back.getUTCHours() !== Number(hour)
    || back.getUTCMinutes() !== Number(minute) || Number(second) > 59) return null;
  const shiftMinutes = /z/i.test(offset) ? 0 : Number(`${offset[0]}1`) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4)));
  return (utcMs - shiftMinutes * 60_000) * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}
