import { protocolName } from './protocol-name.ts';
import { Text } from '../ui/text.tsx';
import type { ChartProps } from './chart.tsx';
import { moveBetweenMarks } from './mark-keys.ts';
import { pickOf, type Pick, type Picking } from './pick.ts';
import { numberOf, shapeOf, type Result, type ResultRow } from './result-shape.ts';
import { amountText, valueText } from './value-text.ts';

const MAX_BARS = 200;

/** A bar for each row, with its name before and its amount behind it. */
export function BarChart({ label, result, picking }: ChartProps) {
  const { measures } = shapeOf(result);
  const measure = measures[0]!;
  const shown = result.rows.slice(0, MAX_BARS);
  const most = Math.max(...shown.map((row) => Math.abs(numberOf(row[measure]) ?? 0)), Number.MIN_VALUE);
  return (
    <>
      <ul class="bars" aria-label={label} onKeyDown={moveBetweenMarks}>
        {shown.map((row, at) => {
          const name = rowName(result, row);
          const parts = (
            <>
              <span class="bar-name"><Text value={name} mono /></span>
              <span class="bar-ground" aria-hidden="true"><span class={`bar${toneOf(name)}`} style={{ width: `${Math.max(0.4, Math.abs(numberOf(row[measure]) ?? 0) / most * 100)}%` }} /></span>
              <span class="bar-amount">{measures.map((other) => amountText(result.columns[other]!.name, row[other])).join(' · ')}</span>
            </>
          );
          const pick = rowPick(result, row, picking);
          return <li key={at}>{pick ? <button type="button" class="pick" tabIndex={at === 0 ? 0 : -1} aria-haspopup="menu" onClick={(event) => picking!.onPick(pick, event.currentTarget.getBoundingClientRect())}>{parts}</button> : parts}</li>;
        })}
      </ul>
      {result.rows.length > MAX_BARS && <p class="muted">The first {MAX_BARS} of {result.rows.length} rows; the table has all.</p>}
    </>
  );
}

/** What a row is about: its dimensions, or its time. */
export function rowName(result: Result, row: ResultRow): string {
  return nameColumns(result).map((at) => (result.columns[at]!.name === 'protocol' && typeof row[at] === 'number' ? protocolName(row[at]) : valueText(result.columns[at]!, row[at]) ?? '(none)')).join(' · ');
}

export function rowPick(result: Result, row: ResultRow, picking: Picking | undefined): Pick | null {
  return pickOf(picking, rowName(result, row), nameColumns(result).map((at) => [at, row[at] ?? null]));
}

function nameColumns(result: Result): readonly number[] {
  const { dimensions, time } = shapeOf(result);
  return dimensions.length > 0 ? dimensions : time === null ? [] : [time];
}

/** Rows of one action have its colour. */
function toneOf(name: string): string {
  const action = /(?:^| · )(ACCEPT|REJECT)(?: · |$)/.exec(name)?.[1];
  return action ? ` ${action.toLowerCase()}ed` : '';
}
