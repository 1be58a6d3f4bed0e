import { formatAddress } from '../../shared/address.ts';

/** The longest text of an IPv6 address is 39 characters, that of a number below 2^53 is 16. */
const MAX_VALUE_BYTES = 48;
const ZERO = 0x30;
const DOT = 0x2e;
const MAPPED_PREFIX = 0xffff;
const MAX_INT32 = 0x7fffffff;
const encoder = new TextEncoder();

/**
 * Text in the making, as bytes: numbers and addresses are written digit by digit, without a string for each.
 *
 * I1. bytes[0, length) is valid UTF-8.
 */
export class LineBytes {
  length = 0;
  private bytes = Buffer.allocUnsafeSlow(1 << 17);

  /** What is there so far; valid until the next write. */
  get written(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  piece(piece: Uint8Array): void {
    const { length } = piece;
    this.makeRoom(length);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < length; i++) bytes[at++] = piece[i]!;
    this.length = at;
  }

  text(text: string): void {
    this.makeRoom(text.length * 3);
    this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  /** A whole number from 0 on. */
  number(value: number): void {
    this.makeRoom(MAX_VALUE_BYTES);
    if (value > MAX_INT32) this.text(String(value));
    else this.length = this.digits(value | 0, this.length);
  }

  /** The address whose words stand at `words[at]` and after, as formatAddress has it. */
  address(words: Int32Array, at: number): void {
    this.makeRoom(MAX_VALUE_BYTES);
    if (words[at + 2] !== MAPPED_PREFIX || words[at] !== 0 || words[at + 1] !== 0) {
      this.text(formatAddress(words, at));
      return;
    }
    const address = words[at + 3]!;
    let end = this.digits(address >>> 24, this.length);
    for (let shift = 16; shift >= 0; shift -= 8) {
      this.bytes[end] = DOT;
      end = this.digits((address >>> shift) & 255, end + 1);
    }
    this.length = end;
  }

  /** Returns where the digits end. */
  private digits(value: number, at: number): number {
    const { bytes } = this;
    let places = 1;
    for (let limit = 10; value >= limit && places < 10; limit *= 10) places++;
    let rest = value;
    for (let place = at + places - 1; place >= at; place--) {
      const tenth = (rest / 10) | 0;
      bytes[place] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    return at + places;
  }

  private makeRoom(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.length + more));
    larger.set(this.written);
    this.bytes = larger;
  }
}
