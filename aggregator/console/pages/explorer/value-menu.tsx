import { Menu } from '../../ui/menu.tsx';
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

const SHOWN = 60;

/** What can be done with one value of a record. */
export function ValueMenu({ place: { record, field, box }, onTerm, onOpen, onClose }: {
  place: MenuPlace; onTerm: (term: string) => void; onOpen: (record: FlowRecord) => void; onClose: () => void;
}) {
  const value = record[field] ?? null;
  const term = termOf(field, value);
  const text = fieldText(field, value);
  const short = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return (
    <Menu
      label={`${field} ${short}`} head={<><span class="mono">{field}</span> <bdi class="mono">{short}</bdi></>} box={box} onClose={onClose}
      items={[
        { text: 'Show the record, and why', run: () => onOpen(record) },
        { text: value === null ? 'Only without it' : 'Only with this value', run: () => onTerm(term!), isDisabled: term === null },
        { text: value === null ? 'Only with a value' : 'Without this value', run: () => onTerm(negated(term!)), isDisabled: term === null },
        { text: 'Copy', run: () => void navigator.clipboard?.writeText(String(value)), isDisabled: value === null },
      ]}
      foot={term === null ? 'The value holds characters that no query can.' : undefined}
    />
  );
}
