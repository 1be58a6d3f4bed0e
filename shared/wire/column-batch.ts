import { COLUMNS, type Column } from '../columns.ts';

/**
 * Flow records as they travel: one array a column, named as in `shared/columns.ts`. Both encodings decode to this
 * form, and the publisher appends its arrays to the store as they are.
 *
 * I1. Each column holds exactly `rows` values.
 * I2. `index[i]` of a symbol column lies inside its dictionary.
 * I3. Bit i of `valid` (least significant first, as in Arrow) is 0 where value i is absent; null: none is absent.
 */
export interface ColumnBatch {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, WireColumn>;
}

export type NumberArray = Uint8Array | Uint16Array | Uint32Array | BigInt64Array | BigUint64Array;
export type IndexArray = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;
export type WireColumn = NumberColumn | SymbolColumn;

export interface NumberColumn {
  readonly kind: 'number';
  readonly values: NumberArray;
  readonly valid: Uint8Array | null;
}

export interface SymbolColumn {
  readonly kind: 'symbol';
  readonly index: IndexArray;
  /** null stands for "absent". Values may stand in it twice. */
  readonly dictionary: readonly (string | null)[];
}

/** Every row that travels is a flow, so these two say nothing: status rows are derived from the seals. */
const NOT_ON_WIRE = new Set(['log-status', 'skipped-packets']);

export const WIRE_COLUMNS: readonly Column[] = COLUMNS.filter((column) => !NOT_ON_WIRE.has(column.field.name));

/** Fields of the default line that a flow may lack. */
const UNKNOWN_ENI = new Set(['vswitch-id', 'vm-id', 'vpc-id', 'account-id']);

/** Of the extensions only the agent must be known: who sends the default line by hand knows no others. */
export function isOptional({ field }: Column): boolean {
  return field.inDefaultLine ? UNKNOWN_ENI.has(field.name) : field.name !== 'agent-id';
}

export function isValid(valid: Uint8Array | null, row: number): boolean {
  return valid === null || ((valid[row >> 3]! >> (row & 7)) & 1) === 1;
}

export function numberColumn(batch: ColumnBatch, name: string): NumberColumn {
  const column = batch.columns.get(name);
  if (column?.kind !== 'number') throw new Error(`no number column ${name} in the batch`);
  return column;
}

export function symbolColumn(batch: ColumnBatch, name: string): SymbolColumn {
  const column = batch.columns.get(name);
  if (column?.kind !== 'symbol') throw new Error(`no symbol column ${name} in the batch`);
  return column;
}

/** The 64-bit values of a column as pairs of 32-bit words, low word first: reading them makes no BigInt. */
export function words(column: NumberColumn): Int32Array {
  const { buffer, byteOffset, byteLength } = column.values;
  return new Int32Array(buffer as ArrayBuffer, byteOffset, byteLength / 4);
}

/** Value i of a 64-bit column that is known to be a whole number from 0 to 2^53. */
export function safeInteger(pairs: Int32Array, i: number): number {
  return pairs[2 * i + 1]! * 4_294_967_296 + (pairs[2 * i]! >>> 0);
}

export function setSafeInteger(pairs: Int32Array, i: number, value: number): void {
  const high = Math.floor(value / 4_294_967_296);
  pairs[2 * i] = value - high * 4_294_967_296;
  pairs[2 * i + 1] = high;
}
