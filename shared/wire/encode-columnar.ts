import {
  Dictionary, Field, Int16, Int32, Int64, Int8, RecordBatchStreamWriter, Schema, TimestampMicrosecond, Uint16, Uint32, Uint64, Uint8, Utf8,
  type DataType,
} from 'apache-arrow';
import type { Column } from '../columns.ts';
import type { RecordContext, Records } from '../records.ts';
import type { Seal } from '../seal.ts';
import { ArrowStream, type ArrowColumn } from './arrow-stream.ts';
import { isOptional, WIRE_COLUMNS, type ColumnBatch, type IndexArray, type SymbolColumn, type WireColumn } from './column-batch.ts';
import { columnsOfRecords } from './record-columns.ts';
import { sealToJson, wireSeals, type WireSeal } from './wire-seal.ts';

/** Key of the schema's custom metadata under which the seals stand, as a JSON array. */
export const SEALS_KEY = 'weir:seals';

const NO_BYTES = new Uint8Array(0);
/** The end of a stream: continuation and a length of 0. */
const END_BYTES = 8;

/** An agent's rows and seals as one Arrow IPC stream: one record batch a window. */
export function encodeColumnar(rows: readonly Records[], seals: readonly Seal[], context: RecordContext): Uint8Array {
  return encodeColumns(rows.map((records) => columnsOfRecords(records, context)), wireSeals(seals, context));
}

/**
 * Batches share one schema and one set of dictionaries. (A stream may replace a dictionary, but not every reader
 * follows.)
 */
export function encodeColumns(batches: readonly ColumnBatch[], seals: readonly WireSeal[]): Uint8Array {
  const filled = batches.filter((batch) => batch.rows > 0);
  const layouts = WIRE_COLUMNS.map((column, id) => new ColumnLayout(column, id, filled));
  const stream = new ArrowStream(schemaMessage(layouts, seals));
  if (filled.length > 0) {
    layouts.forEach(({ dictionary }, id) => {
      if (dictionary) stream.dictionary(id, dictionary);
    });
  }
  for (const [position, batch] of filled.entries()) {
    stream.recordBatch(batch.rows, layouts.map((layout) => layout.data(batch.columns.get(layout.column.name)!, batch.rows, position)));
  }
  return stream.bytes();
}

function schemaMessage(layouts: readonly ColumnLayout[], seals: readonly WireSeal[]): Uint8Array {
  const fields = layouts.map(({ column, type }) => new Field(column.name, type, isOptional(column)));
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, new Schema(fields, new Map([[SEALS_KEY, JSON.stringify(seals.map(sealToJson))]])));
  writer.finish();
  return writer.toUint8Array(true).subarray(0, -END_BYTES);
}

class ColumnLayout {
  readonly column: Column;
  readonly type: DataType;
  /** null: a column of numbers. */
  readonly dictionary: readonly (string | null)[] | null = null;
  /** Per batch: the shared number of each entry of its dictionary. */
  private readonly numbers: Int32Array[] = [];

  constructor(column: Column, id: number, batches: readonly ColumnBatch[]) {
    this.column = column;
    if (column.field.type !== 'symbol') {
      this.type = numberType(column);
      return;
    }
    const shared = new Map<string | null, number>();
    for (const batch of batches) {
      const { dictionary } = batch.columns.get(column.name) as SymbolColumn;
      this.numbers.push(Int32Array.from(dictionary, (value) => {
        if (!shared.has(value)) shared.set(value, shared.size);
        return shared.get(value)!;
      }));
    }
    this.dictionary = [...shared.keys()];
    const indexType = shared.size <= 0x7f ? new Int8() : shared.size <= 0x7fff ? new Int16() : new Int32();
    this.type = new Dictionary(new Utf8(), indexType, id);
  }

  data(column: WireColumn, rows: number, batch: number): ArrowColumn {
    if (column.kind === 'symbol') return { nullCount: 0, buffers: [NO_BYTES, this.indexes(column, rows, this.numbers[batch]!)] };
    const { values, valid } = column;
    return { nullCount: valid ? rows - setBits(valid, rows) : 0, buffers: [valid ?? NO_BYTES, values] };
  }

  private indexes(column: SymbolColumn, rows: number, numbers: Int32Array): IndexArray {
    const { ArrayType } = (this.type as Dictionary<Utf8, Int8 | Int16 | Int32>).indices;
    const isAsItIs = column.index.BYTES_PER_ELEMENT === ArrayType.BYTES_PER_ELEMENT && numbers.every((number, i) => number === i);
    if (isAsItIs) return column.index;
    const index = new ArrayType(rows);
    for (let row = 0; row < rows; row++) index[row] = numbers[column.index[row]!]!;
    return index;
  }
}

/** Of the first `count` bits. */
function setBits(bits: Uint8Array, count: number): number {
  let set = 0;
  for (let i = 0; i < count; i++) set += (bits[i >> 3]! >> (i & 7)) & 1;
  return set;
}

function numberType(column: Column): DataType {
  switch (column.field.type) {
    case 'uint8': return new Uint8();
    case 'uint16': return new Uint16();
    case 'uint32': return new Uint32();
    case 'address': return new Uint64();
    case 'instant': return new TimestampMicrosecond();
    default: return new Int64();
  }
}
