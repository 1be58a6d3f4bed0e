import { useSignal } from '@preact/signals';
import { parameter, setParameters } from '../state/address.ts';
import { timeZone } from '../state/preference.ts';
import { useShortcut } from '../state/shortcuts.ts';
import { Dialog } from './dialog.tsx';
import { timeText } from './time.tsx';
import { spokenRange, type SpokenRange } from './natural-time.ts';
import { ALL_TIME, DEFAULT_FROM, rangeOf, type AddressRange } from './time-range.ts';

const PRESETS = [['-15m', 'Last 15 minutes'], ['-1h', 'Last hour'], ['-6h', 'Last 6 hours'], ['-24h', 'Last 24 hours'], ['-7d', 'Last 7 days'], [ALL_TIME, 'All time']] as const;
const OTHER = 'other';

/** The range of the address: one of the usual ones, two times, or words; and it is moved by its own length. */
export function TimeField() {
  const isOpen = useSignal(false);
  const range: AddressRange = { from: parameter('from') ?? DEFAULT_FROM, to: parameter('to') };
  const preset = range.to === null && PRESETS.some(([value]) => value === range.from) ? range.from : '';
  const show = ({ from, to }: AddressRange): void => setParameters({ from, to, record: null }, {});
  const choose = (value: string): void => {
    if (value === OTHER) isOpen.value = true;
    else show({ from: value, to: null });
  };
  useShortcut('w', 'Choose the time range', () => { isOpen.value = true; });
  return (
    <div class="time-field">
      <button type="button" aria-label="Earlier" title="Earlier" disabled={range.from === ALL_TIME} onClick={() => show(moved(range, -1))}>‹</button>
      <label>
        <span class="unseen">Time range</span>
        <select value={preset} onChange={(event) => { choose(event.currentTarget.value); event.currentTarget.value = preset; }}>
          {preset === '' && <option value="">{rangeText(range)}</option>}
          {PRESETS.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
          <option value={OTHER}>Other range …</option>
        </select>
      </label>
      <button type="button" aria-label="Later" title="Later" disabled={range.to === null} onClick={() => show(moved(range, 1))}>›</button>
      {isOpen.value && <RangeDialog given={range} onShow={show} onClose={() => { isOpen.value = false; }} />}
    </div>
  );
}

/** By its own length, but not beyond now: a range that would end then goes on with the time. */
function moved(given: AddressRange, direction: -1 | 1): AddressRange {
  const now = Math.floor(Date.now() / 1000);
  const { from, to } = rangeOf(given, now);
  const length = (to ?? now) - from;
  const end = (to ?? now) + length * direction;
  if (end >= now) return { from: PRESETS.find(([preset]) => rangeOf({ from: preset, to: null }, now).from === now - length)?.[0] ?? String(now - length), to: null };
  return { from: String(Math.max(0, from + length * direction)), to: String(end) };
}

function rangeText(range: AddressRange): string {
  const { from, to } = rangeOf(range);
  if (range.to === null && range.from.startsWith('-')) return `Last ${range.from.slice(1)}`;
  return `${timeText(from * 1000).slice(0, 16)} to ${to === null ? 'now' : timeText(to * 1000).slice(0, 16)}`;
}

function RangeDialog({ given, onShow, onClose }: { given: AddressRange; onShow: (range: AddressRange) => void; onClose: () => void }) {
  const range = rangeOf(given);
  const words = useSignal('');
  const first = useSignal(range.from === 0 ? '' : timeText(range.from * 1000));
  const second = useSignal(range.to === null ? '' : timeText(range.to * 1000));
  const zone = timeZone.value;
  const now = Date.now();
  const spoken = words.value === '' ? null : spokenRange(words.value, now, zone);
  const absolute = words.value === '' ? absoluteRange(first.value, second.value, now) : null;
  const found = spoken ?? absolute;
  const apply = (event: Event): void => {
    event.preventDefault();
    if (!found) return;
    onShow(found);
    onClose();
  };
  return (
    <Dialog title="Time range" onClose={onClose}>
      <form class="form" onSubmit={apply}>
        <label class="field">
          <span>In words</span>
          <input autoFocus value={words.value} placeholder="yesterday 14:00 to 15:30" autocomplete="off" spellcheck={false} onInput={(event) => { words.value = event.currentTarget.value; }} />
          <span class="hint">last 2 hours · since monday · 2026-03-01 · yesterday 22:00 to 02:00 · 3 hours ago to 1 hour ago</span>
        </label>
        <div class="two">
          <label class="field"><span>From</span><input class="mono" value={first.value} disabled={words.value !== ''} placeholder="2026-03-01 14:00" onInput={(event) => { first.value = event.currentTarget.value; }} /></label>
          <label class="field"><span>To</span><input class="mono" value={second.value} disabled={words.value !== ''} placeholder="now" onInput={(event) => { second.value = event.currentTarget.value; }} /></label>
        </div>
        <p class="hint" role="status">{found ? meaningOf(found) : words.value === '' ? 'Times such as 2026-03-01 14:00; From comes before To.' : 'This names no range that has begun.'} Times are {zone === 'UTC' ? 'UTC' : 'local'}.</p>
        <div class="actions">
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={!found}>Show</button>
        </div>
      </form>
    </Dialog>
  );
}

function absoluteRange(first: string, second: string, now: number): SpokenRange | null {
  const zone = timeZone.value;
  if (first.trim() === '') return second.trim() === '' ? { from: ALL_TIME, to: null } : null;
  return spokenRange(second.trim() === '' ? `since ${first}` : `${first} to ${second}`, now, zone);
}

function meaningOf({ from, to }: SpokenRange): string {
  if (from === ALL_TIME && to === null) return 'All time.';
  const range = rangeOf({ from, to });
  return `${timeText(range.from * 1000)} to ${range.to === null ? 'now' : timeText(range.to * 1000)}.`;
}
