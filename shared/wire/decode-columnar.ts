import { DictionaryBatch } from 'apache-arrow/fb/dictionary-batch';
import { Endianness } from 'apache-arrow/fb/endianness';
import type { Field } from 'apache-arrow/fb/field';
import { Int } from 'apache-arrow/fb/int';
import { RecordBatch } from 'apache-arrow/fb/record-batch';
import { Schema } from 'apache-arrow/fb/schema';
import { TimeUnit } from 'apache-arrow/fb/time-unit';
import { Timestamp } from 'apache-arrow/fb/timestamp';
import { Type } from 'apache-arrow/fb/type';
import { Encoding } from 'flatbuffers';
import type { FieldType } from '../fields.ts';
import { arrowMessages, BufferCursor, headerOf, isDictionaryMessage, isRecordMessage, isSchemaMessage, malformed, type ArrowMessage, type NumberArrayConstructor } from './arrow-messages.ts';
import { checkBatch } from './check-batch.ts';
import { isValid, WIRE_COLUMNS, type ColumnBatch, type IndexArray, type NumberArray, type SymbolColumn, type WireColumn } from './column-batch.ts';
import { SEALS_KEY } from './encode-columnar.ts';
import { MAX_DICTIONARY, MAX_DICTIONARY_ENTRIES, MAX_RECORD_BATCHES, MAX_ROWS } from './limits.ts';
import { sealsFromJson } from './seal-list.ts';
import type { WireSeal } from './wire-seal.ts';

/** What one request carries, whatever its encoding. */
export interface DecodedBatch {
  readonly batches: readonly ColumnBatch[];
  readonly seals: readonly WireSeal[];
}

/** Reads and checks an Arrow IPC stream; throws BatchError. The columns are views of `bytes`. */
export function decodeColumnar(bytes: Uint8Array): DecodedBatch {
  return decode(bytes, true);
}

/** The same for bytes that passed `decodeColumnar` before and lay under a checksum since. */
export function decodeCheckedColumnar(bytes: Uint8Array): DecodedBatch {
  return decode(bytes, false);
}

function decode(bytes: Uint8Array, check: boolean): DecodedBatch {
  let layout: ColumnReader[] | null = null;
  let seals: WireSeal[] = [];
  const dictionaries = new Map<number, (string | null)[]>();
  const batches: ColumnBatch[] = [];
  let rows = 0;
  let entriesLeft = MAX_DICTIONARY_ENTRIES;
  for (const message of arrowMessages(bytes)) {
    if (isSchemaMessage(message)) {
      if (layout) throw malformed('a second schema in one stream');
      const schema = headerOf(message, new Schema());
      layout = readLayout(schema);
      seals = readSeals(schema);
    } else if (!layout) {
      throw malformed('the stream does not begin with a schema');
    } else if (isDictionaryMessage(message)) {
      entriesLeft -= readDictionary(message, dictionaries, entriesLeft);
    } else if (isRecordMessage(message)) {
      if (batches.length === MAX_RECORD_BATCHES) throw malformed(`more than ${MAX_RECORD_BATCHES} record batches`);
      const batch = readBatch(message, layout, dictionaries, MAX_ROWS - rows);
      const number = batches.push(batch);
      rows += batch.rows;
      if (check) checkBatch(batch, (row) => `record batch ${number}, row ${row + 1}`);
    } else {
      throw malformed(`an Arrow message of type ${message.message.headerType()}`);
    }
  }
  if (!layout) throw malformed('no Arrow schema');
  return { batches, seals };
}

interface ColumnReader {
  readonly name: string;
  readonly ArrayType: NumberArrayConstructor<NumberArray | IndexArray>;
  /** null: a column of numbers. */
  readonly dictionaryId: number | null;
}

function readLayout(schema: Schema): ColumnReader[] {
  if (schema.endianness() !== Endianness.Little) throw malformed('the columns are big-endian');
  const count = schema.fieldsLength();
  if (count !== WIRE_COLUMNS.length) throw malformed(`${count} columns; a batch has ${WIRE_COLUMNS.length}: ${WIRE_COLUMNS.map((c) => c.name).join(', ')}`);
  const missing = new Map(WIRE_COLUMNS.map((column) => [column.name, column]));
  const readers: ColumnReader[] = [];
  for (let i = 0; i < count; i++) {
    const field = schema.fields(i);
    const name = field?.name() ?? '';
    const column = missing.get(name);
    if (!field || !column) throw malformed(`column ${i + 1} is ${JSON.stringify(name.slice(0, 64))}, which is unknown or stands twice`);
    missing.delete(name);
    readers.push(column.field.type === 'symbol' ? symbolReader(field, name) : numberReader(field, name, column.field.type));
  }
  return readers;
}

const WIDTHS: Readonly<Record<Exclude<FieldType, 'symbol'>, number>> = {
  uint8: 8, uint16: 16, uint32: 32, uint64: 64, seconds: 64, instant: 64, address: 64,
};

