import { openSync, closeSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { BIGINT, UBIGINT, UINTEGER, USMALLINT, UTINYINT, TIMESTAMP, type DuckDBConnection, type DuckDBType } from '@duckdb/node-api';
import { COLUMNS, sqlName } from '../../shared/columns.ts';
import { NONE } from '../../shared/records.ts';
import { LOG_STATUSES, type FieldType } from '../../shared/fields.ts';
import { WIRE_COLUMNS, type ColumnBatch } from '../../shared/wire/column-batch.ts';
import { decodeCheckedColumnar } from '../../shared/wire/decode-columnar.ts';
import type { FrameBody } from '../journal/segment.ts';
import { ChunkWriter, type ChunkColumn } from './chunk-writer.ts';
import type { PublishJob, TargetResult } from './job.ts';
import { ROUTED, symbolSelects } from './merge-sql.ts';
import type { EniStatusRow } from './window-status.ts';
import { addSymbols, SymbolTable } from './symbol-table.ts';

/** The types of the wire, which those of the file hold. */
const STAGE_TYPES: Readonly<Record<Exclude<FieldType, 'symbol'>, DuckDBType>> = {
  uint8: UTINYINT, uint16: USMALLINT, uint32: UINTEGER, uint64: BIGINT, seconds: BIGINT, instant: TIMESTAMP, address: UBIGINT,
};

/** Fills the tables that the SELECT of each target reads: `stage`, `route`, `status` and `told`. */
export async function fillStage(connection: DuckDBConnection, job: PublishJob): Promise<void> {
  const frames = job.frames.map((frame) => decodeCheckedColumnar(readBody(frame)).batches);
  const symbols = new Set(job.routes.map(({ eniId }) => eniId));
  for (const { statusRows } of job.targets) for (const row of statusRows) addStatusSymbols(row, symbols);
  for (const batches of frames) for (const batch of batches) addSymbols(batch, symbols);
  for (const { previousPath } of job.targets) if (previousPath !== null) await addFileSymbols(connection, join(job.root, previousPath), symbols);
  const table = new SymbolTable(symbols);
  await connection.run(table.createSql('symbol'));
  await fillFlows(connection, frames, table);
  await fillRoutes(connection, job, table);
  await fillStatus(connection, job);
}

async function addFileSymbols(connection: DuckDBConnection, path: string, symbols: Set<string>): Promise<void> {
  for (const select of symbolSelects(path)) {
    const reader = await connection.runAndReadAll(select);
    for (const [value] of reader.getRows()) symbols.add(String(value));
  }
}

/** A buffer of its own, so that the columns in it are aligned. */
function readBody({ path, offset, length }: FrameBody): Uint8Array {
  const bytes = new Uint8Array(length);
  const descriptor = openSync(path, 'r');
  try {
    for (let done = 0; done < length;) {
      const count = readSync(descriptor, bytes, done, length - done, offset + done);
      if (count === 0) throw new Error(`${path} ends before byte ${offset + length}`);
      done += count;
    }
  } finally {
    closeSync(descriptor);
  }
  return bytes;
}

async function fillFlows(connection: DuckDBConnection, frames: readonly (readonly ColumnBatch[])[], symbols: SymbolTable): Promise<void> {
  const types = WIRE_COLUMNS.map(({ field }) => (field.type === 'symbol' ? symbols.type : STAGE_TYPES[field.type]));
  const columnSql = WIRE_COLUMNS.map((column, i) => `${sqlName(column)} ${column.field.type === 'symbol' ? 'symbol' : String(types[i])}`);
  await connection.run(`CREATE TABLE stage (${columnSql.join(', ')}, frame UINTEGER)`);
  const writer = await ChunkWriter.open(connection, 'stage', [...types, UINTEGER]);
  frames.forEach((batches, frame) => {
    for (const batch of batches) {
      const columns: ChunkColumn[] = WIRE_COLUMNS.map(({ name }) => {
        const column = batch.columns.get(name)!;
        return column.kind === 'number' ? column : symbols.column(column);
      });
      columns.push({ values: new Uint32Array(batch.rows).fill(frame), valid: null });
      writer.append(batch.rows, columns);
    }
  });
  writer.close();
}

async function fillRoutes(connection: DuckDBConnection, { routes }: PublishJob, symbols: SymbolTable): Promise<void> {
  await connection.run('CREATE TABLE route (frame UINTEGER, start BIGINT, "end" BIGINT, eni_id symbol, target UINTEGER, action symbol)');
  const writer = await ChunkWriter.open(connection, 'route', [UINTEGER, BIGINT, BIGINT, symbols.type, UINTEGER, symbols.type]);
  writer.append(routes.length, [
    { values: Uint32Array.from(routes, (route) => route.frame), valid: null },
    { values: BigInt64Array.from(routes, ({ window }) => BigInt(window.start)), valid: null },
    { values: BigInt64Array.from(routes, ({ window }) => BigInt(window.start + window.seconds)), valid: null },
    symbols.columnOf(routes.map((route) => route.eniId)),
    { values: Uint32Array.from(routes, (route) => route.target), valid: null },
    symbols.columnOf(routes.map((route) => route.action)),
  ]);
  writer.close();
}

export type Ingested = Pick<TargetResult, 'ingestedRows' | 'ingestedBytes'>;

/** What each target takes of the frames. */
export async function ingestedOf(connection: DuckDBConnection, { frames, targets }: PublishJob): Promise<Ingested[]> {
  const ingested = targets.map(() => ({ ingestedRows: 0, ingestedBytes: 0 }));
  const reader = await connection.runAndReadAll(`
    SELECT route.target, stage.frame, count(*)::DOUBLE, (any_value(total.rows))::DOUBLE
    FROM stage JOIN route ON ${ROUTED}
    JOIN (SELECT frame, count(*) AS rows FROM stage GROUP BY frame) AS total ON total.frame = stage.frame
    GROUP BY route.target, stage.frame ORDER BY ALL`);
  for (const [target, frame, rows, all] of reader.getRows() as [number, number, number, number][]) {
    const sum = ingested[target]!;
    sum.ingestedRows += rows;
    sum.ingestedBytes += frames[frame]!.length * (rows / all);
  }
  return ingested.map(({ ingestedRows, ingestedBytes }) => ({ ingestedRows, ingestedBytes: Math.round(ingestedBytes) }));
}

/** Columns that a status row fills; the others are absent. */
const STATUS_COLUMNS = [
  'version', 'vswitch_id', 'vm_id', 'vpc_id', 'account_id', 'eni_id', 'start', 'end', 'log_status', 'region', 'agent_id', 'skipped_packets',
];

function addStatusSymbols({ eniId, agentId, attributes }: EniStatusRow, symbols: Set<string>): void {
  for (const value of [eniId, agentId, ...Object.values(attributes)]) if (typeof value === 'string') symbols.add(value);
}

async function fillStatus(connection: DuckDBConnection, job: PublishJob): Promise<void> {
  await connection.run(`CREATE TABLE status (target UINTEGER, ${COLUMNS.map((column) => `${sqlName(column)} ${column.field.type === 'symbol' ? 'symbol' : column.sqlType}`).join(', ')})`);
  await connection.run('CREATE TABLE told (target UINTEGER, eni_id VARCHAR)');
  const rows = job.targets.flatMap(({ start, seconds, statusRows }, target) => statusRows.map((row) => JSON.stringify({
    target, version: 1, start, end: start + seconds, eni_id: row.eniId, agent_id: row.agentId, log_status: LOG_STATUSES[row.status],
    vswitch_id: row.attributes.vswitchId, vm_id: row.attributes.vmId, vpc_id: row.attributes.vpcId,
    account_id: row.attributes.accountId, region: row.attributes.region, skipped_packets: row.skippedPackets === NONE ? null : row.skippedPackets,
  })));
  const told = job.targets.flatMap(({ enis }, target) => enis.map((eniId) => JSON.stringify({ target, eni_id: eniId })));
  await insertJson(connection, 'status', ['target', ...STATUS_COLUMNS], rows);
  await insertJson(connection, 'told', ['target', 'eni_id'], told);
}

async function insertJson(connection: DuckDBConnection, table: string, columns: readonly string[], rows: readonly string[]): Promise<void> {
  if (rows.length === 0) return;
  const names = columns.map((name) => `"${name}"`).join(', ');
  const values = columns.map((name) => `row->>'${name}'`).join(', ');
  await connection.run(`INSERT INTO ${table} (${names}) SELECT ${values} FROM (SELECT unnest(from_json($rows, '["JSON"]')) AS row)`, { rows: `[${rows.join(',')}]` });
}
