import {
  DuckDBArrayValue, DuckDBBlobValue, DuckDBDateValue, DuckDBDecimalValue, DuckDBListValue, DuckDBMapValue, DuckDBStructValue,
  DuckDBTimestampTZValue, DuckDBTimestampValue, type DuckDBValue,
} from '@duckdb/node-api';
import type { ResultValue } from './result-format.ts';

/**
 * A value of a SELECT in JSON. Whole numbers are numbers as long as a double holds them exactly (below 2^53), text
 * beyond; decimals likewise (up to 15 digits); times are RFC 3339 in UTC.
 */
export function resultValue(value: DuckDBValue): ResultValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return exactNumber(value);
    case 'undefined':
      return null;
  }
  if (value === null) return null;
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return timestampText(value.micros) ?? value.toString();
  if (value instanceof DuckDBDecimalValue) return value.width <= 15 || digits(value.value) <= 15 ? Number(value.toString()) : value.toString();
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(resultValue);
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([key, entry]) => [key, resultValue(entry)]));
  }
  if (value instanceof DuckDBMapValue) {
    return value.entries.map((entry) => ({ key: resultValue(entry.key), value: resultValue(entry.value) }));
  }
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('hex');
  if (value instanceof DuckDBDateValue) return value.toString();
  return String(value);
}

function exactNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function digits(value: bigint): number {
  return (value < 0n ? -value : value).toString().length;
}

/** RFC 3339, with a fraction only where there is one; null for times that a Date cannot hold. */
function timestampText(us: bigint): string | null {
  const fraction = Number(((us % 1_000_000n) + 1_000_000n) % 1_000_000n);
  const seconds = Number((us - BigInt(fraction)) / 1_000_000n);
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return null;
  const text = date.toISOString().slice(0, -5);
  return `${text}${fraction === 0 ? '' : `.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`}Z`;
}