function numberReader(field: Field, name: string, type: Exclude<FieldType, 'symbol'>): ColumnReader {
  if (field.dictionary()) throw malformed(`the column ${name} is dictionary-encoded; it must be plain`);
  if (type === 'instant') {
    const timestamp = field.typeType() === Type.Timestamp ? (field.type(new Timestamp()) as Timestamp) : null;
    if (timestamp?.unit() !== TimeUnit.MICROSECOND) throw malformed(`the column ${name} must be a timestamp in microseconds`);
    return { name, ArrayType: BigInt64Array, dictionaryId: null };
  }
  const int = field.typeType() === Type.Int ? (field.type(new Int()) as Int) : null;
  const width = WIDTHS[type];
  const signed = int?.isSigned() ?? false;
  const fits = int?.bitWidth() === width && (type === 'address' ? !signed : width === 64 || !signed);
  if (!fits) throw malformed(`the column ${name} must be ${type === 'address' ? 'uint64' : width === 64 ? 'int64 or uint64' : type}`);
  const ArrayType = width === 8 ? Uint8Array : width === 16 ? Uint16Array : width === 32 ? Uint32Array : type === 'address' ? BigUint64Array : BigInt64Array;
  return { name, ArrayType, dictionaryId: null };
}

function symbolReader(field: Field, name: string): ColumnReader {
  const dictionary = field.dictionary();
  if (!dictionary || field.typeType() !== Type.Utf8) throw malformed(`the column ${name} must be a dictionary of utf8`);
  const index = dictionary.indexType();
  const width = index?.bitWidth() ?? 32;
  const signed = index?.isSigned() ?? true;
  if (width !== 8 && width !== 16 && width !== 32) throw malformed(`the column ${name} has an index of ${width} bits; 8, 16 or 32 are possible`);
  const ArrayType = signed
    ? (width === 8 ? Int8Array : width === 16 ? Int16Array : Int32Array)
    : (width === 8 ? Uint8Array : width === 16 ? Uint16Array : Uint32Array);
  return { name, ArrayType, dictionaryId: Number(dictionary.id()) };
}

const MAX_METADATA_KEYS = 64;
const SEALS_KEY_BYTES = Buffer.from(SEALS_KEY);

function readSeals(schema: Schema): WireSeal[] {
  const keys = schema.customMetadataLength();
  if (keys > MAX_METADATA_KEYS) throw malformed(`${keys} metadata keys; at most ${MAX_METADATA_KEYS} are possible`);
  for (let i = 0; i < keys; i++) {
    const pair = schema.customMetadata(i);
    // looked at as bytes: a key may claim to be as long as the message
    const key = pair?.key(Encoding.UTF8_BYTES) as Uint8Array | null | undefined;
    if (!pair || !key || !SEALS_KEY_BYTES.equals(key)) continue;
    return sealsFromJson((pair.value(Encoding.UTF8_BYTES) as Uint8Array | null) ?? new Uint8Array(0), `the metadata ${SEALS_KEY}`);
  }
  return [];
}

/** How many entries it has. */
function readDictionary(message: ArrowMessage, dictionaries: Map<number, (string | null)[]>, entriesLeft: number): number {
  const header = headerOf(message, new DictionaryBatch());
  const data = header.data();
  if (!data) throw malformed('a dictionary without data');
  if (header.isDelta()) throw malformed('delta dictionaries are not taken; send whole ones');
  const cursor = new BufferCursor(data, message.body, MAX_DICTIONARY);
  const valid = cursor.validity('of a dictionary');
  const count = cursor.rows;
  if (count > entriesLeft) throw malformed(`more than ${MAX_DICTIONARY_ENTRIES} dictionary entries in one stream`);
  // An empty dictionary may come without its single offset.
  const offsets = count === 0 ? new Int32Array(1) : cursor.values('of a dictionary', Int32Array, count + 1);
  const text = count === 0 ? Buffer.alloc(0) : viewOf(cursor.bytes('of a dictionary'));
  const values: (string | null)[] = [];
  for (let i = 0; i < count; i++) {
    const from = offsets[i]!;
    const to = offsets[i + 1]!;
    if (from < 0 || to < from || to > text.length) throw malformed(`entry ${i + 1} of a dictionary lies at ${from} to ${to} of ${text.length} bytes`);
    values.push(isValid(valid, i) ? text.toString('utf8', from, to) : null);
  }
  dictionaries.set(Number(header.id()), values);
  return count;
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

function readBatch(message: ArrowMessage, layout: readonly ColumnReader[], dictionaries: ReadonlyMap<number, (string | null)[]>, maxRows: number): ColumnBatch {
  const cursor = new BufferCursor(headerOf(message, new RecordBatch()), message.body, maxRows);
  const columns = new Map<string, WireColumn>();
  for (const { name, ArrayType, dictionaryId } of layout) {
    const valid = cursor.validity(name);
    const values = cursor.values(name, ArrayType);
    if (dictionaryId === null) {
      columns.set(name, { kind: 'number', values: values as NumberArray, valid });
    } else {
      const dictionary = dictionaries.get(dictionaryId);
      if (!dictionary) throw malformed(`the column ${name} uses the dictionary ${dictionaryId}, which did not come`);
      columns.set(name, withoutNulls({ kind: 'symbol', index: values as IndexArray, dictionary }, valid));
    }
  }
  return { rows: cursor.rows, columns };
}

/** Other writers mark an absent symbol in the index instead of the dictionary. */
function withoutNulls(column: SymbolColumn, valid: Uint8Array | null): SymbolColumn {
  if (!valid) return column;
  const dictionary = [...column.dictionary, null];
  const index = Int32Array.from(column.index);
  for (let row = 0; row < index.length; row++) {
    if (!isValid(valid, row)) index[row] = dictionary.length - 1;
  }
  return { kind: 'symbol', index, dictionary };
}
