import Table from 'cli-table3';
import type { ResultColumn, ResultValue } from '../query/result/result-format.ts';

/** The JSON answer, as far as a table needs it. */
export interface TableAnswer {
  readonly columns: readonly ResultColumn[];
  readonly rows?: readonly (readonly ResultValue[])[];
  readonly records?: readonly Readonly<Record<string, ResultValue>>[];
}

const BARE = {
  'top': '', 'top-mid': '', 'top-left': '', 'top-right': '', 'bottom': '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  'left': '', 'left-mid': '', 'mid': '', 'mid-mid': '', 'right': '', 'right-mid': '', 'middle': '  ',
};
const NUMBER_TYPES = /^(u?int\d+|seconds|instant|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/;

/** Columns under their names, numbers to the right; absent values are `-`. */
export function printTable({ columns, rows, records }: TableAnswer): string {
  const table = new Table({
    head: columns.map((column) => clean(column.name)),
    chars: BARE,
    style: { 'head': [], 'border': [], 'padding-left': 0, 'padding-right': 0, 'compact': true },
    colAligns: columns.map((column) => (NUMBER_TYPES.test(column.type) ? 'right' : 'left')),
  });
  for (const row of rows ?? []) table.push(row.map(cell));
  for (const record of records ?? []) table.push(columns.map((column) => cell(record[column.name] ?? null)));
  return `${table.toString().replace(/[ \t]+$/gm, '')}\n`;
}

function cell(value: ResultValue): string {
  if (value === null) return '-';
  return clean(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

/** Text that comes from outside must not steer the terminal. */
export function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
