import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { useVisibleRows } from './visible-rows.ts';

export interface Column<T> {
  readonly key: string;
  readonly title: string;
  /** What the title means, where one points at it. */
  readonly hint?: string;
  /** Buttons say what they are themselves. */
  readonly isActions?: boolean;
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

/** A table that scrolls in itself where it is too wide or too long; with `asCards`, rows are cards instead in a narrow window, unless they are many. */
export function Table<T>({ label, columns, rows, rowKey, empty, rowClass, asCards = false }: {
  label: string; columns: readonly Column<T>[]; rows: readonly T[]; rowKey: (row: T) => string; empty: ComponentChildren; rowClass?: (row: T) => string | undefined; asCards?: boolean;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const isVirtual = rows.length > ALL_DRAWN;
  const { first, count } = useVisibleRows(frame, rows.length, { rowHeight: ROW_HEIGHT, overscan: OVERSCAN, isVirtual });
  const shown = isVirtual ? rows.slice(first, first + count) : rows;
  const below = isVirtual ? rows.length - first - shown.length : 0;
  return (
    <div class={isVirtual ? 'table virtual' : asCards ? 'table cards' : 'table'} ref={frame} tabIndex={0} role="region" aria-label={label}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr>{columns.map(({ key, title, hint, isNumber, isActions }) => <th key={key} scope="col" class={isNumber ? 'number' : undefined} title={hint}>{isActions ? <span class="unseen">{title}</span> : title}</th>)}</tr>
        </thead>
        <tbody>
          {isVirtual && first > 0 && <tr aria-hidden="true"><td colSpan={columns.length} class="space" style={{ height: `${first * ROW_HEIGHT}px` }} /></tr>}
          {shown.map((row, at) => (
            <tr key={rowKey(row)} class={rowClass?.(row)} aria-rowindex={isVirtual ? first + at + 2 : undefined}>
              {columns.map(({ key, title, isNumber, isActions, width, cell }) => <td key={key} class={`${isNumber ? 'number ' : ''}${isActions ? 'row-actions ' : ''}${width ?? ''}`} data-title={isActions ? undefined : title}>{cell(row)}</td>)}
            </tr>
          ))}
          {below > 0 && <tr aria-hidden="true"><td colSpan={columns.length} class="space" style={{ height: `${below * ROW_HEIGHT}px` }} /></tr>}
          {rows.length === 0 && <tr><td colSpan={columns.length} class="nothing">{empty}</td></tr>}
        </tbody>
      </table>
    </div>
  );
}
