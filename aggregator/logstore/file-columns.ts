import { COLUMNS, sqlName, type Column } from '../../shared/columns.ts';

/**
 * What the columns of a LogStore's files are. They are those of `shared/columns.ts`, but for the two times, which take
 * four columns: a time is kept as the distance from what is near it, whole milliseconds apart from what is left.
 *
 *     first_seen = start + first_seen_ms + first_seen_us
 *     last_seen = first_seen (where that is absent: start) + duration_ms + duration_us
 *
 * Milliseconds are whole numbers in DOUBLE: DuckDB splits only floating point into streams of bytes, which take a
 * third less room here than its whole numbers. See docs/decisions/020-parquet-files.md.
 */
export type TimePrecision = 'us' | 'ms';
export const TIME_PRECISIONS: readonly TimePrecision[] = ['us', 'ms'];

/** Beside what `COLUMNS` has. In files of earlier builds the times were columns themselves, which are read still. */
const TIME_COLUMNS = [
  ['first_seen_ms', 'DOUBLE'], ['first_seen_us', 'SMALLINT'], ['duration_ms', 'DOUBLE'], ['duration_us', 'SMALLINT'],
] as const;
const START_US = '"start" * 1000000';
const FIRST_US = `(${START_US} + first_seen_ms::BIGINT * 1000 + coalesce(first_seen_us, 0))`;
const LAST_US = `(coalesce(${FIRST_US}, ${START_US}) + duration_ms::BIGINT * 1000 + coalesce(duration_us, 0))`;
const FIRST_SEEN = `coalesce(first_seen, make_timestamp(${FIRST_US}))`;
const LAST_SEEN = `coalesce(last_seen, make_timestamp(${LAST_US}))`;

const isTime = (column: Column): boolean => column.field.type === 'instant';

/** Rows with the columns of `shared/columns.ts` as a SELECT of those that a file gets. With `ms` the microseconds are left out. */
export function fileSelect(from: string, precision: TimePrecision): string {
  const first = `(epoch_us(first_seen) - ${START_US})`;
  const duration = `(epoch_us(last_seen) - coalesce(epoch_us(first_seen), ${START_US}))`;
  const times = [[first, 'first_seen'], [duration, 'duration']].flatMap(([us, name]) => [
    `(${us} // 1000)::DOUBLE AS ${name}_ms`, `${precision === 'us' ? `(${us} % 1000)` : 'NULL'}::SMALLINT AS ${name}_us`,
  ]);
  return `SELECT ${[...COLUMNS.filter((column) => !isTime(column)).map(sqlName), ...times].join(', ')} FROM ${from}`;
}

/** The rows of files of any version, with the columns of `shared/columns.ts`: a SELECT. `files`: a list in SQL, null for none. */
export function rowsOfFiles(files: string | null): string {
  const columns = [...COLUMNS.map((column) => [column.name, column.sqlType] as const), ...TIME_COLUMNS];
  // The empty table gives columns that a file lacks, and stands alone where there are no files.
  const empty = `SELECT ${columns.map(([name, type]) => `NULL::${type} AS "${name}"`).join(', ')} WHERE FALSE`;
  const stored = files === null ? empty
    : `${empty} UNION ALL BY NAME SELECT * FROM read_parquet(${files}, union_by_name = true, hive_partitioning = false)`;
  const list = COLUMNS.map((column) => (isTime(column) ? `${column.name === 'first_seen' ? FIRST_SEEN : LAST_SEEN} AS ${sqlName(column)}` : sqlName(column)));
  return `SELECT ${list.join(', ')} FROM (${stored})`;
}
