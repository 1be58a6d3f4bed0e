import { numberText } from '../ui/numbers.ts';
import { Table } from '../ui/table.tsx';
import { visible } from '../ui/text.tsx';
import type { ChartProps } from './chart.tsx';
import { moveBetweenMarks } from './mark-keys.ts';
import { pickOf } from './pick.ts';
import { shapeOf } from './result-shape.ts';
import { valueText } from './value-text.ts';

interface NumberedRow { readonly at: number; readonly values: ChartProps['result']['rows'][number] }

/** Every row; values that a search can hold open what can be done with them. */
export function ResultTable({ label, result, picking }: ChartProps) {
  const { columns, rows } = result;
  const { measures } = shapeOf(result);
  const isNumber = ({ type }: { type: string }): boolean => /INT|DOUBLE|FLOAT|DECIMAL/i.test(type) && !type.includes('[');
  const firstPicked = Math.min(...picking?.columns ?? []);
  return (
    <div class="result-table" onKeyDown={moveBetweenMarks}><Table<NumberedRow>
      label={label} rows={rows.map((values, at) => ({ at, values }))} rowKey={({ at }) => String(at)} empty="No rows."
      columns={columns.map((column, at) => ({
        key: String(at), title: visible(column.name), hint: column.type, isNumber: isNumber(column), width: 'wide',
        cell: ({ at: row, values }: NumberedRow) => {
          const value = values[at];
          const text = measures.includes(at) && typeof value === 'number' && Number.isInteger(value) ? numberText(value) : valueText(column, value);
          const shown = text === null ? <span class="muted">–</span> : <bdi class="text" title={text.length > 20 ? text.slice(0, 1000) : undefined}>{text.slice(0, 2000)}</bdi>;
          const pick = pickOf(picking, text ?? '(none)', [[at, value ?? null]]);
          return pick ? <button type="button" class="pick" tabIndex={row === 0 && at === firstPicked ? 0 : -1} aria-haspopup="menu" onClick={(event) => picking!.onPick(pick, event.currentTarget.getBoundingClientRect())}>{shown}</button> : shown;
        },
      }))}
    /></div>
  );
}
