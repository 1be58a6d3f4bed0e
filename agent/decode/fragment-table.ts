import { KEY_DST0, KEY_DST1, KEY_DST2, KEY_DST3, KEY_SRC0, KEY_SRC1, KEY_SRC2, KEY_SRC3 } from '../../shared/flow-key.ts';

/**
 * Ports and protocol of first fragments, for the fragments that follow them. Bounded: one flat array, two-way
 * associative, the older entry gives way. Timed: an entry lives 30 s of packet time, as reassembly does in
 * Linux (net.ipv4.ipfrag_time).
 *
 * I1. `find` answers only for the same source, destination, identification and (IPv4) protocol.
 */
const ENTRY_WORDS = 16;
const WORD_ID = 8;
const WORD_TAG = 9;
const WORD_PORTS = 10;
const WORD_PROTOCOL = 11;
const USED = 0x200;
const LIFETIME_US = 30e6;

export class FragmentTable {
  private readonly entries: Int32Array;
  private readonly timeUs: Float64Array;
  private readonly mask: number;
  /** After `find` returned true. */
  ports = 0;
  protocol = 0;

  /** `capacity` is a power of two. */
  constructor(capacity = 8192) {
    this.entries = new Int32Array(capacity * ENTRY_WORDS);
    this.timeUs = new Float64Array(capacity);
    this.mask = capacity - 2;
  }

  /** `tag`: the IPv4 protocol, or 256 for IPv6, where the identification alone counts (RFC 8200 section 4.5). */
  put(keys: Int32Array, at: number, id: number, tag: number, ports: number, protocol: number, timeUs: number): void {
    const pair = hash(keys, at, id) & this.mask;
    let slot = pair;
    if (!this.matches(pair, keys, at, id, tag) && (this.matches(pair + 1, keys, at, id, tag) || this.timeUs[pair + 1]! < this.timeUs[pair]!)) {
      slot = pair + 1;
    }
    const entries = this.entries;
    const base = slot * ENTRY_WORDS;
    entries[base] = keys[at + KEY_SRC0]!;
    entries[base + 1] = keys[at + KEY_SRC1]!;
    entries[base + 2] = keys[at + KEY_SRC2]!;
    entries[base + 3] = keys[at + KEY_SRC3]!;
    entries[base + 4] = keys[at + KEY_DST0]!;
    entries[base + 5] = keys[at + KEY_DST1]!;
    entries[base + 6] = keys[at + KEY_DST2]!;
    entries[base + 7] = keys[at + KEY_DST3]!;
    entries[base + WORD_ID] = id;
    entries[base + WORD_TAG] = tag | USED;
    entries[base + WORD_PORTS] = ports;
    entries[base + WORD_PROTOCOL] = protocol;
    this.timeUs[slot] = timeUs;
  }

  find(keys: Int32Array, at: number, id: number, tag: number, timeUs: number): boolean {
    const pair = hash(keys, at, id) & this.mask;
    for (let slot = pair; slot <= pair + 1; slot++) {
      if (!this.matches(slot, keys, at, id, tag)) continue;
      if (Math.abs(timeUs - this.timeUs[slot]!) > LIFETIME_US) return false;
      this.ports = this.entries[slot * ENTRY_WORDS + WORD_PORTS]!;
      this.protocol = this.entries[slot * ENTRY_WORDS + WORD_PROTOCOL]!;
      return true;
    }
    return false;
  }

  private matches(slot: number, keys: Int32Array, at: number, id: number, tag: number): boolean {
    const entries = this.entries;
    const base = slot * ENTRY_WORDS;
    return (
      entries[base + WORD_TAG] === (tag | USED) && entries[base + WORD_ID] === id &&
      entries[base + 3] === keys[at + KEY_SRC3] && entries[base + 7] === keys[at + KEY_DST3] &&
      entries[base] === keys[at + KEY_SRC0] && entries[base + 1] === keys[at + KEY_SRC1] &&
      entries[base + 2] === keys[at + KEY_SRC2] && entries[base + 4] === keys[at + KEY_DST0] &&
      entries[base + 5] === keys[at + KEY_DST1] && entries[base + 6] === keys[at + KEY_DST2]
    );
  }
}

function hash(keys: Int32Array, at: number, id: number): number {
  let h = Math.imul(keys[at + KEY_SRC3]! ^ keys[at + KEY_SRC1]!, 0x9e3779b1);
  h = Math.imul((h ^ (h >>> 15)) + (keys[at + KEY_DST3]! ^ keys[at + KEY_DST1]!), 0x85ebca6b);
  h = Math.imul((h ^ (h >>> 13)) + id, 0xc2b2ae35);
  return (h ^ (h >>> 16)) & 0x7fffffff;
}
