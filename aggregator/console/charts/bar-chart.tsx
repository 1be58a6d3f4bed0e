import { protocolName } from './protocol-name.ts';
import { Text } from '../ui/text.tsx';
import type { ChartProps } from './chart.tsx';
import { numberOf, shapeOf, type Result, type ResultRow } from './result-shape.ts';
import { amountText, valueText } from './value-text.ts';

const MAX_BARS = 200;

/** A bar for each row, with its name before and its amount behind it. */
export function BarChart({ label, result }: ChartProps) {
  const { measures } = shapeOf(result);
  const measure = measures[0]!;
  const shown = result.rows.slice(0, MAX_BARS);
  const most = Math.max(...shown.map((row) => Math.abs(numberOf(row[measure]) ?? 0)), Number.MIN_VALUE);
  return (
    <>
      <ul class="bars" aria-label={label}>
        {shown.map((row, at) => {
          const name = rowName(result, row);
          return (
            <li key={at}>
              <span class="bar-name"><Text value={name} mono /></span>
              <span class="bar-ground" aria-hidden="true"><span class={`bar${toneOf(name)}`} style={{ width: `${Math.max(0.4, Math.abs(numberOf(row[measure]) ?? 0) / most * 100)}%` }} /></span>
              <span class="bar-amount">{measures.map((other) => amountText(result.columns[other]!.name, row[other])).join(' · ')}</span>
            </li>
          );
        })}
      </ul>
      {result.rows.length > MAX_BARS && <p class="muted">The first {MAX_BARS} of {result.rows.length} rows; the table has all.</p>}
    </>
  );
}

/** What a row is about: its dimensions, or its time. */
export function rowName(result: Result, row: ResultRow): string {
  const { dimensions, time } = shapeOf(result);
  const parts = dimensions.length > 0 ? dimensions : time === null ? [] : [time];
  return parts.map((at) => (result.columns[at]!.name === 'protocol' && typeof row[at] === 'number' ? protocolName(row[at]) : valueText(result.columns[at]!, row[at]) ?? '(none)')).join(' · ');
}

function toneOf(name: string): string {
  return /^ACCEPT\b/i.test(name) ? ' accepted' : /^REJECT\b/i.test(name) ? ' rejected' : '';
}
