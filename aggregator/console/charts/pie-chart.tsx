import { Text } from '../ui/text.tsx';
import { shareText } from '../ui/numbers.ts';
import { rowName } from './bar-chart.tsx';
import { chartSummary, type ChartProps } from './chart.tsx';
import { numberOf, shapeOf } from './result-shape.ts';
import { amountText } from './value-text.ts';

/** More parts than these are one: nobody tells thin slices apart. */
const MAX_PARTS = 8;

export function PieChart({ label, result }: ChartProps) {
  const measure = shapeOf(result).measures[0]!;
  const sorted = result.rows.map((row) => ({ name: rowName(result, row), value: numberOf(row[measure]) ?? 0 })).sort((a, b) => b.value - a.value);
  const rest = sorted.slice(MAX_PARTS - 1);
  const parts = sorted.length <= MAX_PARTS ? sorted : [...sorted.slice(0, MAX_PARTS - 1), { name: `${rest.length} others`, value: rest.reduce((sum, { value }) => sum + value, 0) }];
  const whole = parts.reduce((sum, { value }) => sum + value, 0);
  let turned = 0;
  return (
    <div class="pie">
      <svg viewBox="-1.02 -1.02 2.04 2.04" role="img" aria-label={chartSummary(label, result)}>
        {whole > 0 && parts.map(({ value }, at) => {
          const from = turned;
          turned += value / whole;
          return value > 0 ? <path key={at} class={`series-${at + 1}`} d={slice(from, turned)} /> : null;
        })}
      </svg>
      <ul>
        {parts.map(({ name, value }, at) => (
          <li key={at}><span class={`swatch series-${at + 1}`} aria-hidden="true" /><Text value={name} mono /><span class="bar-amount">{amountText(result.columns[measure]!.name, value)} · {shareText(value, whole)}</span></li>
        ))}
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
