import { MessageHeader } from 'apache-arrow/fb/message-header';
import { Message } from 'apache-arrow/fb/message';
import type { RecordBatch } from 'apache-arrow/fb/record-batch';
import { ByteBuffer } from 'flatbuffers';
import { BatchError } from './batch-error.ts';

/**
 * The frame of an Arrow IPC stream (https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format):
 *
 *     continuation 0xffffffff | metadata length, int32 | metadata (flatbuffer), padded to 8 | body
 *
 * until a metadata length of 0 or the end. apache-arrow's own reader trusts the counts in the metadata, so that a few
 * damaged bytes cost gigabytes; here every count is held against the bytes that are there.
 */
export interface ArrowMessage {
  readonly message: Message;
  readonly body: Uint8Array;
}

const CONTINUATION = -1;
/** A schema of 31 columns with its seals is the largest message; 100,000 seals take about 50 MB. */
const MAX_METADATA_BYTES = 64 * 1024 * 1024;

export function* arrowMessages(bytes: Uint8Array): Generator<ArrowMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  while (offset + 8 <= bytes.length) {
    if (view.getInt32(offset, true) !== CONTINUATION) throw malformed(`no Arrow IPC message at byte ${offset}`);
    const metadataLength = view.getInt32(offset + 4, true);
    offset += 8;
    if (metadataLength === 0) return;
    if (metadataLength < 8 || metadataLength > Math.min(bytes.length - offset, MAX_METADATA_BYTES)) {
      throw malformed(`the Arrow message at byte ${offset} states ${metadataLength} bytes of metadata`);
    }
    const message = Message.getRootAsMessage(new ByteBuffer(bytes.subarray(offset, offset + metadataLength)));
    offset += metadataLength;
    const bodyLength = Number(message.bodyLength());
    if (!(bodyLength >= 0 && bodyLength <= bytes.length - offset)) {
      throw malformed(`the Arrow message before byte ${offset} states a body of ${bodyLength} bytes, ${bytes.length - offset} are left`);
    }
    yield { message, body: bytes.subarray(offset, offset + bodyLength) };
    offset += bodyLength;
  }
  if (offset !== bytes.length) throw malformed(`${bytes.length - offset} bytes after the last Arrow message`);
}

/** The message's header, read as what its type says it is. */
export function headerOf<T extends MessageTable>({ message }: ArrowMessage, table: T): T {
  const header = message.header(table) as T | null;
  if (!header) throw malformed('an Arrow message without a header');
  return header;
}

type MessageTable = Parameters<Message['header']>[0];

export function isSchemaMessage({ message }: ArrowMessage): boolean {
  return message.headerType() === MessageHeader.Schema;
}
export function isDictionaryMessage({ message }: ArrowMessage): boolean {
  return message.headerType() === MessageHeader.DictionaryBatch;
}
export function isRecordMessage({ message }: ArrowMessage): boolean {
  return message.headerType() === MessageHeader.RecordBatch;
}

/** Hands out the buffers of one record batch in the order of the schema, each held against the body. */
export class BufferCursor {
  readonly rows: number;
  private readonly batch: RecordBatch;
  private readonly body: Uint8Array;
  private node = 0;
  private buffer = 0;

  constructor(batch: RecordBatch, body: Uint8Array, maxRows: number) {
    this.batch = batch;
    this.body = body;
    this.rows = Number(batch.length());
    if (!(this.rows >= 0 && this.rows <= maxRows)) throw malformed(`a record batch of ${this.rows} rows; at most ${maxRows} are possible`);
    if (batch.compression()) throw malformed('the bodies of the Arrow messages are compressed; compress the whole request with Content-Encoding instead');
  }

  /** The next column's validity bitmap; null: nothing is absent. */
  validity(name: string): Uint8Array | null {
    if (this.node >= this.batch.nodesLength()) throw malformed(`no data for the column ${name}`);
    const node = this.batch.nodes(this.node++)!;
    if (Number(node.length()) !== this.rows) throw malformed(`the column ${name} has ${node.length()} values in a batch of ${this.rows} rows`);
    const bitmap = this.bytes(name);
    if (bitmap.length === 0 || Number(node.nullCount()) === 0) return null;
    if (bitmap.length < (this.rows + 7) >> 3) throw malformed(`the validity bitmap of ${name} is too short`);
    return bitmap;
  }

  /** The next buffer as numbers of that type; a view where the alignment allows, else a copy. */
  values<T>(name: string, ArrayType: NumberArrayConstructor<T>, count = this.rows): T {
    const bytes = this.bytes(name);
    const length = count * ArrayType.BYTES_PER_ELEMENT;
    if (bytes.length < length) throw malformed(`the column ${name} has ${bytes.length} bytes of values, ${length} are needed for ${count}`);
    if (bytes.byteOffset % ArrayType.BYTES_PER_ELEMENT === 0) return new ArrayType(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
    return new ArrayType(bytes.slice(0, length).buffer, 0, count);
  }

  bytes(name: string): Uint8Array {
    if (this.buffer >= this.batch.buffersLength()) throw malformed(`no buffer for the column ${name}`);
    const region = this.batch.buffers(this.buffer++)!;
    const offset = Number(region.offset());
    const length = Number(region.length());
    if (!(offset >= 0 && length >= 0 && offset + length <= this.body.length)) {
      throw malformed(`a buffer of the column ${name} lies at ${offset} + ${length} in a body of ${this.body.length} bytes`);
    }
    return this.body.subarray(offset, offset + length);
  }
}

export interface NumberArrayConstructor<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
}

export function malformed(message: string): BatchError {
  return new BatchError('malformed', message);
}
