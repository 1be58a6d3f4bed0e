import { BatchError } from './batch-error.ts';
import { MAX_LINE_BYTES, MAX_SEALS } from './limits.ts';
import { sealFromJson, type WireSeal } from './wire-seal.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * A JSON array of seals, in UTF-8. It is cut at its commas and read seal by seal: JSON.parse of an object with millions
 * of keys takes seconds and a gigabyte, and one seal has room for a few only. `place` names the list in error texts.
 */
export function sealsFromJson(json: Uint8Array, place: string): WireSeal[] {
  const text = Buffer.from(json.buffer as ArrayBuffer, json.byteOffset, json.byteLength);
  let first = 0;
  let last = text.length - 1;
  while (isSpace(text[first])) first++;
  while (isSpace(text[last])) last--;
  if (text[first] !== 0x5b || text[last] !== 0x5d || last <= first) throw new BatchError('malformed', `${place} is no JSON array of seals`);
  const seals: WireSeal[] = [];
  if (isBlank(text, first + 1, last)) return seals;
  for (let from = first + 1; from <= last;) {
    if (seals.length === MAX_SEALS) throw new BatchError('malformed', `${place} holds more than ${MAX_SEALS} seals`);
    const to = endOfElement(text, from, last);
    if (to < 0) throw new BatchError('malformed', `${place}: seal ${seals.length + 1} has more than ${MAX_LINE_BYTES} bytes`);
    seals.push(sealFromJson(parse(text.toString('utf8', from, to), `${place}: seal ${seals.length + 1}`), `seal ${seals.length + 1}`));
    from = to + 1;
  }
  return seals;
}

/** Where the comma stands that ends the element, or the end of the array; -1: too far away. */
function endOfElement(text: Buffer, from: number, last: number): number {
  let depth = 0;
  let isText = false;
  const furthest = Math.min(last, from + MAX_LINE_BYTES);
  for (let at = from; at < furthest; at++) {
    const byte = text[at]!;
    if (isText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (OPENING.has(byte)) depth++;
    else if (CLOSING.has(byte)) depth--;
    else if (byte === COMMA && depth === 0) return at;
  }
  return furthest === last ? last : -1;
}

function parse(json: string, place: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new BatchError('malformed', `${place} is not JSON: ${(error as Error).message}`);
  }
}

function isBlank(text: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (!isSpace(text[at])) return false;
  return true;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
