import { useEffect, useRef } from 'preact/hooks';
import { fieldText } from './field-text.ts';
import { negated, termOf } from './query-terms.ts';
import type { FlowRecord } from './question.ts';

export interface MenuPlace {
  readonly record: FlowRecord;
  readonly field: string;
  readonly box: DOMRect;
  /** How far the rows were scrolled: an event of that may come later than the menu. */
  readonly scrolled: readonly [top: number, left: number];
}

const WIDTH = 260;
const HEIGHT = 170;
const SHOWN = 60;

/** What can be done with one value of a record. */
export function ValueMenu({ place: { record, field, box }, onTerm, onOpen, onClose }: {
  place: MenuPlace; onTerm: (term: string) => void; onOpen: (record: FlowRecord) => void; onClose: () => void;
}) {
  const menu = useRef<HTMLDivElement>(null);
  const value = record[field] ?? null;
  const term = termOf(field, value);
  useEffect(() => {
    menu.current!.querySelector('button')!.focus();
    const leave = (event: PointerEvent): void => { if (!menu.current!.contains(event.target as Node)) onClose(); };
    document.addEventListener('pointerdown', leave);
    return () => document.removeEventListener('pointerdown', leave);
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    const items = [...menu.current!.querySelectorAll<HTMLButtonElement>('button:not(:disabled)')];
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === 'ArrowDown') items[(at + 1) % items.length]!.focus();
    else if (event.key === 'ArrowUp') items[(at + items.length - 1) % items.length]!.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const run = (action: () => void) => (): void => {
    onClose();
    action();
  };
  const text = fieldText(field, value);
  const short = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  const left = Math.max(6, Math.min(box.left, innerWidth - WIDTH - 6));
  const top = box.bottom + HEIGHT > innerHeight ? Math.max(6, box.top - HEIGHT) : box.bottom + 2;
  return (
    <div class="value-menu" role="menu" aria-label={`${field} ${short}`} ref={menu} onKeyDown={onKeyDown} style={{ left: `${left}px`, top: `${top}px`, width: `${WIDTH}px` }}>
      <p class="muted"><span class="mono">{field}</span> <bdi class="mono">{short}</bdi></p>
      <button type="button" role="menuitem" onClick={run(() => onOpen(record))}>Show the record, and why</button>
      <button type="button" role="menuitem" disabled={term === null} onClick={run(() => onTerm(term!))}>{value === null ? 'Only without it' : 'Only with this value'}</button>
      <button type="button" role="menuitem" disabled={term === null} onClick={run(() => onTerm(negated(term!)))}>{value === null ? 'Only with a value' : 'Without this value'}</button>
      <button type="button" role="menuitem" disabled={value === null} onClick={run(() => void navigator.clipboard?.writeText(String(value)))}>Copy</button>
      {term === null && <p class="muted">The value holds characters that no query can.</p>}
    </div>
  );
}
