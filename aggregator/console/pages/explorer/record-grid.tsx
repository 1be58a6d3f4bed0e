import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { timeZone } from '../../state/preference.ts';
import { useVisibleRows } from '../../ui/visible-rows.ts';
import { fieldText, plainText } from './field-text.ts';
import { columnWidths } from './record-columns.ts';
import type { RecordRows } from './record-list.ts';
import type { FlowRecord } from './question.ts';
import { ValueMenu, type MenuPlace } from './value-menu.tsx';

const ROW_HEIGHT = 28;
const OVERSCAN = 10;
const NUMBERS = new Set(['packets', 'bytes', 'srcport', 'dstport', 'fragments', 'skipped-packets', 'ruleset-rev', 'icmp-type', 'icmp-code', 'version']);

export interface RecordGridProps {
  readonly records: RecordRows;
  /** Changes whenever there are other records. */
  readonly version: number;
  readonly fields: readonly string[];
  readonly isEnd: boolean;
  /** The last row that is drawn is this one. */
  readonly onReach: (last: number) => void;
  readonly onOpen: (record: FlowRecord) => void;
  readonly onTerm: (term: string) => void;
}

/** Records of which only those in sight are drawn. Arrow keys move from value to value; Enter says what can be done with one. */
export function RecordGrid(props: RecordGridProps) {
  const { records, version, fields, isEnd, onReach } = props;
  const frame = useRef<HTMLDivElement>(null);
  const { first, count } = useVisibleRows(frame, records.length, { rowHeight: ROW_HEIGHT, overscan: OVERSCAN });
  const active = useSignal<readonly [row: number, column: number]>([0, 0]);
  const menu = useSignal<MenuPlace | null>(null);
  useEffect(() => {
    if (!isEnd) onReach(first + count);
  }, [first, count, version, isEnd]);
  const zone = timeZone.value;
  const [font, setFont] = useState('12px sans-serif');
  useEffect(() => {
    const { fontSize, fontFamily } = getComputedStyle(frame.current!);
    setFont(`${fontSize} ${fontFamily}`);
  }, []);
  // by the first records alone: what is scrolled to moves nothing
  const widths = useMemo(() => columnWidths(fields, records, font), [fields, records, font, zone, records.length > 0]);
  // what is left of a wide window is shared out
  const template = widths.map((width) => `minmax(${width}px, ${width}fr)`).join(' ');
  const width = widths.reduce((sum, one) => sum + one, 0);

  const focusOn = (row: number, column: number): void => {
    const to = [Math.max(0, Math.min(records.length - 1, row)), Math.max(0, Math.min(fields.length - 1, column))] as const;
    active.value = to;
    const element = frame.current!;
    const top = to[0] * ROW_HEIGHT;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + 3 * ROW_HEIGHT > element.scrollTop + element.clientHeight) element.scrollTop = top + 3 * ROW_HEIGHT - element.clientHeight;
    requestAnimationFrame(() => requestAnimationFrame(() => element.querySelector<HTMLElement>(`[data-row="${to[0]}"] [data-column="${to[1]}"]`)?.focus()));
  };
  const openMenu = (row: number, column: number): void => {
    const cell = frame.current!.querySelector(`[data-row="${row}"] [data-column="${column}"]`);
    const record = records.at(row);
    if (!cell || !record) return;
    active.value = [row, column];
    menu.value = { record, field: fields[column]!, box: cell.getBoundingClientRect(), scrolled: [frame.current!.scrollTop, frame.current!.scrollLeft] };
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (menu.value) return;
    const [row, column] = active.value;
    const page = Math.max(1, Math.floor(frame.current!.clientHeight / ROW_HEIGHT) - 3);
    switch (event.key) {
      case 'ArrowLeft': focusOn(row, column - 1); break;
      case 'ArrowRight': focusOn(row, column + 1); break;
      case 'ArrowUp': focusOn(row - 1, column); break;
      case 'ArrowDown': focusOn(row + 1, column); break;
      case 'PageUp': focusOn(row - page, column); break;
      case 'PageDown': focusOn(row + page, column); break;
      case 'Home': focusOn(event.ctrlKey ? 0 : row, 0); break;
      case 'End': focusOn(event.ctrlKey ? records.length - 1 : row, fields.length - 1); break;
      case 'Enter': if (event.ctrlKey) return; openMenu(row, column); break;
      case ' ': {
        const record = records.at(row);
        if (record) props.onOpen(record);
        break;
      }
      default: return;
    }
    event.preventDefault();
  };
  const onScroll = (): void => {
    const place = menu.peek();
    if (place && (place.scrolled[0] !== frame.current!.scrollTop || place.scrolled[1] !== frame.current!.scrollLeft)) menu.value = null;
  };
  const onFocusIn = (event: FocusEvent): void => {
    const cell = (event.target as Element).closest<HTMLElement>('[data-column]');
    const row = cell?.closest<HTMLElement>('[data-row]');
    if (cell && row) active.value = [Number(row.dataset['row']), Number(cell.dataset['column'])];
  };
  const onClick = (event: MouseEvent): void => {
    const cell = (event.target as Element).closest<HTMLElement>('[data-column]');
    const row = cell?.closest<HTMLElement>('[data-row]');
    // who marks text does not want a menu
    if (cell && row && getSelection()?.isCollapsed !== false) openMenu(Number(row.dataset['row']), Number(cell.dataset['column']));
  };
  const shown = records.slice(first, first + count);
  const [activeRow, activeColumn] = active.value;
  return (
    <>
      <div class="records" ref={frame} onScroll={onScroll}>
        <div role="grid" aria-label="Records" aria-rowcount={isEnd ? records.length + 1 : -1} aria-colcount={fields.length} onKeyDown={onKeyDown} onClick={onClick} onFocusIn={onFocusIn} style={{ width: `${width}px` }}>
          <div class="record-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
            {fields.map((field) => <span key={field} role="columnheader" class={NUMBERS.has(field) ? 'number' : undefined}>{field}</span>)}
          </div>
          <div class="record-body" role="presentation" style={{ height: `${records.length * ROW_HEIGHT}px` }}>
            {shown.map((record, at) => (
              <Row
                key={first + at} record={record} index={first + at} fields={fields} template={template} zone={zone}
                reached={first + at === activeRow || (at === 0 && (activeRow < first || activeRow >= first + shown.length)) ? activeColumn : -1}
              />
            ))}
          </div>
        </div>
        {!isEnd && <p class="more muted">Loading more …</p>}
      </div>
      {menu.value && (
        <ValueMenu
          place={menu.value} onTerm={props.onTerm} onOpen={props.onOpen}
          onClose={() => { menu.value = null; requestAnimationFrame(() => frame.current?.querySelector<HTMLElement>('[data-column][tabindex="0"]')?.focus({ preventScroll: true })); }}
        />
      )}
    </>
  );
}

