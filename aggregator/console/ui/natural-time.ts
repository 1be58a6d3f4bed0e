/** A range as the address spells it: `from` is `0` (all time), an offset such as `-2h`, or Unix seconds; `to` null is now. */
export interface SpokenRange {
  readonly from: string;
  readonly to: string | null;
}

export type Zone = 'local' | 'UTC';

/** A moment, or a span that has an end of its own, such as a day. Milliseconds. */
interface Span { readonly start: number; readonly end: number; readonly isClock?: boolean }

const MAX_LENGTH = 100;
const UNITS: readonly (readonly [RegExp, letter: string, ms: number])[] = [
  [/^s(?:ec(?:ond)?s?)?$/, 's', 1000], [/^m(?:in(?:ute)?s?)?$/, 'm', 60_000], [/^h(?:(?:ou)?rs?)?$/, 'h', 3_600_000],
  [/^d(?:ays?)?$/, 'd', 86_400_000], [/^w(?:eeks?)?$/, 'w', 604_800_000],
];
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const WORDS: Readonly<Record<string, number>> = { a: 1, an: 1, one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10, twelve: 12 };

/** `last 2 hours`, `yesterday 14:00 to 15:30`, `since monday`, `2026-03-01`; null where it says no range. */
export function spokenRange(given: string, nowMs: number, zone: Zone): SpokenRange | null {
  const text = given.trim().toLowerCase().replace(/\s+/g, ' ').replace(/–|—/g, '-');
  if (text === '' || text.length > MAX_LENGTH) return null;
  if (/^(?:all|all time|ever|everything)$/.test(text)) return { from: '0', to: null };
  const last = /^(?:the )?(?:last|past) (?:(\d+) ?|([a-z]+) )?([a-z]+)$/.exec(text) ?? /^-?(\d+)() ?([a-z]+)$/.exec(text);
  const offset = last && offsetOf(last[1] ?? last[2] ?? '1', last[3]!);
  if (offset) return { from: `-${offset}`, to: null };
  const calendar = new Calendar(nowMs, zone);
  const since = /^(?:since|from|after) (.+)$/.exec(text);
  const [first, second] = ends(since && !/ (?:to|until|till|and) | - /.test(since[1]!) ? `${since[1]!} to now` : text);
  const start = calendar.span(first);
  if (!start) return null;
  if (second === null) return ranged(start.start, start.end > start.start ? start.end : nowMs, nowMs);
  if (second === 'now') return ranged(start.start, nowMs, nowMs);
  const end = calendar.span(second, start.start);
  if (!end) return null;
  // 23:00 to 01:00 passes midnight
  const endMs = end.isClock && end.start <= start.start ? end.start + 86_400_000 : end.end;
  return ranged(start.start, endMs, nowMs);
}

/** The two ends of `between X and Y`, `from X to Y`, `X - Y`; the second is null where there is one only. */
function ends(text: string): readonly [string, string | null] {
  const bare = text.replace(/^(?:between|from) /, '');
  const match = /^(.+?)(?: (?:to|until|till|and) | - |\.\.)(.+)$/.exec(bare);
  return match ? [match[1]!.trim(), match[2]!.trim()] : [bare, null];
}

function ranged(startMs: number, endMs: number, nowMs: number): SpokenRange | null {
  if (!(startMs < endMs) || startMs < 0) return null;
  return { from: String(Math.floor(startMs / 1000)), to: endMs >= nowMs ? null : String(Math.floor(endMs / 1000)) };
}

function offsetOf(count: string, word: string): string | null {
  const number = WORDS[count] ?? (/^\d{1,5}$/.test(count) ? Number(count) : 0);
  const unit = UNITS.find(([pattern]) => pattern.test(word));
  if (number > 0 && /^months?$/.test(word)) return `${number * 30}d`;
  return unit && number > 0 ? `${number}${unit[1]}` : null;
}

class Calendar {
  private readonly nowMs: number;
  private readonly zone: Zone;

  constructor(nowMs: number, zone: Zone) {
    this.nowMs = nowMs;
    this.zone = zone;
  }

