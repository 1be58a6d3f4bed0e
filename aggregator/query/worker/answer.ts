import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBResult } from '@duckdb/node-api';
import { columnName, findField, type Field } from '../../../shared/fields.ts';
import { encodeCursor } from '../cursor.ts';
import { fromKeyOn, orderBy } from '../record-order.ts';
import type { ResultColumn, ResultFormat, ResultValue } from '../result/result-format.ts';
import { resultValue } from '../result/result-values.ts';
import { rowEncoder } from '../result/row-encoder.ts';
import { sqlIdentifier, sqlString } from '../sql/literal.ts';
import { STORED_VIEW } from '../sql/log-view.ts';
import { BodyWriter } from './body-writer.ts';
import { PARQUET_ANSWER, type LockedDatabase } from './locked-database.ts';
import { readPage } from './page-reader.ts';
import { RecordPage } from './record-page.ts';
import { selectStatement } from './select-statement.ts';
import type { RecordsQuestion, SelectQuestion, WorkerAnswer, WorkerJob } from './worker-job.ts';

type TextFormat = Exclude<ResultFormat, 'parquet'>;

/** Answers one job on a database that serves no other. */
export async function answerJob(job: WorkerJob, database: LockedDatabase): Promise<WorkerAnswer> {
  const startedMs = performance.now();
  const { question } = job;
  if (question.kind === 'records' && job.format !== 'parquet') {
    await database.open(job, false);
    return recordsAnswer(job, database, question, job.format, startedMs);
  }
  await database.open(job);
  switch (question.kind) {
    case 'records': return parquetAnswer(job, database, recordsAsSelect(question), null);
    case 'select': return selectAnswer(job, database, question, startedMs);
    case 'table': return rowsAnswer(job, await database.connection.stream(question.sql), Infinity, startedMs);
  }
}

async function recordsAnswer(
  job: WorkerJob, database: LockedDatabase, question: RecordsQuestion, format: TextFormat, startedMs: number,
): Promise<WorkerAnswer> {
  const fields = question.fields.map(namedField);
  const columns = fields.map((field) => ({ name: field.name, type: field.type }));
  const encoder = rowEncoder(format, columns, true);
  const body = new BodyWriter(job.directory, job.limits.answerBytes);
  body.write(encoder.begin());
  const page = new RecordPage(question, fields, (values, row) => { body.write(encoder.row(values, row)); });
  await readPage(database.connection, job, question, fields, page);
  const { rows, more, lastKey, lastKeyRows } = page;
  const cursor = more && lastKey ? encodeCursor({ ...question.cursor, key: lastKey, given: lastKeyRows }) : null;
  body.write(encoder.end({ rowCount: rows, cursor, truncated: more, elapsedMs: since(startedMs), ...job.envelope }));
  return answer(body, columns, rows, more, cursor);
}

/** Records for a Parquet answer: SQL names and types, addresses as text. */
function recordsAsSelect(question: RecordsQuestion): string {
  const columns = question.fields.map((name) => {
    const column = columnName(namedField(name));
    return namedField(name).type === 'address'
      ? `weir_address(${column}_hi, ${column}_lo) AS ${sqlIdentifier(column)}` : sqlIdentifier(column);
  });
  const { after, newestFirst, limit } = question;
  const beginning = after ? ` WHERE ${fromKeyOn(after.key, newestFirst)}` : '';
  return `SELECT ${columns.join(', ')} FROM ${STORED_VIEW}${beginning} ORDER BY ${orderBy(newestFirst)} LIMIT ${limit} OFFSET ${after?.given ?? 0}`;
}

async function selectAnswer(job: WorkerJob, database: LockedDatabase, question: SelectQuestion, startedMs: number): Promise<WorkerAnswer> {
  const statement = await selectStatement(database, question.text, question.defaultRows);
  if (job.format === 'parquet') return parquetAnswer(job, database, statement.sql, statement.defaultRows ?? question.maximumRows);
  const rows = Math.min(statement.defaultRows ?? Infinity, question.maximumRows);
  return rowsAnswer(job, await statement.prepared.stream(), rows, startedMs);
}

async function rowsAnswer(job: WorkerJob, result: DuckDBResult, maximumRows: number, startedMs: number): Promise<WorkerAnswer> {
  const types = result.columnTypes();
  const columns = result.columnNames().map((name, index): ResultColumn => ({ name, type: String(types[index]) }));
  const encoder = rowEncoder(job.format as TextFormat, columns, false);
  const body = new BodyWriter(job.directory, job.limits.answerBytes);
  body.write(encoder.begin());
  let rows = 0;
  let more = false;
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0 && !more; chunk = await result.fetchChunk()) {
    const values: ResultValue[][] = chunk.getColumns().map((column) => column.map(resultValue));
    const taken = Math.min(chunk.rowCount, maximumRows - rows);
    for (let row = 0; row < taken; row++) body.write(encoder.row(values.map((column) => column[row]!), rows++));
    more = taken < chunk.rowCount;
  }
  body.write(encoder.end({ rowCount: rows, cursor: null, truncated: more, elapsedMs: since(startedMs), ...job.envelope }));
  return answer(body, columns, rows, more, null);
}

async function parquetAnswer(job: WorkerJob, database: LockedDatabase, sql: string, maximumRows: number | null): Promise<WorkerAnswer> {
  const path = join(job.directory, PARQUET_ANSWER);
  const limited = maximumRows === null ? sql : `SELECT * FROM (${sql}) LIMIT ${maximumRows}`;
  const written = await database.connection.runAndReadAll(
    `COPY (${limited}) TO ${sqlString(path)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)`);
  const rows = Number(written.getRows()[0]?.[0] ?? 0);
  return { ok: true, body: null, path, bodyBytes: statSync(path).size, columns: [], rows, truncated: false, cursor: null };
}

function answer(body: BodyWriter, columns: readonly ResultColumn[], rows: number, truncated: boolean, cursor: string | null): WorkerAnswer {
  const inline = body.finish();
  return { ok: true, body: inline, path: body.path, bodyBytes: body.bytes, columns, rows, truncated, cursor };
}

function namedField(name: string): Field {
  const field = findField(name);
  if (!field) throw new Error(`no field ${name}: the collector checks the names before it asks`);
  return field;
}

function since(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 10) / 10;
}
