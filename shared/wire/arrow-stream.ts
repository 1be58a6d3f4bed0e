import { Buffer as Region } from 'apache-arrow/fb/buffer';
import { DictionaryBatch } from 'apache-arrow/fb/dictionary-batch';
import { FieldNode } from 'apache-arrow/fb/field-node';
import { Message } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { MetadataVersion } from 'apache-arrow/fb/metadata-version';
import { RecordBatch } from 'apache-arrow/fb/record-batch';
import { Builder } from 'flatbuffers';

/** The values of one column in one message. */
export interface ArrowColumn {
  readonly nullCount: number;
  /** Validity (empty: nothing is absent), offsets of texts, values; whatever the column's type has. */
  readonly buffers: readonly ArrayBufferView[];
}

/** Metadata and the body that it describes. */
interface ArrowPart {
  readonly metadata: Uint8Array;
  readonly buffers: readonly ArrayBufferView[];
  readonly bodyBytes: number;
}

const ALIGNMENT = 8;
/** Continuation and metadata length. */
const PREFIX_BYTES = 8;
const CONTINUATION = -1;
const NO_BYTES = new Uint8Array(0);

/**
 * Writes an Arrow IPC stream (see arrow-messages.ts) whose schema message is given: collects the messages, and then puts
 * each column to its place in one block of memory, which is the only time that it is copied.
 */
export class ArrowStream {
  private readonly schema: Uint8Array;
  private readonly parts: ArrowPart[] = [];

  constructor(schema: Uint8Array) {
    this.schema = schema;
  }

  dictionary(id: number, texts: readonly (string | null)[]): void {
    const encoded = texts.map((text) => Buffer.from(text ?? ''));
    const offsets = new Int32Array(texts.length + 1);
    encoded.forEach(({ length }, i) => (offsets[i + 1] = offsets[i]! + length));
    const valid = texts.includes(null) ? bitmapOf(texts) : NO_BYTES;
    const column = { nullCount: texts.filter((text) => text === null).length, buffers: [valid, offsets, Buffer.concat(encoded)] };
    this.add(texts.length, [column], id);
  }

  recordBatch(rows: number, columns: readonly ArrowColumn[]): void {
    this.add(rows, columns, null);
  }

  /** All messages and the end of the stream. */
  bytes(): Uint8Array {
    let length = this.schema.length + PREFIX_BYTES;
    for (const { metadata, bodyBytes } of this.parts) length += PREFIX_BYTES + metadata.length + bodyBytes;
    const stream = new Uint8Array(length);
    const view = new DataView(stream.buffer);
    stream.set(this.schema);
    let at = this.schema.length;
    for (const { metadata, buffers } of this.parts) {
      view.setInt32(at, CONTINUATION, true);
      view.setInt32(at + 4, metadata.length, true);
      stream.set(metadata, at + PREFIX_BYTES);
      at += PREFIX_BYTES + metadata.length;
      for (const buffer of buffers) {
        stream.set(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength), at);
        at += aligned(buffer.byteLength);
      }
    }
    view.setInt32(at, CONTINUATION, true);
    return stream;
  }

  private add(rows: number, columns: readonly ArrowColumn[], dictionaryId: number | null): void {
    const buffers = columns.flatMap((column) => column.buffers);
    const bodyBytes = buffers.reduce((sum, { byteLength }) => sum + aligned(byteLength), 0);
    this.parts.push({ metadata: padded(metadataOf(rows, columns, bodyBytes, dictionaryId)), buffers, bodyBytes });
  }
}

function metadataOf(rows: number, columns: readonly ArrowColumn[], bodyBytes: number, dictionaryId: number | null): Uint8Array {
  const builder = new Builder(4096);
  RecordBatch.startNodesVector(builder, columns.length);
  for (const { nullCount } of columns.toReversed()) FieldNode.createFieldNode(builder, BigInt(rows), BigInt(nullCount));
  const nodes = builder.endVector();
  const regions: [number, number][] = [];
  let at = 0;
  for (const { byteLength } of columns.flatMap((column) => column.buffers)) {
    regions.push([at, byteLength]);
    at += aligned(byteLength);
  }
  RecordBatch.startBuffersVector(builder, regions.length);
  for (const [offset, length] of regions.toReversed()) Region.createBuffer(builder, BigInt(offset), BigInt(length));
  const regionsAt = builder.endVector();
  RecordBatch.startRecordBatch(builder);
  RecordBatch.addLength(builder, BigInt(rows));
  RecordBatch.addNodes(builder, nodes);
  RecordBatch.addBuffers(builder, regionsAt);
  let header = RecordBatch.endRecordBatch(builder);
  if (dictionaryId !== null) {
    DictionaryBatch.startDictionaryBatch(builder);
    DictionaryBatch.addId(builder, BigInt(dictionaryId));
    DictionaryBatch.addData(builder, header);
    header = DictionaryBatch.endDictionaryBatch(builder);
  }
  Message.startMessage(builder);
  Message.addVersion(builder, MetadataVersion.V5);
  Message.addHeaderType(builder, dictionaryId === null ? MessageHeader.RecordBatch : MessageHeader.DictionaryBatch);
  Message.addHeader(builder, header);
  Message.addBodyLength(builder, BigInt(bodyBytes));
  builder.finish(Message.endMessage(builder));
  return builder.asUint8Array();
}

function bitmapOf(values: readonly unknown[]): Uint8Array {
  const bits = new Uint8Array((values.length + 7) >> 3);
  values.forEach((value, i) => {
    if (value !== null) bits[i >> 3]! |= 1 << (i & 7);
  });
  return bits;
}

function padded(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(aligned(bytes.length));
  result.set(bytes);
  return result;
}

function aligned(bytes: number): number {
  return (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}
