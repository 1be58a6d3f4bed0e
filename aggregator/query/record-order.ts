import { COLUMNS, sqlName, type Column } from '../../shared/columns.ts';
import { sqlHalf, sqlString } from './sql/literal.ts';

/**
 * The order of records in an answer: by window, then ENI, then the rest of the key, then everything else, so that the
 * order is the same every time. Absent values come first.
 */

/** Values of the key columns of one record, 64-bit halves as decimal text. */
export type RecordKey = readonly (string | number | null)[];

const FIRST = ['start', 'end', 'eni_id'];
const isKey = (column: Column) => column.field.merge === 'key' || FIRST.includes(column.name);
const rank = (column: Column) => (FIRST.includes(column.name) ? FIRST.indexOf(column.name) : FIRST.length);

/** Columns that tell records apart. Two records may agree in all of them only if they come from different windows' files. */
export const KEY_COLUMNS: readonly Column[] = COLUMNS.filter(isKey).sort((a, b) => rank(a) - rank(b));

const ORDER_BY = [...KEY_COLUMNS, ...COLUMNS.filter((column) => !isKey(column))].map((column) => `${sqlName(column)} NULLS FIRST`);

/** The columns that say which window a record is of stand first: so many. */
const WINDOW_COLUMNS = 2;

/** `newestFirst` turns the windows around, and nothing within a window. */
export function orderBy(newestFirst: boolean): string {
  return newestFirst ? [`${sqlName(KEY_COLUMNS[0]!)} DESC`, ...ORDER_BY.slice(1)].join(', ') : ORDER_BY.join(', ');
}

/** The same order, of records that are all of one window. */
export function orderWithinWindow(): string {
  return ORDER_BY.slice(WINDOW_COLUMNS).join(', ');
}

/** Whether values fit the key columns: a cursor comes from outside. */
export function isRecordKey(values: unknown): values is RecordKey {
  return Array.isArray(values) && values.length === KEY_COLUMNS.length && KEY_COLUMNS.every((column, index) => {
    const value: unknown = values[index];
    if (value === null) return true;
    if (column.half !== null) return typeof value === 'string' && /^\d{1,20}$/.test(value) && BigInt(value) < 2n ** 64n;
    // DuckDB takes SQL up to the first NUL
    if (column.sqlType === 'VARCHAR') return typeof value === 'string' && !value.includes('\0');
    return Number.isSafeInteger(value);
  });
}

/** The predicate "the record's key is this one or comes after it". */
export function fromKeyOn(key: RecordKey, newestFirst: boolean): string {
  return onFrom(0, key, newestFirst);
}

/** The same of records that are all of the key's window and ENI. */
export function fromKeyOnWithinEni(key: RecordKey): string {
  return onFrom(WINDOW_COLUMNS + 1, key, false);
}

export function eniOf(key: RecordKey): string | null {
  return key[WINDOW_COLUMNS] as string | null;
}

function onFrom(first: number, key: RecordKey, newestFirst: boolean): string {
  const beyond = (index: number) => (newestFirst && index === 0 ? '<' : '>');
  let predicate = 'TRUE';
  for (let index = KEY_COLUMNS.length - 1; index >= first; index--) {
    const column = KEY_COLUMNS[index]!;
    const name = sqlName(column);
    const value = key[index]!;
    predicate = value === null
      ? `(${name} IS NOT NULL OR ${predicate})`
      : `(${name} ${beyond(index)} ${literal(column, value)} OR (${name} = ${literal(column, value)} AND ${predicate}))`;
  }
  // The first column stands alone too, so that it prunes what comes before.
  const column = KEY_COLUMNS[first]!;
  const value = key[first]!;
  return value === null ? predicate : `(${sqlName(column)} ${beyond(first)}= ${literal(column, value)} AND ${predicate})`;
}

function literal(column: Column, value: string | number): string {
  if (column.half !== null) return sqlHalf(BigInt(value));
  return typeof value === 'string' ? sqlString(value) : String(value);
}
