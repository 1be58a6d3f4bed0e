import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { CompletenessCell } from '../api/answers.ts';
import { parameter, setParameters } from '../state/address.ts';
import { timeZone } from '../state/preference.ts';
import { Notice } from '../ui/notice.tsx';
import { counted, numberText, windowText } from '../ui/numbers.ts';
import { Text, visible } from '../ui/text.tsx';
import { clockText, dayText, timeText } from '../ui/time.tsx';
import { useVisibleRows } from '../ui/visible-rows.ts';
import { CellDetails } from './cell-details.tsx';
import { IncompleteWindows } from './incomplete-windows.tsx';
import { stateOf, totalsOf, type CellState, type Grid, type GridColumn, type GridRow } from './grid-data.ts';
import './completeness-grid.css';

const ROW_HEIGHT = 24;
const OVERSCAN = 8;
const MIN_CELL_WIDTH = 7;
const MAX_CELL_WIDTH = 34;
const NAME_WIDTH = 172;
const TICK_WIDTH = 62;
export const STATES: readonly CellState[] = ['COMPLETE', 'PARTIAL', 'MISSING', 'NODATA'];

/** ENI by window. Arrow keys move, Enter or a click opens what is behind a cell; which one that is stands in the address. */
export function CompletenessGrid({ grid, logStore }: { grid: Grid; logStore: string | null }) {
  const { columns, rows } = grid;
  const totals = useMemo(() => totalsOf(rows), [rows]);
  const open = openCell(grid);
  return (
    <div class="stack">
      <div class="legend">
        {STATES.map((state) => <span key={state}><span class={`legend-cell cell-${state}`} aria-hidden="true" />{state} <strong>{numberText(totals[state])}</strong></span>)}
        <span class="muted">{counted(rows.length, 'ENI')} × {counted(columns.length, 'window')}{timeZone.value === 'UTC' ? ', UTC' : ''}</span>
      </div>
      {grid.earlierWindows > 0 && <Notice kind="info" title={`The newest ${counted(columns.length, 'window')} of the range`}>{counted(grid.earlierWindows, 'earlier window')} not shown: choose a shorter range, or go back.</Notice>}
      {grid.isCut && <Notice kind="warning" title="There are more cells than are shown">Choose a shorter range, or one ENI.</Notice>}
      {rows.length > 0 && <Cells grid={grid} />}
      <IncompleteWindows rows={rows} />
      {open && <CellDetails cell={open} logStore={logStore} onClose={() => setParameters({ cell: null, at: null })} />}
    </div>
  );
}

function openCell({ rows, columns }: Grid): CompletenessCell | null {
  const at = columns.findIndex(({ start, seconds }) => parameter('at') === `${start}-${seconds}`);
  return rows.find(({ eniId }) => eniId === parameter('cell'))?.cells[at] ?? null;
}

