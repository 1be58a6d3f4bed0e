import { COLUMNS, columnsOf, sqlName } from '../../../shared/columns.ts';
import { columnName, FIELDS } from '../../../shared/fields.ts';
import { rowsOfFiles } from '../../logstore/file-columns.ts';
import { PROTOCOL_NUMBERS } from '../language/protocol-names.ts';
import { ADDRESS_MACROS } from './address-macros.ts';
import { sqlIdentifier, sqlString } from './literal.ts';

/** Stored columns of the records that time and search leave; addresses as halves. */
export const STORED_VIEW = 'weir_stored';
/** What a SELECT sees as `log`, and the address halves beside it, for statements that Weir has rewritten. */
export const KEYED_VIEW = 'weir_keyed';

const PROTOCOL_NAME = `CREATE MACRO protocol_name(number) AS CASE number
  ${[...PROTOCOL_NUMBERS].map(([name, number]) => `WHEN ${number} THEN '${name}'`).join(' ')} ELSE number::VARCHAR END`;

const ADDRESS_HALVES = COLUMNS.filter((column) => column.half !== null).map(sqlName);

const LOG_COLUMNS = [
  ...FIELDS.map((field) => {
    const name = sqlIdentifier(columnName(field));
    return field.type === 'address' ? `weir_address(${columnName(field)}_hi, ${columnName(field)}_lo) AS ${name}` : name;
  }),
  'make_timestamp(start * 1000000) AS window_start',
  'make_timestamp("end" * 1000000) AS window_end',
];

/** Rows of exactly these files: a SELECT. `predicate` holds for those that may be seen. */
export function storedRows(files: readonly string[], predicate: string): string {
  const stored = rowsOfFiles(files.length === 0 ? null : `[${files.map(sqlString).join(', ')}]`);
  return `SELECT * FROM (${stored}) WHERE ${predicate}`;
}

export function storedViewStatement(files: readonly string[], predicate: string): string {
  return `CREATE OR REPLACE VIEW ${STORED_VIEW} AS ${storedRows(files, predicate)}`;
}

/** Statements that make what does not depend on the files: macros, and the views over the stored view, still empty. */
export const FIXED_STATEMENTS: readonly string[] = [
  ...ADDRESS_MACROS,
  PROTOCOL_NAME,
  storedViewStatement([], 'FALSE'),
  `CREATE VIEW log AS SELECT ${LOG_COLUMNS.join(', ')} FROM ${STORED_VIEW}`,
  `CREATE VIEW ${KEYED_VIEW} AS SELECT ${[...LOG_COLUMNS, ...ADDRESS_HALVES].join(', ')} FROM ${STORED_VIEW}`,
];

/** Columns of `log`, for the reference: name and SQL type. */
export const LOG_COLUMN_TYPES: readonly { name: string; type: string }[] = [
  ...FIELDS.map((field) => ({ name: columnName(field), type: field.type === 'address' ? 'VARCHAR' : columnsOf(field)[0]!.sqlType })),
  { name: 'window_start', type: 'TIMESTAMP' },
  { name: 'window_end', type: 'TIMESTAMP' },
];
