import type { DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api';
import { formatAddress } from '../../../shared/address.ts';
import { columnsOf, sqlName } from '../../../shared/columns.ts';
import type { Field } from '../../../shared/fields.ts';
import type { ResultValue } from './result-format.ts';

/** Stored columns that the values of these fields are made of, for a SELECT list. */
export function storedColumnList(fields: readonly Field[]): string[] {
  return fields.flatMap(columnsOf).map(sqlName);
}

/** Values of the fields, one array a field, from a chunk whose columns are those of `storedColumnList`; as replay prints them. */
export function fieldValues(chunk: DuckDBDataChunk, fields: readonly Field[]): ResultValue[][] {
  let column = 0;
  return fields.map((field) => {
    const values = chunk.getColumnValues(column++);
    if (field.type !== 'address') return values.map(plainValue);
    const lows = chunk.getColumnValues(column++);
    return values.map((high, row) => addressText(high, lows[row]!));
  });
}

function plainValue(value: DuckDBValue): ResultValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  // An instant: microseconds become Unix seconds with decimals.
  return Number((value as { micros: bigint }).micros) / 1e6;
}

const WORDS = new Int32Array(4);
const WORD = 0xffff_ffffn;

function addressText(high: DuckDBValue, low: DuckDBValue): string | null {
  if (typeof high !== 'bigint' || typeof low !== 'bigint') return null;
  WORDS[0] = Number(high >> 32n);
  WORDS[1] = Number(high & WORD);
  WORDS[2] = Number(low >> 32n);
  WORDS[3] = Number(low & WORD);
  return formatAddress(WORDS, 0);
}