function Cells({ grid: { columns, rows } }: { grid: Grid }) {
  const frame = useRef<HTMLDivElement>(null);
  const view = useVisibleRows(frame, rows.length, { rowHeight: ROW_HEIGHT, overscan: OVERSCAN });
  const active = useSignal<readonly [row: number, column: number]>([0, columns.length - 1]);
  // the newest windows are what one wants to see
  useEffect(() => { frame.current!.scrollLeft = frame.current!.scrollWidth; }, [columns]);
  const cellWidth = Math.max(MIN_CELL_WIDTH, Math.min(MAX_CELL_WIDTH, Math.floor((view.width - NAME_WIDTH) / columns.length)));
  const zone = timeZone.value;
  const labels = useMemo(() => columns.map(({ start, seconds }) => `${timeText(start * 1000, zone)}, ${windowText(seconds)}`), [columns, zone]);

  const move = (row: number, column: number): void => {
    const to = [Math.max(0, Math.min(rows.length - 1, row)), Math.max(0, Math.min(columns.length - 1, column))] as const;
    active.value = to;
    const element = frame.current!;
    const top = to[0] * ROW_HEIGHT;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + 3 * ROW_HEIGHT > element.scrollTop + element.clientHeight) element.scrollTop = top + 3 * ROW_HEIGHT - element.clientHeight;
    // drawn by then, wherever it is
    requestAnimationFrame(() => element.querySelector<HTMLElement>(`[data-row="${to[0]}"] [data-column="${to[1]}"]`)?.focus());
  };
  const open = (row: number, column: number): void => {
    const cell = rows[row]?.cells[column];
    active.value = [row, column];
    if (cell) setParameters({ cell: cell['eni-id'], at: `${cell.start}-${cell.seconds}` });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const [row, column] = active.value;
    const page = Math.max(1, Math.floor(frame.current!.clientHeight / ROW_HEIGHT) - 2);
    switch (event.key) {
      case 'ArrowLeft': move(row, column - 1); break;
      case 'ArrowRight': move(row, column + 1); break;
      case 'ArrowUp': move(row - 1, column); break;
      case 'ArrowDown': move(row + 1, column); break;
      case 'Home': move(event.ctrlKey ? 0 : row, 0); break;
      case 'End': move(event.ctrlKey ? rows.length - 1 : row, columns.length - 1); break;
      case 'PageUp': move(row - page, column); break;
      case 'PageDown': move(row + page, column); break;
      case 'Enter': case ' ': open(row, column); break;
      default: return;
    }
    event.preventDefault();
  };
  const onClick = (event: MouseEvent): void => {
    const cell = (event.target as Element).closest<HTMLElement>('[data-column]');
    const row = cell?.closest<HTMLElement>('[data-row]');
    if (cell && row) open(Number(row.dataset['row']), Number(cell.dataset['column']));
  };
  const shown = rows.slice(view.first, view.first + view.count);
  const [activeRow, activeColumn] = active.value;
  return (
    <div class="grid-frame" ref={frame}>
      <div class="grid" role="grid" aria-label="Completeness of each ENI and window" aria-rowcount={rows.length} aria-colcount={columns.length} onKeyDown={onKeyDown} onClick={onClick}>
        <div class="grid-head" aria-hidden="true"><span>ENI</span><Ticks columns={columns} cellWidth={cellWidth} /></div>
        {view.first > 0 && <div aria-hidden="true" style={{ height: `${view.first * ROW_HEIGHT}px` }} />}
        {shown.map((row, at) => {
          const index = view.first + at;
          // the one cell that the Tab key reaches, where it is in sight
          const reached = index === activeRow || (at === 0 && (activeRow < view.first || activeRow >= view.first + shown.length)) ? activeColumn : -1;
          return <Row key={row.eniId} row={row} index={index} reached={reached} labels={labels} cellWidth={cellWidth} />;
        })}
        {view.first + shown.length < rows.length && <div aria-hidden="true" style={{ height: `${(rows.length - view.first - shown.length) * ROW_HEIGHT}px` }} />}
      </div>
    </div>
  );
}

function Row({ row: { eniId, cells }, index, reached, labels, cellWidth }: { row: GridRow; index: number; reached: number; labels: readonly string[]; cellWidth: number }) {
  // drawn again only when something of this row is another
  return useMemo(() => (
    <div class="grid-row" role="row" data-row={index} aria-rowindex={index + 1}>
      <span class="grid-name" role="rowheader" title={visible(eniId)}><Text value={eniId} mono /></span>
      {cells.map((cell, at) => (
        <span
          key={at} role="gridcell" data-column={at} tabIndex={at === reached ? 0 : -1} style={{ width: `${cellWidth}px` }}
          class={`grid-cell ${cell ? `cell-${stateOf(cell)}` : 'none'}${cellWidth < 9 ? ' narrow' : ''}`} aria-label={`${labels[at]}: ${cell ? stateOf(cell) : 'not watched'}`}
        />
      ))}
    </div>
  ), [cells, index, reached, labels, cellWidth]);
}

/** Times above the columns, as many as there is room for; the day where it begins. */
function Ticks({ columns, cellWidth }: { columns: readonly GridColumn[]; cellWidth: number }) {
  const every = Math.ceil(TICK_WIDTH / cellWidth);
  let day = '';
  return (
    <span class="grid-ticks" style={{ width: `${columns.length * cellWidth}px` }}>
      {columns.map(({ start }, at) => {
        if (at % every !== 0) return null;
        const newDay = dayText(start * 1000);
        const text = newDay === day ? clockText(start * 1000).slice(0, 5) : newDay.slice(5);
        day = newDay;
        return at + every / 2 > columns.length ? null : <span key={at} style={{ left: `${at * cellWidth}px` }}>{text}</span>;
      })}
    </span>
  );
}
