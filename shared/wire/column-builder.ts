import { parseAddress } from '../address.ts';
import type { Field } from '../fields.ts';
import { columnsOf } from '../columns.ts';
import { BatchError, quoted } from './batch-error.ts';
import { setSafeInteger, words, type NumberArray, type NumberColumn, type WireColumn } from './column-batch.ts';
import { MAX_DICTIONARY } from './limits.ts';

/** Takes the values of one field, as JSON has them, one row after the other; `take` answers with the reason of a refusal. */
export interface ColumnBuilder {
  /** null: the value was taken; else what it must be. */
  take(value: unknown): string | null;
  /** The finished columns by name; the builder is spent. */
  columns(): [string, WireColumn][];
}

export function columnBuilder(field: Field): ColumnBuilder {
  switch (field.type) {
    case 'symbol': return new SymbolBuilder(field);
    case 'address': return new AddressBuilder(field);
    case 'uint8': return new NumberBuilder(field, Uint8Array, 0xff);
    case 'uint16': return new NumberBuilder(field, Uint16Array, 0xffff);
    case 'uint32': return new NumberBuilder(field, Uint32Array, 0xffff_ffff);
    case 'instant': return new WideBuilder(field, 1e6);
    default: return new WideBuilder(field, 1);
  }
}

const START_CAPACITY = 256;

class Validity {
  private bits = new Uint8Array(START_CAPACITY >> 3);
  private absent = 0;

  set(row: number, present: boolean): void {
    if (row >> 3 >= this.bits.length) this.bits = larger(this.bits, new Uint8Array(this.bits.length * 2));
    if (present) this.bits[row >> 3]! |= 1 << (row & 7);
    else this.absent++;
  }

  bitmap(rows: number): Uint8Array | null {
    return this.absent === 0 ? null : this.bits.slice(0, (rows + 7) >> 3);
  }
}

class NumberBuilder implements ColumnBuilder {
  private readonly name: string;
  private readonly maximum: number;
  private readonly ArrayType: new (length: number) => Uint8Array | Uint16Array | Uint32Array;
  private values: Uint8Array | Uint16Array | Uint32Array;
  private readonly validity = new Validity();
  private rows = 0;

  constructor(field: Field, ArrayType: new (length: number) => Uint8Array | Uint16Array | Uint32Array, maximum: number) {
    this.name = columnsOf(field)[0]!.name;
    this.ArrayType = ArrayType;
    this.maximum = maximum;
    this.values = new ArrayType(START_CAPACITY);
  }

  take(value: unknown): string | null {
    if (value !== null && !(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= this.maximum)) {
      return `a whole number from 0 to ${this.maximum}`;
    }
    if (this.rows === this.values.length) this.values = larger(this.values, new this.ArrayType(this.rows * 2));
    this.validity.set(this.rows, value !== null);
    this.values[this.rows++] = (value as number | null) ?? 0;
    return null;
  }

  columns(): [string, WireColumn][] {
    return [[this.name, { kind: 'number', values: this.values.slice(0, this.rows) as NumberArray, valid: this.validity.bitmap(this.rows) }]];
  }
}

/** 64-bit numbers, kept as doubles until the end. */
class WideBuilder implements ColumnBuilder {
  private readonly name: string;
  private readonly scale: number;
  private values = new Float64Array(START_CAPACITY);
  private readonly validity = new Validity();
  private rows = 0;

  constructor(field: Field, scale: number) {
    this.name = columnsOf(field)[0]!.name;
    this.scale = scale;
  }

  take(value: unknown): string | null {
    const scaled = value === null ? 0 : typeof value === 'number' ? (this.scale === 1 ? value : Math.round(value * this.scale)) : -1;
    if (!(Number.isSafeInteger(scaled) && scaled >= 0)) {
      return this.scale === 1 ? 'a whole number from 0 to 2^53' : 'Unix seconds, with at most six decimals';
    }
    if (this.rows === this.values.length) this.values = larger(this.values, new Float64Array(this.rows * 2));
    this.validity.set(this.rows, value !== null);
    this.values[this.rows++] = scaled;
    return null;
  }

  columns(): [string, WireColumn][] {
    const column: NumberColumn = { kind: 'number', values: new BigInt64Array(this.rows), valid: this.validity.bitmap(this.rows) };
    const pairs = words(column);
    for (let row = 0; row < this.rows; row++) setSafeInteger(pairs, row, this.values[row]!);
    return [[this.name, column]];
  }
}

class AddressBuilder implements ColumnBuilder {
  private readonly names: string[];
  /** Per row: words 1, 0, 3, 2 of the address, so that halves lie as 64-bit numbers. */
  private values = new Int32Array(START_CAPACITY * 4);
  private rows = 0;

  constructor(field: Field) {
    this.names = columnsOf(field).map((column) => column.name);
  }

  take(value: unknown): string | null {
    const address = typeof value === 'string' && value.length <= 45 ? parseAddress(value) : null;
    if (!address) return 'an IPv4 or IPv6 address';
    const at = this.rows * 4;
    if (at === this.values.length) this.values = larger(this.values, new Int32Array(at * 2));
    this.values[at] = address[1]!;
    this.values[at + 1] = address[0]!;
    this.values[at + 2] = address[3]!;
    this.values[at + 3] = address[2]!;
    this.rows++;
    return null;
  }

  columns(): [string, WireColumn][] {
    return this.names.map((name, half) => {
      const column: NumberColumn = { kind: 'number', values: new BigUint64Array(this.rows), valid: null };
      const pairs = words(column);
      for (let row = 0; row < this.rows; row++) {
        pairs[2 * row] = this.values[4 * row + 2 * half]!;
        pairs[2 * row + 1] = this.values[4 * row + 2 * half + 1]!;
      }
      return [name, column];
    });
  }
}

class SymbolBuilder implements ColumnBuilder {
  private readonly name: string;
  private readonly numbers = new Map<string | null, number>();
  private index = new Int32Array(START_CAPACITY);
  private rows = 0;

  constructor(field: Field) {
    this.name = columnsOf(field)[0]!.name;
  }

  take(value: unknown): string | null {
    if (value !== null && typeof value !== 'string') return 'a text';
    let number = this.numbers.get(value);
    if (number === undefined) {
      number = this.numbers.size;
      if (number === MAX_DICTIONARY) throw new BatchError('invalid', `more than ${MAX_DICTIONARY} different values of ${this.name}, the last ${quoted(value)}`);
      this.numbers.set(value, number);
    }
    if (this.rows === this.index.length) this.index = larger(this.index, new Int32Array(this.rows * 2));
    this.index[this.rows++] = number;
    return null;
  }

  columns(): [string, WireColumn][] {
    return [[this.name, { kind: 'symbol', index: this.index.slice(0, this.rows), dictionary: [...this.numbers.keys()] }]];
  }
}

function larger<T extends { set(from: ArrayLike<number>): void }>(from: ArrayLike<number>, to: T): T {
  to.set(from);
  return to;
}
