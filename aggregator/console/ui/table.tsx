import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { useVisibleRows } from './visible-rows.ts';

export interface Column<T> {
  readonly key: string;
  readonly title: ComponentChildren;
  readonly isNumber?: boolean;
  /** Grows with what is in it no further than this class allows; `remarked` has lines of text below its value. */
  readonly width?: 'narrow' | 'wide' | 'remarked';
  readonly cell: (row: T) => ComponentChildren;
}

/** With more rows only those in sight are drawn. */
const ALL_DRAWN = 200;
/** Of a row where not all are drawn; the style sheet holds rows to it. */
const ROW_HEIGHT = 33;
const OVERSCAN = 12;

/** A table that scrolls in itself where it is too wide or too long. */
export function Table<T>({ label, columns, rows, rowKey, empty, rowClass }: {
  label: string; columns: readonly Column<T>[]; rows: readonly T[]; rowKey: (row: T) => string; empty: ComponentChildren; rowClass?: (row: T) => string | undefined;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const isVirtual = rows.length > ALL_DRAWN;
  const { first, count } = useVisibleRows(frame, rows.length, { rowHeight: ROW_HEIGHT, overscan: OVERSCAN, isVirtual });
  const shown = isVirtual ? rows.slice(first, first + count) : rows;
  const below = isVirtual ? rows.length - first - shown.length : 0;
  return (
    <div class={isVirtual ? 'table virtual' : 'table'} ref={frame} tabIndex={0} role="region" aria-label={label}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr>{columns.map(({ key, title, isNumber }) => <th key={key} scope="col" class={isNumber ? 'number' : undefined}>{title}</th>)}</tr>
        </thead>
        <tbody>
          {isVirtual && first > 0 && <tr aria-hidden="true"><td colSpan={columns.length} class="space" style={{ height: `${first * ROW_HEIGHT}px` }} /></tr>}
          {shown.map((row, at) => (
            <tr key={rowKey(row)} class={rowClass?.(row)} aria-rowindex={isVirtual ? first + at + 2 : undefined}>
              {columns.map(({ key, isNumber, width, cell }) => <td key={key} class={`${isNumber ? 'number' : ''} ${width ?? ''}`}>{cell(row)}</td>)}
            </tr>
          ))}
          {below > 0 && <tr aria-hidden="true"><td colSpan={columns.length} class="space" style={{ height: `${below * ROW_HEIGHT}px` }} /></tr>}
          {rows.length === 0 && <tr><td colSpan={columns.length} class="nothing">{empty}</td></tr>}
        </tbody>
      </table>
    </div>
  );
}
