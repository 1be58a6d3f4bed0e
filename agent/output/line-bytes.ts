import { SPARE_BYTES } from './digits.ts';

const encoder = new TextEncoder();

/**
 * Text in the making, as bytes.
 *
 * I1. bytes[0, length) is valid UTF-8.
 */
export class LineBytes {
  length = 0;
  /** All bytes, those not yet in use too; another one after `makeRoom`. */
  view: DataView;
  private bytes: Buffer;

  constructor(capacity = 1 << 17) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** What is there so far; valid until the next write. */
  get written(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  text(text: string): void {
    this.makeRoom(text.length * 3);
    this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  /** For so many bytes behind those written, and the spare ones. */
  makeRoom(more: number): void {
    if (this.length + more + SPARE_BYTES <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.length + more + SPARE_BYTES));
    larger.set(this.written);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

/**
 * A text that is written many times, as words of 8 bytes. No 8 bytes of UTF-8 are a NaN, whose bits a store may change.
 */
export class RepeatedText {
  readonly length: number;
  private readonly words: Float64Array;

  constructor(text: string) {
    const bytes = encoder.encode(text);
    this.length = bytes.length;
    this.words = new Float64Array((bytes.length + 7) >> 3);
    new Uint8Array(this.words.buffer).set(bytes);
  }

  /** As the functions of digits.ts. */
  put(view: DataView, at: number): number {
    const { words } = this;
    for (let i = 0; i < words.length; i++) view.setFloat64(at + i * 8, words[i]!, IS_LITTLE_ENDIAN);
    return at + this.length;
  }
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
