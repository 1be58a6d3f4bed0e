import { FIELDS, findField, type Field } from '../fields.ts';
import { BatchError, quoted } from './batch-error.ts';
import { checkBatch } from './check-batch.ts';
import { columnBuilder, type ColumnBuilder } from './column-builder.ts';
import { WIRE_COLUMNS, type WireColumn } from './column-batch.ts';
import type { DecodedBatch } from './decode-columnar.ts';
import { MAX_LINE_BYTES, MAX_ROWS, MAX_SEALS } from './limits.ts';
import { sealFromJson, type WireSeal } from './wire-seal.ts';

const NEWLINE = 0x0a;
const WIRE_FIELDS: readonly Field[] = FIELDS.filter((field) => WIRE_COLUMNS.some((column) => column.field === field));
/** What a line may leave out, and what is then taken; every optional field may be left out too. */
const DEFAULTS: Readonly<Record<string, number>> = { version: 1, srcport: 0, dstport: 0 };

/**
 * The encoding for anyone with curl: a record a line, by the names of the field table (`-` and `_` are the same), and
 * seals as `{"seal": {…}}`. Where a line names no agent-id, it is the one of the request. Throws BatchError.
 */
export function decodeNdjson(bytes: Uint8Array, agentId: string): DecodedBatch {
  const text = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  const builders = WIRE_FIELDS.map((field) => ({ field, builder: columnBuilder(field) }));
  const seals: WireSeal[] = [];
  const lineOfRow: number[] = [];
  let line = 0;
  for (let offset = 0; offset < text.length;) {
    line++;
    const newline = text.indexOf(NEWLINE, offset);
    const end = newline < 0 ? text.length : newline;
    if (end - offset > MAX_LINE_BYTES) throw new BatchError('malformed', `line ${line} has more than ${MAX_LINE_BYTES} bytes`);
    const json = text.toString('utf8', offset, end).trim();
    offset = end + 1;
    if (json === '') continue;
    const value = parseLine(json, line);
    if ('seal' in value) {
      if (seals.length === MAX_SEALS) throw new BatchError('malformed', `more than ${MAX_SEALS} seals`);
      seals.push(sealFromJson(value['seal'], `line ${line}`, agentId));
    } else {
      if (lineOfRow.length === MAX_ROWS) throw new BatchError('malformed', `more than ${MAX_ROWS} records`);
      takeRecord(value, line, builders, agentId);
      lineOfRow.push(line);
    }
  }
  const columns = new Map<string, WireColumn>(builders.flatMap(({ builder }) => builder.columns()));
  const batch = { rows: lineOfRow.length, columns };
  checkBatch(batch, (row) => `line ${lineOfRow[row]}`);
  return { batches: batch.rows > 0 ? [batch] : [], seals };
}

function parseLine(json: string, line: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new BatchError('malformed', `line ${line} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new BatchError('malformed', `line ${line} is no object: ${quoted(json)}`);
}

function takeRecord(
  record: Record<string, unknown>, line: number, builders: readonly { field: Field; builder: ColumnBuilder }[], agentId: string,
): void {
  const values = new Map<Field, unknown>();
  for (const name of Object.keys(record)) {
    const field = findField(name);
    if (!field) throw new BatchError('invalid', `line ${line}: there is no field ${quoted(name)}`);
    if (values.has(field)) throw new BatchError('invalid', `line ${line}: ${field.name} stands twice`);
    values.set(field, record[name]);
  }
  checkIsFlow(record, line);
  for (const { field, builder } of builders) {
    const value = values.get(field) ?? DEFAULTS[field.name] ?? (field.name === 'agent-id' ? agentId : null);
    const expected = builder.take(value);
    if (expected) throw new BatchError('invalid', `line ${line}: ${field.name} is ${quoted(value)}, not ${expected}`);
  }
}

function checkIsFlow(record: Record<string, unknown>, line: number): void {
  const status = record['log-status'] ?? record['log_status'] ?? 'OK';
  if (status !== 'OK') {
    throw new BatchError('invalid', `line ${line}: log-status is ${quoted(status)}; only OK records are taken, NODATA and SKIPDATA follow from {"seal": {...}}`);
  }
  const skipped = record['skipped-packets'] ?? record['skipped_packets'] ?? null;
  if (skipped !== null) throw new BatchError('invalid', `line ${line}: skipped-packets is ${quoted(skipped)}, but an OK record skips none`);
}