function Row({ record, index, fields, template, reached, zone }: { record: FlowRecord; index: number; fields: readonly string[]; template: string; reached: number; zone: string }) {
  // drawn again only when something of this row is another
  return useMemo(() => (
    <div class={`record${index % 2 === 1 ? ' odd' : ''}`} role="row" data-row={index} aria-rowindex={index + 2} style={{ gridTemplateColumns: template, top: `${index * ROW_HEIGHT}px` }}>
      {fields.map((field, at) => {
        // what has no verdict says what it is instead
        const isStatus = field === 'action' && record['action'] === null;
        const text = isStatus ? fieldText('log-status', record['log-status']) : fieldText(field, record[field]);
        const plain = plainText(field, record[field]);
        return (
          <span key={field} role="gridcell" data-column={at} tabIndex={at === reached ? 0 : -1} class={isStatus ? 'muted' : classOf(field, text)} title={plain ?? (text.length > 12 ? text.slice(0, 1000) : undefined)}>
            {text.length > 400 ? `${text.slice(0, 400)}…` : text}
          </span>
        );
      })}
    </div>
  ), [record, index, fields, template, reached, zone]);
}

function classOf(field: string, text: string): string | undefined {
  if (field === 'action') return text === 'REJECT' ? 'rejected' : text === 'ACCEPT' ? 'accepted' : undefined;
  return NUMBERS.has(field) ? 'number' : undefined;
}
