import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import test from 'ava';
import fc from 'fast-check';
import { fileSelect, rowsOfFiles, type TimePrecision } from '../../../aggregator/logstore/file-columns.ts';
import { COLUMNS, sqlName } from '../../../shared/columns.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

const START = 1_700_000_400;
/** Mostly in the window, but a hand-made record may say anything. */
const timeUs = fc.option(fc.oneof(
  fc.integer({ min: 0, max: 599_999_999 }).map((us) => START * 1e6 + us), fc.integer({ min: 0, max: 2 ** 53 - 1 }),
));
const times = fc.tuple(timeUs, timeUs).map(([a, b]) => (a !== null && b !== null && a > b ? [b, a] : [a, b]) as [number | null, number | null]);

async function database(): Promise<DuckDBConnection> {
  return (await DuckDBInstance.create(':memory:')).connect();
}

async function fill(connection: DuckDBConnection, rows: readonly (readonly [number | null, number | null])[]): Promise<void> {
  await connection.run(`CREATE OR REPLACE TABLE rows (${COLUMNS.map((column) => `${sqlName(column)} ${column.sqlType}`).join(', ')})`);
  const instant = (us: number | null): string => (us === null ? 'NULL' : `make_timestamp(${us})`);
  const values = rows.map(([first, last], row) => `(${START}, ${instant(first)}, ${instant(last)}, ${row})`);
  await connection.run(`INSERT INTO rows ("start", first_seen, last_seen, packets) VALUES ${values.join(', ')}`);
}

async function read(connection: DuckDBConnection, from: string): Promise<(number | null)[][]> {
  const result = await connection.runAndReadAll(`SELECT epoch_us(first_seen), epoch_us(last_seen) FROM (${from}) ORDER BY packets`);
  return result.getRows().map((row) => row.map((value) => (value === null ? null : Number(value))));
}

async function written(connection: DuckDBConnection, folder: string, precision: TimePrecision): Promise<string> {
  const path = join(folder, `${precision}.parquet`);
  await connection.run(`COPY (${fileSelect('rows', precision)}) TO '${path}' (FORMAT parquet, PARQUET_VERSION V2)`);
  return path;
}

test('a file gives back the times that were written, to the microsecond', async (t) => {
  const connection = await database();
  const folder = temporaryDirectory(t);
  const rows = fc.sample(times, { numRuns: 500, seed: 1 });
  await fill(connection, rows);
  const path = await written(connection, folder, 'us');
  t.deepEqual(await read(connection, rowsOfFiles(`['${path}']`)), rows);
});

test('with the precision ms, times in the file are those of the whole millisecond, at most one behind', async (t) => {
  const connection = await database();
  const window = START * 1e6;
  await fill(connection, [[window + 1999, window + 3000], [window + 5, window + 5], [null, null]]);
  const file = await written(connection, temporaryDirectory(t), 'ms');
  t.deepEqual(await read(connection, rowsOfFiles(`['${file}']`)), [[window + 1000, window + 2000], [window, window], [null, null]]);
});

test('files of earlier builds, whose times are columns, are read beside new ones', async (t) => {
  const connection = await database();
  const folder = temporaryDirectory(t);
  const [old, fresh] = [fc.sample(times, { numRuns: 50, seed: 2 }), fc.sample(times, { numRuns: 50, seed: 3 })];
  await fill(connection, old);
  await connection.run(`COPY rows TO '${join(folder, 'old.parquet')}' (FORMAT parquet)`);
  await fill(connection, fresh);
  const path = await written(connection, folder, 'us');
  const from = (files: readonly string[]): string => rowsOfFiles(`[${files.map((file) => `'${file}'`).join(', ')}]`);
  t.deepEqual(await read(connection, from([join(folder, 'old.parquet')])), old);
  const both = (await read(connection, from([path, join(folder, 'old.parquet')]))).map(String).sort();
  t.deepEqual(both, [...old, ...fresh].map(String).sort());
  t.deepEqual(await read(connection, rowsOfFiles(null)), []);
});
