import { parameter, setParameters } from '../state/address.ts';
import { timeText } from './time.tsx';

/** Unix seconds, [from, to). */
export interface TimeRange { readonly from: number; readonly to: number }

const PRESETS = [['-1h', 'Last hour'], ['-6h', 'Last 6 hours'], ['-24h', 'Last 24 hours'], ['-3d', 'Last 3 days'], ['-7d', 'Last 7 days']] as const;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
export const DEFAULT_FROM = '-24h';

/** The range of the address: parameters `from` and `to`, in the spelling that queries take. What cannot be read is the default. */
export function addressRange(nowSeconds = Math.floor(Date.now() / 1000)): TimeRange {
  const to = secondsOf(parameter('to') ?? 'now', nowSeconds) ?? nowSeconds;
  const from = secondsOf(parameter('from') ?? DEFAULT_FROM, nowSeconds) ?? nowSeconds - SECONDS['d']!;
  return from < to ? { from, to } : { from: to - SECONDS['d']!, to };
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

/** Chooses the range of the address, and moves it by its own length. */
export function RangeField() {
  const from = parameter('from') ?? DEFAULT_FROM;
  const to = parameter('to') ?? 'now';
  const isPreset = to === 'now' && PRESETS.some(([preset]) => preset === from);
  const range = addressRange();
  const move = (direction: -1 | 1): void => {
    const length = (range.to - range.from) * direction;
    const moved = { from: range.from + length, to: range.to + length };
    // up to now is a range that goes on
    if (moved.to >= Date.now() / 1000) setParameters({ from: PRESETS.find(([preset]) => secondsOf(preset, 1e9) === 1e9 - Math.abs(length))?.[0] ?? String(moved.from), to: null }, {});
    else setParameters({ from: String(moved.from), to: String(moved.to) }, {});
  };
  return (
    <div class="row range">
      <button type="button" aria-label="Earlier" title="Earlier" onClick={() => move(-1)}>‹</button>
      <label>
        <span class="unseen">Time range</span>
        <select value={isPreset ? from : ''} onChange={(event) => setParameters({ from: event.currentTarget.value, to: null }, {})}>
          {!isPreset && <option value="" disabled>{`${timeText(range.from * 1000).slice(0, 16)} to ${timeText(range.to * 1000).slice(0, 16)}`}</option>}
          {PRESETS.map(([preset, text]) => <option key={preset} value={preset}>{text}</option>)}
        </select>
      </label>
      <button type="button" aria-label="Later" title="Later" disabled={to === 'now'} onClick={() => move(1)}>›</button>
    </div>
  );
}
