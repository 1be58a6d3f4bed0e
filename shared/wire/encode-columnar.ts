import {
  Dictionary, Field, Int16, Int32, Int64, Int8, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct,
  TimestampMicrosecond, Uint16, Uint32, Uint64, Uint8, Utf8, vectorFromArray, type Data, type DataType, type Vector,
} from 'apache-arrow';
import type { Column } from '../columns.ts';
import type { RecordContext, Records } from '../records.ts';
import type { Seal } from '../seal.ts';
import { isOptional, WIRE_COLUMNS, type ColumnBatch, type SymbolColumn, type WireColumn } from './column-batch.ts';
import { columnsOfRecords } from './record-columns.ts';
import { sealToJson, wireSeals, type WireSeal } from './wire-seal.ts';

/** Key of the schema's custom metadata under which the seals stand, as a JSON array. */
export const SEALS_KEY = 'weir:seals';

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
  const fields = layouts.map(({ column, type }) => new Field(column.name, type, isOptional(column)));
  const schema = new Schema(fields, new Map([[SEALS_KEY, JSON.stringify(seals.map(sealToJson))]]));
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  for (const [position, batch] of filled.entries()) {
    const children = layouts.map((layout) => layout.data(batch.columns.get(layout.column.name)!, batch.rows, position));
    writer.write(new RecordBatch(schema, makeData({ type: new Struct(fields), length: batch.rows, nullCount: 0, children })));
  }
  writer.finish();
  return writer.toUint8Array(true);
}

class ColumnLayout {
  readonly column: Column;
  readonly type: DataType;
  private readonly dictionary: Vector<Utf8> | null = null;
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
    this.dictionary = vectorFromArray([...shared.keys()], new Utf8());
    const indexType = shared.size <= 0x7f ? new Int8() : shared.size <= 0x7fff ? new Int16() : new Int32();
    this.type = new Dictionary(new Utf8(), indexType, id);
  }

  data(column: WireColumn, rows: number, batch: number): Data {
    if (column.kind === 'symbol') {
      const data = this.indexes(column, rows, this.numbers[batch]!);
      return makeData({ type: this.type as Dictionary, length: rows, nullCount: 0, data, dictionary: this.dictionary! });
    }
    const { values, valid } = column;
    // -1: not counted; the reader looks at the bitmap
    return makeData({ type: this.type as Uint8, length: rows, nullCount: valid ? -1 : 0, nullBitmap: valid, data: values as Uint8Array });
  }

  /**
   * A new array in any case: apache-arrow's writer takes equal neighbouring buffers, as the columns that share the
   * ENI's index would be, for one buffer, and writes it once.
   */
  private indexes(column: SymbolColumn, rows: number, numbers: Int32Array): Int8Array | Int16Array | Int32Array {
    const { ArrayType } = (this.type as Dictionary<Utf8, Int8 | Int16 | Int32>).indices;
    const index = new ArrayType(rows);
    for (let row = 0; row < rows; row++) index[row] = numbers[column.index[row]!]!;
    return index;
  }
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
