import { COLUMNS, sqlName, type Column } from '../../shared/columns.ts';
import { FLOW_STATES, INITIATORS, LOG_STATUSES } from '../../shared/fields.ts';
import { STATUS_OK } from '../../shared/records.ts';
import { WIRE_COLUMNS } from '../../shared/wire/column-batch.ts';
import { fileSelect, rowsOfFiles, type TimePrecision } from '../logstore/file-columns.ts';
import type { Window } from '../logstore/window.ts';

/** Every partial row of one flow becomes one row, by the merge rules of the field table. */
export function mergeSelect(columns: readonly Column[], from: string): string {
  const keys = columns.filter(({ field }) => field.merge === 'key').map(sqlName);
  const list = columns.map((column) => `${merged(column)} AS ${sqlName(column)}`);
  return `SELECT ${list.join(', ')} FROM ${from} GROUP BY ${keys.join(', ')}`;
}

/** Doubles are exact up to here. (`least` would give it for "absent" too.) */
const MAX_SUM = Number.MAX_SAFE_INTEGER;

function merged(column: Column): string {
  const name = sqlName(column);
  switch (column.field.merge) {
    case 'key': return name;
    case 'sum': return `if(sum(${name}) > ${MAX_SUM}, ${MAX_SUM}, sum(${name}))::${column.sqlType}`;
    case 'min': return `min(${name})`;
    // of equal values, and the same one in every order of rows
    case 'constant':
    case 'max': return `max(${name})`;
    case 'or': return `bit_or(${name})`;
    case 'flow-state': return first(name, FLOW_STATES);
    case 'initiator': return first(name, INITIATORS);
  }
}

/** The value that stands first in the list. */
function first(name: string, values: readonly string[]): string {
  const ranks = values.map((value, rank) => `WHEN '${value}' THEN ${rank}`).join(' ');
  const names = values.map((value, rank) => `WHEN ${rank} THEN '${value}'`).join(' ');
  return `CASE min(CASE ${name} ${ranks} END) ${names} END`;
}

/**
 * Rows of a file lie in this order: an ENI's together, then what is alike, then the addresses, which is what searches ask
 * for. Alike are rows of one direction, outcome, protocol and service (the lower of the ports); what came in and what
 * went out of one connection then stand at the same places of two runs, which compresses well.
 */
const ORDER_FIRST = [
  'eni_id', 'start', 'direction', 'action', 'protocol', 'flow_state', 'least(srcport, dstport)',
  'srcaddr_hi', 'srcaddr_lo', 'dstaddr_hi', 'dstaddr_lo', 'srcport', 'dstport',
];

function orderBy(): string {
  const keys = COLUMNS.filter(({ field }) => field.merge === 'key').map(sqlName);
  const first = ORDER_FIRST.map((name) => (name.includes('(') ? name : `"${name}"`));
  return [...first, ...keys.filter((name) => !first.includes(name))].join(', ');
}

/** The staged rows that a route is about. */
export const ROUTED = `stage.frame = route.frame AND stage.start = route.start AND stage."end" = route."end" AND stage.eni_id = route.eni_id
      AND (route.action IS NULL OR stage.action = route.action)`;

const SYMBOLS = COLUMNS.filter(({ field }) => field.type === 'symbol').map(sqlName);
const OK = `'${LOG_STATUSES[STATUS_OK]}'`;

/** The texts of a file: one SELECT for each column. */
export function symbolSelects(path: string): string[] {
  return SYMBOLS.map((name) => `SELECT DISTINCT ${name} FROM (${rowsOfFiles(`['${path.replaceAll("'", "''")}']`)}) WHERE ${name} IS NOT NULL`);
}

/**
 * The rows of one target: the staged flows that are routed to it and the previous file's, merged, with the status
 * rows. Symbols are an ENUM to the end, those of the file too: DuckDB writes both as text, sorts and groups numbers
 * faster, and can put groups of numbers on the disk when memory runs out, but not the largest text of each group.
 */
export function targetSelect(target: number, window: Window, previous: string | null, precision: TimePrecision): string {
  const staged = mergeSelect(WIRE_COLUMNS, `(
      SELECT stage.* REPLACE (${window.start}::BIGINT AS "start", ${window.start + window.seconds}::BIGINT AS "end")
      FROM stage JOIN route ON ${ROUTED} WHERE route.target = ${target})`);
  const fresh = `SELECT ${freshColumns().join(', ')} FROM (${staged})`;
  const status = `SELECT * EXCLUDE (target) FROM status WHERE target = ${target}`;
  const names = COLUMNS.map(sqlName).join(', ');
  const written = (rows: string): string => fileSelect(`(SELECT ${names} FROM (${rows}))`, precision) + ` ORDER BY ${orderBy()}`;
  if (previous === null) return written(`${fresh} UNION ALL BY NAME ${status}`);
  const file = `(SELECT * REPLACE (${SYMBOLS.map((name) => `${name}::symbol AS ${name}`).join(', ')}) FROM (${rowsOfFiles(`['${previous.replaceAll("'", "''")}']`)}))`;
  const flows = mergeSelect(COLUMNS, `(${fresh} UNION ALL BY NAME SELECT * FROM ${file} WHERE log_status = ${OK})`);
  const kept = `SELECT * FROM ${file} WHERE log_status <> ${OK} AND eni_id NOT IN (SELECT eni_id FROM told WHERE target = ${target})`;
  return written(`${flows} UNION ALL BY NAME ${kept} UNION ALL BY NAME ${status}`);
}

/** What the wire does not carry is added; the others get the type that files have. */
function freshColumns(): string[] {
  return COLUMNS.map((column) => {
    const name = sqlName(column);
    const type = column.field.type === 'symbol' ? 'symbol' : column.sqlType;
    if (column.field.name === 'log-status') return `${OK}::${type} AS ${name}`;
    if (column.field.name === 'skipped-packets') return `NULL::${type} AS ${name}`;
    return `${name}::${type} AS ${name}`;
  });
}
