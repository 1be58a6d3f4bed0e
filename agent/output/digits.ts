/**
 * Numbers and addresses written as text, straight to where they belong and without a string for each.
 *
 * I1. Each function returns where its text ends, and may write up to SPARE_BYTES behind that: whole words are stored
 *     though not all of their bytes count.
 */
export const SPARE_BYTES = 8;
/** The longest text of an IPv6 address is 39 characters, that of any number 24. */
export const MAX_VALUE_BYTES = 40;

const ZERO = 0x30;
const DOT = 0x2e;
const COLON = 0x3a;
const MAPPED_PREFIX = 0xffff;
const MAX_INT32 = 0x7fffffff;
const LENGTH_SHIFT = 24;

/** Up to three digits, the first one lowest, and in the uppermost byte how many they are. */
const DIGITS = Int32Array.from({ length: 1000 }, (_, value) => characters(String(value)) | (String(value).length << LENGTH_SHIFT));
/** Three digits in any case. */
const THREE_DIGITS = Int32Array.from({ length: 1000 }, (_, value) => characters(String(value).padStart(3, '0')));
/** The digits and a dot behind them. */
const OCTETS = Int32Array.from({ length: 256 }, (_, octet) => characters(`${octet}.`));
const HEX_DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

function characters(text: string): number {
  return [...text].reduce((word, character, i) => word | (character.charCodeAt(0) << (8 * i)), 0);
}

/** A whole number from 0 to 2^53. */
export function putNumber(view: DataView, at: number, value: number): number {
  if (value <= MAX_INT32) return putSmall(view, at, value | 0);
  const high = Math.floor(value / 1e9);
  const low = (value - high * 1e9) | 0;
  const thousands = (low / 1000) | 0;
  const millions = (thousands / 1000) | 0;
  const end = putSmall(view, at, high);
  view.setInt32(end, THREE_DIGITS[millions]!, true);
  view.setInt32(end + 3, THREE_DIGITS[thousands - millions * 1000]!, true);
  view.setInt32(end + 6, THREE_DIGITS[low - thousands * 1000]!, true);
  return end + 9;
}

function putSmall(view: DataView, at: number, value: number): number {
  if (value < 1000) {
    const digits = DIGITS[value]!;
    view.setInt32(at, digits, true);
    return at + (digits >>> LENGTH_SHIFT);
  }
  const thousands = (value / 1000) | 0;
  const end = putSmall(view, at, thousands);
  view.setInt32(end, THREE_DIGITS[value - thousands * 1000]!, true);
  return end + 3;
}

/** Up to this, seconds as a double have room for microseconds: their decimals are those of the whole number. */
const MAX_EXACT_US = 8e15;

/** Microseconds as seconds, as String(us / 1e6) has them. */
export function putSeconds(view: DataView, at: number, us: number): number {
  // times of files with nanoseconds have a fraction
  if (!(us >= 0 && us <= MAX_EXACT_US && Math.floor(us) === us)) return putAscii(view, at, String(us / 1e6));
  const seconds = Math.floor(us / 1e6);
  const fraction = (us - seconds * 1e6) | 0;
  let end = putNumber(view, at, seconds);
  if (fraction === 0) return end;
  const thousandths = (fraction / 1000) | 0;
  view.setUint8(end, DOT);
  view.setInt32(end + 1, THREE_DIGITS[thousandths]!, true);
  view.setInt32(end + 4, THREE_DIGITS[fraction - thousandths * 1000]!, true);
  end += 7;
  while (view.getUint8(end - 1) === ZERO) end--;
  return end;
}

function putAscii(view: DataView, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i));
  return at + text.length;
}

/** The address whose words stand at `words[index]` and after, as formatAddress has it. */
export function putAddress(view: DataView, at: number, words: Int32Array, index: number): number {
  if (words[index + 2] !== MAPPED_PREFIX || words[index] !== 0 || words[index + 1] !== 0) return putIpv6(view, at, words, index);
  const address = words[index + 3]!;
  const first = address >>> 24;
  const second = (address >>> 16) & 255;
  const third = (address >>> 8) & 255;
  view.setInt32(at, OCTETS[first]!, true);
  let end = at + (DIGITS[first]! >>> LENGTH_SHIFT) + 1;
  view.setInt32(end, OCTETS[second]!, true);
  end += (DIGITS[second]! >>> LENGTH_SHIFT) + 1;
  view.setInt32(end, OCTETS[third]!, true);
  end += (DIGITS[third]! >>> LENGTH_SHIFT) + 1;
  const last = DIGITS[address & 255]!;
  view.setInt32(end, last, true);
  return end + (last >>> LENGTH_SHIFT);
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
function putIpv6(view: DataView, at: number, words: Int32Array, index: number): number {
  let longest = 1;
  let gap = -1;
  let run = 0;
  for (let group = 0; group < 8; group++) {
    if (groupAt(words, index, group) !== 0) {
      run = 0;
    } else if (++run > longest) {
      longest = run;
      gap = group - run + 1;
    }
  }
  let end = at;
  for (let group = 0; group < 8; group++) {
    if (group === gap) {
      view.setUint8(end++, COLON);
      view.setUint8(end++, COLON);
      group += longest - 1;
      continue;
    }
    if (group > 0 && group !== gap + longest) view.setUint8(end++, COLON);
    const value = groupAt(words, index, group);
    if (value >= 0x1000) view.setUint8(end++, HEX_DIGITS[value >>> 12]!);
    if (value >= 0x100) view.setUint8(end++, HEX_DIGITS[(value >>> 8) & 15]!);
    if (value >= 0x10) view.setUint8(end++, HEX_DIGITS[(value >>> 4) & 15]!);
    view.setUint8(end++, HEX_DIGITS[value & 15]!);
  }
  return end;
}

function groupAt(words: Int32Array, index: number, group: number): number {
  const word = words[index + (group >> 1)]!;
  return (group & 1) === 0 ? word >>> 16 : word & 0xffff;
}
