import { Text } from '../ui/text.tsx';
import { shareText } from '../ui/numbers.ts';
import { rowName, rowPick } from './bar-chart.tsx';
import { chartSummary, type ChartProps } from './chart.tsx';
import { moveBetweenMarks } from './mark-keys.ts';
import type { Pick } from './pick.ts';
import { numberOf, shapeOf } from './result-shape.ts';
import { amountText } from './value-text.ts';

/** More parts than these are one: nobody tells thin slices apart. */
const MAX_PARTS = 8;

export function PieChart({ label, result, picking }: ChartProps) {
  const measure = shapeOf(result).measures[0]!;
  const sorted = result.rows.map((row) => ({ name: rowName(result, row), value: numberOf(row[measure]) ?? 0, pick: rowPick(result, row, picking) })).sort((a, b) => b.value - a.value);
  const rest = sorted.slice(MAX_PARTS - 1);
  const parts = sorted.length <= MAX_PARTS ? sorted : [...sorted.slice(0, MAX_PARTS - 1), { name: `${rest.length} others`, value: rest.reduce((sum, { value }) => sum + value, 0), pick: null }];
  const whole = parts.reduce((sum, { value }) => sum + value, 0);
  const open = (pick: Pick) => (event: MouseEvent): void => picking!.onPick(pick, (event.currentTarget as Element).getBoundingClientRect());
  let turned = 0;
  return (
    <div class="pie">
      <svg viewBox="-1.02 -1.02 2.04 2.04" role="img" aria-label={chartSummary(label, result)}>
        {whole > 0 && parts.map(({ value, pick }, at) => {
          const from = turned;
          turned += value / whole;
          return value > 0 ? <path key={at} class={`series-${at + 1}${pick ? ' pick' : ''}`} d={slice(from, turned)} onClick={pick ? open(pick) : undefined} /> : null;
        })}
      </svg>
      <ul onKeyDown={moveBetweenMarks}>
        {parts.map(({ name, value, pick }, at) => {
          const legend = <><span class={`swatch series-${at + 1}`} aria-hidden="true" /><Text value={name} mono /><span class="bar-amount">{amountText(result.columns[measure]!.name, value)} · {shareText(value, whole)}</span></>;
          return <li key={at}>{pick ? <button type="button" class="pick" tabIndex={at === 0 ? 0 : -1} aria-haspopup="menu" onClick={open(pick)}>{legend}</button> : legend}</li>;
        })}
      </ul>
    </div>
  );
}

/** A ring's part, between two shares of a turn. */
function slice(from: number, to: number): string {
  // a whole turn has no ends, and an arc needs two
  const end = to - from >= 1 ? from + 0.99999 : to;
  const point = (turn: number, radius: number): string => `${(Math.sin(turn * 2 * Math.PI) * radius).toFixed(5)} ${(-Math.cos(turn * 2 * Math.PI) * radius).toFixed(5)}`;
  const isLarge = end - from > 0.5 ? 1 : 0;
  return `M${point(from, 1)}A1 1 0 ${isLarge} 1 ${point(end, 1)}L${point(end, 0.58)}A.58 .58 0 ${isLarge} 0 ${point(from, 0.58)}Z`;
}
