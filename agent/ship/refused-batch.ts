import { formatAddress } from '../../shared/address.ts';
import { columnName } from '../../shared/fields.ts';
import { isValid, numberColumn, WIRE_COLUMNS, words, type ColumnBatch, type WireColumn } from '../../shared/wire/column-batch.ts';
import { sealToJson } from '../../shared/wire/wire-seal.ts';
import type { DecodedBatch } from '../../shared/wire/decode-columnar.ts';
import type { BatchPart } from '../spool/spool-position.ts';
import { decodeBody, encodePart } from './batch-parts.ts';

const NEW_LINE = 0x0a;

/** What the collector will never take, as it lies in the quarantine: a line of JSON with the reason, then the batch. */
export async function refusedBytes(decoded: DecodedBatch, part: BatchPart, reason: string): Promise<Buffer> {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ reason })}\n`), await encodePart(decoded, part)]);
}

/** The reason, then each row and seal. */
export async function readRefused(bytes: Buffer): Promise<Record<string, unknown>[]> {
  const end = bytes.indexOf(NEW_LINE);
  const { batches, seals } = await decodeBody(bytes.subarray(end + 1));
  const rows = batches.flatMap((batch) => Array.from({ length: batch.rows }, (_, row) => rowOf(batch, row)));
  return [JSON.parse(bytes.toString('utf8', 0, end)) as Record<string, unknown>, ...rows, ...seals.map(sealToJson)];
}

/** By the names of the columns; an address as text. */
function rowOf(batch: ColumnBatch, row: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const { name, field, half } of WIRE_COLUMNS) {
    if (half === null) result[name] = valueOf(batch.columns.get(name)!, row);
    else if (half === 'hi') result[columnName(field)] = addressOf(batch, columnName(field), row);
  }
  return result;
}

function valueOf(column: WireColumn, row: number): string | number | null {
  if (column.kind === 'symbol') return column.dictionary[column.index[row]!] ?? null;
  if (!isValid(column.valid, row)) return null;
  const value = column.values[row]!;
  return value > Number.MAX_SAFE_INTEGER ? String(value) : Number(value);
}

function addressOf(batch: ColumnBatch, name: string, row: number): string {
  const [high, low] = ['hi', 'lo'].map((half) => words(numberColumn(batch, `${name}_${half}`)));
  return formatAddress([high![2 * row + 1]!, high![2 * row]!, low![2 * row + 1]!, low![2 * row]!], 0);
}
