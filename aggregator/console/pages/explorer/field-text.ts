import type { Value } from '../../api/answers.ts';
import { visible } from '../../ui/text.tsx';
import { timeText } from '../../ui/time.tsx';
import { protocolName } from '../../charts/protocol-name.ts';

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];
const TIMES = new Set(['start', 'end', 'first-seen', 'last-seen']);

/** How a value of a record reads. */
export function fieldText(field: string, value: Value | undefined): string {
  if (value === null || value === undefined || value === '') return '–';
  if (typeof value === 'number') {
    if (TIMES.has(field)) return timeText(value * 1000);
    if (field === 'protocol') return protocolName(value);
    if (field === 'tcp-flags') return FLAGS.filter((_flag, bit) => (value & 1 << bit) !== 0).join(' ') || '0';
  }
  return visible(String(value));
}

/** The value as the record has it, where the text is another; null otherwise. */
export function plainText(field: string, value: Value | undefined): string | null {
  return typeof value === 'number' && (TIMES.has(field) || field === 'protocol' || field === 'tcp-flags') ? String(value) : null;
}
