import { useSignal } from '@preact/signals';
import { setParameters } from '../../state/address.ts';
import { timeZone } from '../../state/preference.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { timeText } from '../../ui/time.tsx';
import { spokenRange, type SpokenRange } from './natural-time.ts';
import { ALL_TIME, rangeOf, type Question } from './question.ts';

const PRESETS = [['-15m', 'Last 15 minutes'], ['-1h', 'Last hour'], ['-24h', 'Last 24 hours'], ['-7d', 'Last 7 days'], [ALL_TIME, 'All time']] as const;
const OTHER = 'other';

/** The range of the address: one of the usual ones, two times, or words. */
export function TimeField({ question }: { question: Question }) {
  const isOpen = useSignal(false);
  const { from, to } = question;
  const preset = to === null && PRESETS.some(([value]) => value === from) ? from : '';
  const choose = (value: string): void => {
    if (value === OTHER) isOpen.value = true;
    else setParameters({ from: value, to: null, record: null }, {});
  };
  return (
    <>
      <label class="time-field">
        <span class="unseen">Time range</span>
        <select value={preset} onChange={(event) => { choose(event.currentTarget.value); event.currentTarget.value = preset; }}>
          {preset === '' && <option value="">{rangeText(question)}</option>}
          {PRESETS.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
          <option value={OTHER}>Other range …</option>
        </select>
      </label>
      {isOpen.value && <RangeDialog question={question} onClose={() => { isOpen.value = false; }} />}
    </>
  );
}

function rangeText(question: Question): string {
  const { from, to } = rangeOf(question);
  if (question.to === null && question.from.startsWith('-')) return `Last ${question.from.slice(1)}`;
  return `${timeText(from * 1000).slice(0, 16)} to ${to === null ? 'now' : timeText(to * 1000).slice(0, 16)}`;
}

function RangeDialog({ question, onClose }: { question: Question; onClose: () => void }) {
  const range = rangeOf(question);
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
    setParameters({ from: found.from, to: found.to, record: null }, {});
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
