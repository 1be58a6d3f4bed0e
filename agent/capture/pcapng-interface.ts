/**
 * The Interface Description Block of pcapng (draft-ietf-opsawg-pcapng section 4.2) and the times that its packets
 * have: a count of ticks since 1970 in 64 bits, of a length that the interface states, plus an offset in seconds.
 */

import type { CaptureInterface } from '../../shared/packet-batch.ts';
import { captureBound } from './capture-records.ts';

const OPTION_END = 0;
const OPTION_NAME = 2;
const OPTION_TIME_RESOLUTION = 9;
const OPTION_TIME_OFFSET = 14;

const MICROSECONDS = 6;
const BASE_2 = 0x80;
/** Kept of a name; real ones have up to about 60 bytes. */
const MAX_NAME_BYTES = 1024;
const TWO_32 = 2 ** 32;
/** The largest power of ten whose remainders, times 2^32, are exact in a double. */
const MAX_DECIMAL_STEP = 6;
const POWERS_OF_TEN = [1, 10, 100, 1e3, 1e4, 1e5, 1e6];

export class PcapngInterface implements CaptureInterface {
  readonly linkType: number;
  readonly name: string | null;
  /** 0: no limit. */
  readonly snapshotLength: number;
  readonly maxCaptureBytes: number;
  /** Index among all interfaces of the file. */
  readonly index: number;
  private readonly resolution: number;
  private readonly offsetUs: number;

  /** `start` is the block's first byte and `end` the first of its trailing length; at least 16 bytes lie between. */
  constructor(view: DataView, start: number, end: number, little: boolean, index: number) {
    this.index = index;
    this.linkType = view.getUint16(start + 8, little);
    this.snapshotLength = view.getUint32(start + 12, little);
    this.maxCaptureBytes = captureBound(this.snapshotLength);
    let name: string | null = null;
    let resolution = MICROSECONDS;
    let offsetUs = 0;
    for (let at = start + 16; at + 4 <= end; ) {
      const code = view.getUint16(at, little);
      const length = view.getUint16(at + 2, little);
      if (code === OPTION_END || at + 4 + length > end) break;
      if (code === OPTION_NAME) name = textOption(view, at + 4, length);
      else if (code === OPTION_TIME_RESOLUTION && length >= 1) resolution = view.getUint8(at + 4);
      else if (code === OPTION_TIME_OFFSET && length >= 8) offsetUs = secondsOption(view, at + 4, little) * 1e6;
      at += 4 + ((length + 3) & ~3);
    }
    this.name = name;
    this.resolution = resolution;
    this.offsetUs = offsetUs;
  }

  /**
   * Unix time in whole microseconds of a tick count, given as two halves of which the sign means nothing. A time that
   * a double cannot hold exactly is nonsense of the file and becomes the nearest that it can.
   */
  timeUs(highInt32: number, lowInt32: number): number {
    const high = highInt32 < 0 ? highInt32 + TWO_32 : highInt32;
    const low = lowInt32 < 0 ? lowInt32 + TWO_32 : lowInt32;
    const { resolution } = this;
    let time = this.offsetUs;
    if (resolution === MICROSECONDS) time += high * TWO_32 + low;
    else if (resolution & BASE_2) time += binaryTicksUs(high, low, resolution & 0x7f);
    else time += decimalTicksUs(high, low, resolution);
    if (time > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER;
    return time < 0 ? 0 : time;
  }
}

/**
 * floor(ticks / 10^(digits-6)) by long division in base 2^32, where every step is exact in doubles. The remainder is
 * multiplied back, because % of doubles costs more than all the rest.
 */
export function decimalTicksUs(high: number, low: number, digits: number): number {
  let quotientHigh = high;
  let quotientLow = low;
  for (let rest = digits - MICROSECONDS; rest > 0; rest -= MAX_DECIMAL_STEP) {
    const divisor = POWERS_OF_TEN[rest < MAX_DECIMAL_STEP ? rest : MAX_DECIMAL_STEP]!;
    const quotient = Math.floor(quotientHigh / divisor);
    const remainder = quotientHigh - quotient * divisor;
    quotientHigh = quotient;
    quotientLow = Math.floor((remainder * TWO_32 + quotientLow) / divisor);
  }
  const whole = quotientHigh * TWO_32 + quotientLow;
  return digits < MICROSECONDS ? whole * POWERS_OF_TEN[MICROSECONDS - digits]! : whole;
}

/** floor(ticks * 10^6 / 2^bits): whole seconds and fraction apart, because their product does not fit a double. */
export function binaryTicksUs(high: number, low: number, bits: number): number {
  if (bits <= 32) {
    const unit = 2 ** bits;
    const fraction = low % unit;
    return (high * (TWO_32 / unit) + (low - fraction) / unit) * 1e6 + Math.floor((fraction * 1e6) / unit);
  }
  const unit = 2 ** (bits - 32);
  const fractionHigh = high % unit;
  const carry = Math.floor((low * 1e6) / TWO_32);
  return ((high - fractionHigh) / unit) * 1e6 + Math.floor((fractionHigh * 1e6 + carry) / unit);
}

function textOption(view: DataView, at: number, length: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, Math.min(length, MAX_NAME_BYTES));
  const terminator = bytes.indexOf(0); // some writers count a C string's last byte
  return new TextDecoder().decode(terminator < 0 ? bytes : bytes.subarray(0, terminator));
}

function secondsOption(view: DataView, at: number, little: boolean): number {
  const high = view.getInt32(little ? at + 4 : at, little);
  const low = view.getUint32(little ? at : at + 4, little);
  return high * TWO_32 + low;
}
