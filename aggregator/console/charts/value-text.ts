import type { Value } from '../api/answers.ts';
import { bytesText, numberText } from '../ui/numbers.ts';
import { visible } from '../ui/text.tsx';
import { timeText } from '../ui/time.tsx';
import { numberOf, type ResultColumn } from './result-shape.ts';

/** A cell of an answer as it reads; null: absent. Lists and structures stand as JSON. */
export function valueText({ name, type }: ResultColumn, value: Value | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (/TIMESTAMP/i.test(type)) {
    const ms = Date.parse(String(value));
    return Number.isNaN(ms) ? visible(String(value)) : timeText(ms);
  }
  if (typeof value === 'number' && (name === 'start' || name === 'end')) return timeText(value * 1000);
  return visible(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

/** An amount in few characters: bytes in their units, large counts grouped. */
export function amountText(name: string, value: Value | undefined): string {
  const number = numberOf(value);
  if (number === null) return '–';
  if (/bytes/i.test(name) && number >= 1024) return bytesText(number);
  if (/percent|share/i.test(name)) return `${numberText(number)} %`;
  return numberText(Number.isInteger(number) ? value as number : Number(number.toPrecision(6)));
}
