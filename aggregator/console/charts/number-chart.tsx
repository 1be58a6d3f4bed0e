import { visible } from '../ui/text.tsx';
import type { ChartProps } from './chart.tsx';
import { shapeOf } from './result-shape.ts';
import { amountText } from './value-text.ts';

export function NumberChart({ label, result }: ChartProps) {
  const { columns, rows } = result;
  return (
    <dl class="numbers" aria-label={label}>
      {shapeOf(result).measures.map((at) => <div key={at}><dt>{visible(columns[at]!.name).replaceAll('_', ' ')}</dt><dd>{amountText(columns[at]!.name, rows[0]![at])}</dd></div>)}
    </dl>
  );
}
