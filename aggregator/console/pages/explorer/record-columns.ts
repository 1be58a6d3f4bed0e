import { fieldText } from './field-text.ts';
import type { RecordRows } from './record-list.ts';

/** Records by which the width of a column is found: those that are seen first. */
const MEASURED = 200;
const PADDING = 18;
const LEAST = 44;
const MOST = 250;
/** Letters are not equally wide: a text that is so many characters shorter than the longest may be wider. */
const NEARLY_LONGEST = 2;
const MOST_CHARACTERS = 80;

const ink = document.createElement('canvas').getContext('2d');

/** How wide each field is, in pixels: as its header and the widest of the first values. Headers and verdicts are bold. */
export function columnWidths(fields: readonly string[], records: RecordRows, font: string): number[] {
  const widest = (texts: Iterable<string>, isBold: boolean): number => {
    if (ink) ink.font = isBold ? `600 ${font}` : font;
    let most = 0;
    for (const text of texts) most = Math.max(most, ink?.measureText(text).width ?? text.length * 8);
    return most;
  };
  const measured = records.slice(0, MEASURED);
  return fields.map((field) => {
    const texts = new Set(measured.map((record) => (field === 'action' && record[field] === null ? fieldText('log-status', record['log-status']) : fieldText(field, record[field])).slice(0, MOST_CHARACTERS)));
    const longest = Math.max(0, ...Array.from(texts, ({ length }) => length));
    const candidates = [...texts].filter(({ length }) => length >= longest - NEARLY_LONGEST);
    return Math.ceil(Math.max(LEAST, Math.min(MOST, Math.max(widest([field], true), widest(candidates, field === 'action')) + PADDING)));
  });
}
