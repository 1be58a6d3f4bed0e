import type { Column } from '../columns.ts';
import { BatchError, quoted } from './batch-error.ts';
import { isOptional, isValid, numberColumn, safeInteger, WIRE_COLUMNS, words, type ColumnBatch, type NumberColumn, type SymbolColumn } from './column-batch.ts';
import { MAX_SYMBOL_BYTES, NOT_IN_SYMBOLS } from './limits.ts';
import { checkedWindow } from './wire-seal.ts';

/** Names a row in an error text: its line, or its number in the record batch. */
export type RowPlace = (row: number) => string;

/** Looks at every value, one column after the other; throws BatchError at the first that no record can hold. */
export function checkBatch(batch: ColumnBatch, place: RowPlace): void {
  for (const column of WIRE_COLUMNS) {
    const values = batch.columns.get(column.name);
    if (!values) throw new BatchError('malformed', `the column ${column.name} is missing`);
    if (values.kind === 'symbol') checkSymbols(column, values, place);
    else checkNumbers(column, values, batch.rows, place);
  }
  checkVersion(batch, place);
  checkWindows(batch, place);
  checkSpan(batch, place);
}

function checkSymbols(column: Column, { index, dictionary }: SymbolColumn, place: RowPlace): void {
  const size = dictionary.length;
  for (let row = 0; row < index.length; row++) {
    const position = index[row]!;
    if (position < 0 || position >= size) {
      throw new BatchError('invalid', `${place(row)}: ${column.name} points at entry ${position} of a dictionary of ${size}`);
    }
  }
  const refused = dictionary.findIndex((value) => !isSymbol(column, value));
  if (refused < 0) return;
  // an entry that no row uses harms nobody: other writers keep such
  const bad = dictionary.map((value) => !isSymbol(column, value));
  const row = index.findIndex((position: number) => bad[position]!);
  if (row >= 0) throw new BatchError('invalid', `${place(row)}: ${column.name} is ${quoted(dictionary[index[row]!])}${expected(column)}`);
}

function isSymbol(column: Column, value: string | null | undefined): boolean {
  if (value === null || value === undefined) return isOptional(column);
  if (column.field.values) return column.field.values.includes(value);
  return value.length > 0 && (value.length * 3 <= MAX_SYMBOL_BYTES || Buffer.byteLength(value) <= MAX_SYMBOL_BYTES) && !NOT_IN_SYMBOLS.test(value);
}

function expected(column: Column): string {
  const values = column.field.values;
  return values ? `; it can be ${values.join(', ')}` : `; it must be a text of 1 to ${MAX_SYMBOL_BYTES} bytes without control characters`;
}

function checkNumbers(column: Column, values: NumberColumn, rows: number, place: RowPlace): void {
  if (values.valid && !isOptional(column)) {
    for (let row = 0; row < rows; row++) {
      if (!isValid(values.valid, row)) throw new BatchError('invalid', `${place(row)}: ${column.name} is absent`);
    }
  }
  const { type } = column.field;
  if (type !== 'uint64' && type !== 'seconds' && type !== 'instant') return;
  const pairs = words(values);
  for (let row = 0; row < rows; row++) {
    const high = pairs[2 * row + 1]!;
    if ((high < 0 || high >= 0x20_0000) && isValid(values.valid, row)) throw new BatchError('invalid', `${place(row)}: ${column.name} is ${values.values[row]}, not from 0 to 2^53`);
  }
}

function checkVersion(batch: ColumnBatch, place: RowPlace): void {
  const { values } = numberColumn(batch, 'version');
  for (let row = 0; row < batch.rows; row++) {
    if (values[row] !== 1) throw new BatchError('invalid', `${place(row)}: version is ${values[row]}; this collector knows version 1`);
  }
}

function checkWindows(batch: ColumnBatch, place: RowPlace): void {
  const start = words(numberColumn(batch, 'start'));
  const end = words(numberColumn(batch, 'end'));
  let knownStart = -1;
  let knownEnd = -1;
  for (let row = 0; row < batch.rows; row++) {
    const rowStart = safeInteger(start, row);
    const rowEnd = safeInteger(end, row);
    if (rowStart === knownStart && rowEnd === knownEnd) continue;
    checkedWindow(rowStart, rowEnd - rowStart, place(row));
    knownStart = rowStart;
    knownEnd = rowEnd;
  }
}

function checkSpan(batch: ColumnBatch, place: RowPlace): void {
  const firstColumn = numberColumn(batch, 'first_seen');
  const lastColumn = numberColumn(batch, 'last_seen');
  const first = words(firstColumn);
  const last = words(lastColumn);
  for (let row = 0; row < batch.rows; row++) {
    if (!isValid(firstColumn.valid, row) || !isValid(lastColumn.valid, row)) continue;
    if (safeInteger(first, row) > safeInteger(last, row)) throw new BatchError('invalid', `${place(row)}: last_seen lies before first_seen`);
  }
}
