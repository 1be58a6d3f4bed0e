import { timeZone } from '../state/preference.ts';

export type Zone = 'local' | 'UTC';

/** `2026-03-01 14:10:00`, sortable, in the zone that is chosen. */
export function timeText(ms: number, zone: Zone = timeZone.value): string {
  return `${dayText(ms, zone)} ${clockText(ms, zone)}`;
}

export function dayText(ms: number, zone: Zone = timeZone.value): string {
  return shifted(ms, zone).toISOString().slice(0, 10);
}

export function clockText(ms: number, zone: Zone = timeZone.value): string {
  return shifted(ms, zone).toISOString().slice(11, 19);
}

/** A Date whose UTC parts are those of the zone. */
function shifted(ms: number, zone: Zone): Date {
  return new Date(zone === 'UTC' ? ms : ms - new Date(ms).getTimezoneOffset() * 60_000);
}

/** An instant: ISO 8601 or Unix seconds. The other zone stands in the title. */
export function Time({ at }: { at: string | number | null | undefined }) {
  const ms = typeof at === 'number' ? at * 1000 : Date.parse(at ?? '');
  if (Number.isNaN(ms) || Math.abs(ms) > 8.64e15) return <span class="muted">–</span>;
  const iso = new Date(ms).toISOString();
  const zone = timeZone.value;
  return <time class="time" dateTime={iso} title={zone === 'UTC' ? `${timeText(ms, 'local')} local` : `${timeText(ms, 'UTC')} UTC`}>{timeText(ms, zone)}</time>;
}

/** `3 min ago`, with the time in the title. */
export function Age({ at, nowMs = Date.now() }: { at: string | number | null | undefined; nowMs?: number }) {
  const ms = typeof at === 'number' ? at * 1000 : Date.parse(at ?? '');
  if (Number.isNaN(ms)) return <span class="muted">–</span>;
  return <time class="time" dateTime={new Date(ms).toISOString()} title={timeText(ms)}>{ageText(nowMs - ms)}</time>;
}

const AGE_STEPS = [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'min'], [1000, 's']] as const;

export function ageText(ms: number): string {
  const step = AGE_STEPS.find(([unitMs]) => ms >= unitMs * (unitMs === 86_400_000 ? 2 : 1));
  return step ? `${Math.floor(ms / step[0])} ${step[1]} ago` : 'now';
}
