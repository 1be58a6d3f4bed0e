import { fieldText } from './field-text.ts';
import type { FlowRecord } from './question.ts';

/** Records by which the width of a column is found: those that are seen first. */
const MEASURED = 200;
const PADDING = 18;
const LEAST = 44;
const MOST = 250;
/** Headers and verdicts are bold. */
const BOLD_SCALE = 1.12;

const ink = document.createElement('canvas').getContext('2d');

/** How wide each field is, in pixels: as its header and the longest of the first values. */
export function columnWidths(fields: readonly string[], records: readonly FlowRecord[], font: string): number[] {
  if (ink) ink.font = font;
  const widthOf = (text: string): number => ink?.measureText(text).width ?? text.length * 8;
  const measured = records.slice(0, MEASURED);
  return fields.map((field) => {
    const longest = measured.reduce((most, record) => {
      const text = field === 'action' && record[field] === null ? fieldText('log-status', record['log-status']) : fieldText(field, record[field]);
      return text.length > most.length ? text : most;
    }, '');
    return Math.round(Math.max(LEAST, Math.min(MOST, Math.max(widthOf(field) * BOLD_SCALE, widthOf(longest.slice(0, 80)) * (field === 'action' ? BOLD_SCALE : 1)) + PADDING)));
  });
}
