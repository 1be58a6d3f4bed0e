import type { DuckDBAppender, DuckDBConnection, DuckDBType } from '@duckdb/node-api';
import { DuckDBDataChunk } from '@duckdb/node-api';
import bindings from '@duckdb/node-bindings';

/** One column of a table to be filled: all its values in DuckDB's own layout, and its validity bits. */
export interface ChunkColumn {
  readonly values: ArrayBufferView & { readonly BYTES_PER_ELEMENT: number };
  /** Least significant bit first, 0: absent; null: all are there. */
  readonly valid: Uint8Array | null;
}

/** Appends whole columns to a table, a vector's worth at a time, by copying memory: no value passes through JavaScript. */
export class ChunkWriter {
  private readonly appender: DuckDBAppender;
  private readonly chunk: DuckDBDataChunk;
  private readonly columnCount: number;

  private constructor(appender: DuckDBAppender, types: readonly DuckDBType[]) {
    this.appender = appender;
    this.chunk = DuckDBDataChunk.create(types);
    this.columnCount = types.length;
  }

  static async open(connection: DuckDBConnection, table: string, types: readonly DuckDBType[]): Promise<ChunkWriter> {
    return new ChunkWriter(await connection.createAppender(table), types);
  }

  /** Every column holds `rows` values of the type that the table's column has. */
  append(rows: number, columns: readonly ChunkColumn[]): void {
    if (columns.length !== this.columnCount) throw new Error(`${columns.length} columns for a table of ${this.columnCount}`);
    const size = bindings.vector_size();
    for (let from = 0; from < rows; from += size) {
      const count = Math.min(size, rows - from);
      this.chunk.reset();
      columns.forEach((column, i) => this.fill(i, column, from, count));
      this.chunk.rowCount = count;
      this.appender.appendDataChunk(this.chunk);
    }
  }

  close(): void {
    this.appender.closeSync();
  }

  /** `from` is a multiple of the vector size, hence of 8. */
  private fill(index: number, { values, valid }: ChunkColumn, from: number, count: number): void {
    const width = values.BYTES_PER_ELEMENT;
    if (values.byteLength < (from + count) * width) throw new Error(`column ${index} is shorter than its ${from + count} rows`);
    const vector = bindings.data_chunk_get_vector(this.chunk.chunk, index);
    bindings.copy_data_to_vector(vector, 0, values.buffer as ArrayBuffer, values.byteOffset + from * width, count * width);
    if (!valid) return;
    bindings.vector_ensure_validity_writable(vector);
    bindings.copy_data_to_vector_validity(vector, 0, valid.buffer as ArrayBuffer, valid.byteOffset + (from >> 3), (count + 7) >> 3);
  }
}
