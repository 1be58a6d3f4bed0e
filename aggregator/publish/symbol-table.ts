import { ENUM, type DuckDBEnumType } from '@duckdb/node-api';
import { FIELDS } from '../../shared/fields.ts';
import type { ColumnBatch, SymbolColumn } from '../../shared/wire/column-batch.ts';
import type { ChunkColumn } from './chunk-writer.ts';

/**
 * All texts of one publication as one ENUM type: rows carry numbers, grouping and sorting compare numbers. The values
 * are sorted, so that the order of numbers is that of the texts.
 */
export class SymbolTable {
  readonly type: DuckDBEnumType;
  private readonly codes = new Map<string, number>();

  constructor(symbols: ReadonlySet<string>) {
    const values = new Set(symbols);
    // what SQL compares with must be a value of the type
    for (const field of FIELDS) for (const value of field.values ?? []) values.add(value);
    const sorted = [...values].sort();
    for (const value of sorted) this.codes.set(value, this.codes.size);
    this.type = ENUM(sorted);
  }

  /** `name`: of the type to be created. */
  createSql(name: string): string {
    return `CREATE TYPE ${name} AS ENUM (${this.type.values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ')})`;
  }

  column(symbols: SymbolColumn): ChunkColumn {
    const { index, dictionary } = symbols;
    const codes = Int32Array.from(dictionary, (value) => (value === null ? -1 : this.codes.get(value)!));
    const values = this.numbers(index.length);
    let absent: Uint8Array | null = null;
    for (let row = 0; row < index.length; row++) {
      const code = codes[index[row]!]!;
      if (code >= 0) {
        values[row] = code;
      } else {
        absent ??= new Uint8Array((index.length + 7) >> 3);
        absent[row >> 3]! |= 1 << (row & 7);
      }
    }
    return { values, valid: absent && absent.map((bits) => ~bits) };
  }

  columnOf(values: readonly (string | null)[]): ChunkColumn {
    const dictionary = [...new Set(values)];
    const position = new Map(dictionary.map((value, i) => [value, i]));
    return this.column({ kind: 'symbol', index: Int32Array.from(values, (value) => position.get(value)!), dictionary });
  }

  /** In the width that DuckDB stores an ENUM of this size in. */
  private numbers(rows: number): Uint8Array | Uint16Array | Uint32Array {
    const size = this.codes.size;
    return size <= 0xff ? new Uint8Array(rows) : size <= 0xffff ? new Uint16Array(rows) : new Uint32Array(rows);
  }
}

export function addSymbols(batch: ColumnBatch, symbols: Set<string>): void {
  for (const column of batch.columns.values()) {
    if (column.kind !== 'symbol') continue;
    for (const value of column.dictionary) if (value !== null) symbols.add(value);
  }
}