  /** `near` gives a clock time without a day its day. */
  span(text: string, near = this.nowMs): Span | null {
    if (text === 'now') return { start: this.nowMs, end: this.nowMs };
    const ago = /^(\w+) ([a-z]+) ago$/.exec(text);
    if (ago) {
      const unit = UNITS.find(([pattern]) => pattern.test(ago[2]!));
      const count = WORDS[ago[1]!] ?? (/^\d{1,5}$/.test(ago[1]!) ? Number(ago[1]) : 0);
      const at = unit && count > 0 ? this.nowMs - count * unit[2] : NaN;
      return Number.isNaN(at) ? null : { start: at, end: at };
    }
    if (/^\d{9,11}$/.test(text)) return { start: Number(text) * 1000, end: Number(text) * 1000 };
    if (/^\d{4}-\d\d-\d\dt\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:z|[+-]\d\d:\d\d)$/.test(text)) {
      const at = Date.parse(text.toUpperCase());
      return Number.isNaN(at) ? null : { start: at, end: at };
    }
    const clock = clockOf(text);
    if (clock !== null) {
      const at = this.at(near, 0, clock);
      return { start: at, end: at, isClock: true };
    }
    const match = /^(.+?)[ t](?:at )?([^ ]+(?: ?[ap]m)?)$/.exec(text);
    const time = match && clockOf(match[2]!);
    const day = this.day(match && time !== null ? match[1]! : text);
    if (!day) return null;
    if (time === null) return day;
    const at = this.at(day.start, 0, time);
    return { start: at, end: at };
  }

  /** A day, or a week, as a whole. */
  private day(text: string): Span | null {
    const today = this.at(this.nowMs, 0, 0);
    const days = (from: number, count: number): Span => ({ start: this.at(today, from, 0), end: this.at(today, from + count, 0) });
    if (text === 'today') return days(0, 1);
    if (text === 'yesterday') return days(-1, 1);
    if (text === 'the day before yesterday') return days(-2, 1);
    const weekday = this.weekday(this.nowMs);
    if (text === 'this week') return days(-((weekday + 6) % 7), 7);
    const named = DAYS.findIndex((name) => name === text.replace(/^(?:last|on) /, '') || (text.length === 3 && name.startsWith(text)));
    if (named >= 0) return days(-((weekday - named + 7) % 7 || (text.startsWith('last ') ? 7 : 0)), 1);
    const date = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
    if (!date) return null;
    const start = this.make(Number(date[1]), Number(date[2]) - 1, Number(date[3]), 0);
    // the 31st of June is no day
    const [, month, dayOfMonth] = this.partsOf(start);
    return month === Number(date[2]) - 1 && dayOfMonth === Number(date[3]) ? { start, end: this.at(start, 1, 0) } : null;
  }

  private partsOf(ms: number): readonly [year: number, month: number, day: number] {
    const date = new Date(ms);
    return this.zone === 'UTC' ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()] : [date.getFullYear(), date.getMonth(), date.getDate()];
  }

  private weekday(ms: number): number {
    return this.zone === 'UTC' ? new Date(ms).getUTCDay() : new Date(ms).getDay();
  }

  /** The day that holds `ms`, some days on, at a time of day. Days of the zone may have 23 or 25 hours. */
  private at(ms: number, daysOn: number, secondsOfDay: number): number {
    const [year, month, day] = this.partsOf(ms);
    return this.make(year, month, day + daysOn, secondsOfDay);
  }

  private make(year: number, month: number, day: number, seconds: number): number {
    return this.zone === 'UTC' ? Date.UTC(year, month, day, 0, 0, seconds) : new Date(year, month, day, Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60).getTime();
  }
}

/** Seconds since midnight of `14:00`, `9:30:15`, `2pm`, `noon`; null: no time of day. */
function clockOf(text: string): number | null {
  if (text === 'noon') return 43_200;
  if (text === 'midnight') return 0;
  const match = /^(\d{1,2})(?::(\d\d)(?::(\d\d))?)? ?([ap]m)?$/.exec(text);
  if (!match || (match[2] === undefined && match[4] === undefined)) return null;
  const [, hour, minute = '0', second = '0', half] = match;
  const hours = half === undefined ? Number(hour) : Number(hour) % 12 + (half === 'pm' ? 12 : 0);
  if (Number(hour) > (half === undefined ? 24 : 12) || Number(minute) > 59 || Number(second) > 59) return null;
  return hours * 3600 + Number(minute) * 60 + Number(second);
}
