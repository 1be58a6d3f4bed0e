import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';
import { isValid, numberColumn, safeInteger, symbolColumn, words, type ColumnBatch, type NumberArray, type WireColumn } from '../../shared/wire/column-batch.ts';
import { decodeCheckedColumnar, type DecodedBatch } from '../../shared/wire/decode-columnar.ts';
import { encodeColumns } from '../../shared/wire/encode-columnar.ts';
import type { WireSeal } from '../../shared/wire/wire-seal.ts';
import type { BatchPart } from '../spool/spool-position.ts';
import { droppedRows, emptySeal } from '../spool/window-loss.ts';

const gunzip = promisify(gunzipCallback);
const gzip = promisify(gzipCallback);
const GZIP_LEVEL = 1;

export async function decodeBody(gzipped: Uint8Array): Promise<DecodedBatch> {
  return decodeCheckedColumnar(await gunzip(gzipped));
}

/** All of a batch. */
export function wholeOf({ batches, seals }: DecodedBatch): BatchPart {
  return { rows: [0, batches.reduce((sum, { rows }) => sum + rows, 0)], seals: [0, seals.length] };
}

/** Two halves, rows apart from seals where there are both; null: it is a single row or seal. */
export function halvesOf({ rows, seals }: BatchPart): [BatchPart, BatchPart] | null {
  const none = [0, 0] as const;
  const rowCount = rows[1] - rows[0];
  const sealCount = seals[1] - seals[0];
  if (rowCount > 0 && sealCount > 0) return [{ rows, seals: none }, { rows: none, seals }];
  if (rowCount + sealCount < 2) return null;
  const half = ([from, to]: readonly [number, number]): number => from + ((to - from) >> 1);
  return rowCount > 0
    ? [{ rows: [rows[0], half(rows)], seals: none }, { rows: [half(rows), rows[1]], seals: none }]
    : [{ rows: none, seals: [seals[0], half(seals)] }, { rows: none, seals: [half(seals), seals[1]] }];
}

/** The part as a batch of its own. */
export async function encodePart(decoded: DecodedBatch, part: BatchPart): Promise<Buffer> {
  return gzip(encodeColumns(rowsOf(decoded, part), decoded.seals.slice(...part.seals)), { level: GZIP_LEVEL });
}

/** A batch that says nothing. */
export function emptyBatch(): Promise<Buffer> {
  return encodePart({ batches: [], seals: [] }, { rows: [0, 0], seals: [0, 0] });
}

function rowsOf({ batches }: DecodedBatch, { rows: [from, to] }: BatchPart): ColumnBatch[] {
  const result: ColumnBatch[] = [];
  let first = 0;
  for (const batch of batches) {
    const start = Math.max(from - first, 0);
    const end = Math.min(to - first, batch.rows);
    if (start < end) result.push(slice(batch, start, end));
    first += batch.rows;
  }
  return result;
}

function slice({ columns }: ColumnBatch, from: number, to: number): ColumnBatch {
  return { rows: to - from, columns: new Map([...columns].map(([name, column]) => [name, sliceColumn(column, from, to)])) };
}

function sliceColumn(column: WireColumn, from: number, to: number): WireColumn {
  if (column.kind === 'symbol') return { ...column, index: column.index.slice(from, to) };
  return { kind: 'number', values: column.values.slice(from, to) as NumberArray, valid: column.valid && sliceBits(column.valid, from, to) };
}

function sliceBits(bits: Uint8Array, from: number, to: number): Uint8Array {
  const result = new Uint8Array((to - from + 7) >> 3);
  for (let row = from; row < to; row++) if (isValid(bits, row)) result[(row - from) >> 3]! |= 1 << ((row - from) & 7);
  return result;
}

/** The seals that state the loss of the part's rows. Of its own seals nothing can be stated: they were what was refused. */
export function lossOfPart(decoded: DecodedBatch, part: BatchPart, agentId: string): WireSeal[] {
  const byEni = new Map<string, { seal: WireSeal; rows: number; packets: number }>();
  for (const batch of rowsOf(decoded, part)) {
    const start = words(numberColumn(batch, 'start'));
    const end = words(numberColumn(batch, 'end'));
    const packets = words(numberColumn(batch, 'packets'));
    const { index, dictionary } = symbolColumn(batch, 'eni_id');
    for (let row = 0; row < batch.rows; row++) {
      const eniId = dictionary[index[row]!] ?? '';
      const windowStart = safeInteger(start, row);
      const key = `${windowStart} ${eniId}`;
      let of = byEni.get(key);
      if (!of) byEni.set(key, (of = { seal: sealFor(batch, row, agentId, eniId, windowStart, safeInteger(end, row) - windowStart), rows: 0, packets: 0 }));
      of.rows++;
      of.packets += safeInteger(packets, row);
    }
  }
  return [...byEni.values()].map(({ seal, rows, packets }) => droppedRows(seal, rows, packets));
}

function sealFor(batch: ColumnBatch, row: number, agentId: string, eniId: string, windowStart: number, windowSeconds: number): WireSeal {
  const symbol = (name: string): string | null => {
    const { index, dictionary } = symbolColumn(batch, name);
    return dictionary[index[row]!] ?? null;
  };
  return emptySeal({
    agentId, eniId, windowStart, windowSeconds, revision: 0, vswitchId: symbol('vswitch_id'), vmId: symbol('vm_id'), vpcId: symbol('vpc_id'),
    accountId: symbol('account_id'), region: symbol('region'),
  } as WireSeal);
}
