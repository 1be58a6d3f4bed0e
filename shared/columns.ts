import { columnName, FIELDS, type Field, type FieldType } from './fields.ts';

/**
 * A physical column: what Parquet files hold and batches carry. Every field is one column, except that an address is
 * two: its upper and its lower 64 bits.
 */
export interface Column {
  /** Name in SQL, Parquet and on the wire: `srcaddr_hi`, `eni_id`. */
  readonly name: string;
  readonly field: Field;
  /** For addresses, which half this is. */
  readonly half: 'hi' | 'lo' | null;
  readonly sqlType: string;
}

const SQL_TYPES: Readonly<Record<FieldType, string>> = {
  uint8: 'UTINYINT',
  uint16: 'USMALLINT',
  uint32: 'BIGINT', // docs/decisions/020-parquet-files.md: other readers misread large UINTEGER
  uint64: 'BIGINT', // below 2^53, so the signed type loses nothing and every reader has it
  address: 'UBIGINT',
  symbol: 'VARCHAR',
  seconds: 'BIGINT',
  instant: 'TIMESTAMP',
};

/** The columns of one field, in their order. */
export function columnsOf(field: Field): Column[] {
  const sqlType = SQL_TYPES[field.type];
  const name = columnName(field);
  if (field.type !== 'address') return [{ name, field, half: null, sqlType }];
  return (['hi', 'lo'] as const).map((half) => ({ name: `${name}_${half}`, field, half, sqlType }));
}

/** Every column of a LogStore, in the order of the field table. */
export const COLUMNS: readonly Column[] = FIELDS.flatMap(columnsOf);

/** A column's name as an SQL identifier: `end` is a reserved word. */
export function sqlName(column: Column): string {
  return `"${column.name}"`;
}
