import {
  KEY_DST0, KEY_DST1, KEY_DST2, KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC0, KEY_SRC1, KEY_SRC2, KEY_SRC3, KEY_WORDS, META_IPV6, META_OUT,
} from '../../shared/flow-key.ts';
import { SLOT_WORDS } from '../decode/key-slot.ts';
import type { KeyQueue } from '../decode/key-queue.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { NOWHERE, PacketMemory, type MemoryPiece } from '../kernel/packet-memory.ts';
import { entryKey } from './entry-key.ts';
import { KeyHasher } from './key-hash.ts';
import { ENTRY_DOUBLES, ENTRY_HASH, ENTRY_LAST_US, ENTRY_STATE, ENTRY_WORDS, PREFIX_WORDS, STATE_DIRTY } from './entry.ts';
import {
  FIRST_SLOTS, MAX_SLOT_DISTANCE, indexSlots, slotTag, sourceBits,
} from './index-slot.ts';

/** Meta word of an entry that is not in use. */
export const FREE = -1;

/** No entry. */
export const NO_ENTRY = -1;

/**
 * Flows by key: a dense pool of entries in one piece of memory, found through an open-addressing index.
 * Fixed capacity, 2^24 at most; memory is touched only as far as it is used.
 *
 * I1. Every entry in use stands in the index exactly once, at or behind its hash's home slot with no free slot between.
 * I2. The order in which entries are handed out depends on the packets alone, never on the hash secret, so that the
 *     order of rows is the same in every run.
 */
export class FlowTable {
  readonly capacity: number;
  /** Entries as 32-bit words, ENTRY_WORDS each. */
  readonly words: Int32Array;
  /** The same bytes as doubles, ENTRY_DOUBLES each. */
  readonly doubles: Float64Array;
  /** First 96 bits of the addresses of IPv6 entries, PREFIX_WORDS each. */
  readonly prefixes: Int32Array;
  /** Entries in use. */
  size = 0;
  /** Entries with an index below this have been in use at some time. */
  highWater = 0;
  private index: Int32Array;
  private indexMask: number;
  /** With this entry there are too many for the first index; the capacity where that is not so. */
  private growsAt: number;
  /** Null where it cannot reach all of the table. */
  private kernel: Kernel | null;
  private readonly slotEntry: number;
  private readonly slotDistanceShift: number;
  private readonly slotTag: number;
  private readonly sourceBits: number;
  private readonly freed: Int32Array;
  private freedCount = 0;
  private hand = 0;
  /** Keeps the loads of `prepare` from being optimised away. */
  protected touched = 0;
  private readonly memory: PacketMemory;
  private readonly hasher: KeyHasher;
  /** Keyed hash: an outsider who chooses addresses and ports cannot choose the slots. */
  private readonly secret0: number;
  private readonly secret1: number;

  constructor(capacity: number, memory: PacketMemory = PacketMemory.withoutKernel()) {
    this.capacity = capacity;
    this.memory = memory;
    this.secret0 = memory.secret0;
    this.secret1 = memory.secret1;
    this.hasher = new KeyHasher(memory, capacity);
    const entries = memory.take(capacity * ENTRY_WORDS * 4);
    const prefixes = memory.take(capacity * PREFIX_WORDS * 4);
    this.words = new Int32Array(entries.buffer, entries.offset, capacity * ENTRY_WORDS);
    this.doubles = new Float64Array(entries.buffer, entries.offset, capacity * ENTRY_DOUBLES);
    this.prefixes = new Int32Array(prefixes.buffer, prefixes.offset, capacity * PREFIX_WORDS);
    this.kernel = [entries, prefixes].some(({ address }) => address === NOWHERE) ? null : memory.kernel;
    const slots = indexSlots(capacity);
    const firstSlots = Math.min(slots, FIRST_SLOTS);
    this.index = this.newIndex(firstSlots);
    this.indexMask = firstSlots - 1;
    this.growsAt = firstSlots < slots ? firstSlots / 2 : capacity;
    this.slotEntry = slots - 1;
    this.slotDistanceShift = Math.log2(slots);
    this.slotTag = slotTag(capacity);
    this.sourceBits = sourceBits(capacity);
    this.freed = new Int32Array(capacity);
  }

  get isFull(): boolean {
    return this.size === this.capacity;
  }

  /**
   * Both directions of a connection are at home in one cache line of the index, so that the one is looked up where the
   * other one was; which slot of the line, and the slot's tag, follows from the source.
   */
  hash(keys: Int32Array, at: number): number {
    const source = this.mixSource(keys, at);
    const destination = this.mixDestination(keys, at);
    const both = ((source ^ (source >>> 14)) + (destination ^ (destination >>> 14))) | 0;
    const mixed = Math.imul(both ^ (both >>> 16) ^ (keys[at + KEY_META]! & ~META_OUT), this.secret0);
    return mixed ^ (mixed >>> 15) ^ ((source ^ (source >>> 17)) & this.sourceBits);
  }

  /** The hash of the key with addresses and ports swapped, of a key with this hash. */
  reverseHash(keys: Int32Array, at: number, hash: number): number {
    const source = this.mixSource(keys, at);
    const destination = this.mixDestination(keys, at);
    return hash ^ ((source ^ (source >>> 17) ^ destination ^ (destination >>> 17)) & this.sourceBits);
  }

  private mixSource(keys: Int32Array, at: number): number {
    let mixed = Math.imul(keys[at + KEY_SRC3]! ^ this.secret1, this.secret0);
    if ((keys[at + KEY_META]! & META_IPV6) !== 0) {
      mixed = Math.imul(mixed ^ (mixed >>> 15) ^ keys[at + KEY_SRC2]!, 0x85ebca6b) ^ keys[at + KEY_SRC1]!;
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) ^ keys[at + KEY_SRC0]!;
    }
    return Math.imul(mixed ^ (mixed >>> 15) ^ (keys[at + KEY_PORTS]! >>> 16), 0x9e3779b1);
  }

  private mixDestination(keys: Int32Array, at: number): number {
    let mixed = Math.imul(keys[at + KEY_DST3]! ^ this.secret1, this.secret0);
    if ((keys[at + KEY_META]! & META_IPV6) !== 0) {
      mixed = Math.imul(mixed ^ (mixed >>> 15) ^ keys[at + KEY_DST2]!, 0x85ebca6b) ^ keys[at + KEY_DST1]!;
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) ^ keys[at + KEY_DST0]!;
    }
    return Math.imul(mixed ^ (mixed >>> 15) ^ (keys[at + KEY_PORTS]! & 0xffff), 0x9e3779b1);
  }

  /** Hashes the keys, unless they are. */
  hashAll(queue: KeyQueue): void {
    if (queue.isHashed || this.hasher.hash(queue)) return;
    const { count, keys, hash, reverseHash } = queue;
    for (let slot = 0; slot < count; slot++) {
      hash[slot] = this.hash(keys, slot * SLOT_WORDS);
      reverseHash[slot] = this.reverseHash(keys, slot * SLOT_WORDS, hash[slot]!);
    }
  }

  /**
   * Touches the memory that `find` will need for each of the slots [from, to), whose keys are hashed; of a new flow, the memory
   * that `find` will need for its opposite. The loads do not depend on each other,
   * so that the processor overlaps what would otherwise be one cache miss after the other.
   */
  prepare(queue: KeyQueue, from: number, to: number): void {
    const { index, indexMask, words, slotEntry } = this;
    const { hash, reverseHash } = queue;
    const kernel = this.kernelFor(queue);
    if (kernel !== null) {
      kernel.touchEntries(hash.byteOffset + from * 4, reverseHash.byteOffset + from * 4, to - from, index.byteOffset, indexMask, words.byteOffset, slotEntry);
      return;
    }
    let touched = 0;
    for (let slot = from; slot < to; slot++) {
      const entry = (index[hash[slot]! & indexMask]! || index[reverseHash[slot]! & indexMask]!) & slotEntry;
      if (entry !== 0) touched ^= words[(entry - 1) * ENTRY_WORDS]!;
    }
    this.touched = touched;
  }

  /**
   * Counts packets [from, to) of a prepared queue in the window `ordinal`, which is that of times from `fromUs` on and before
   * `untilUs`, by the kernel: see countPackets in agent/kernel/source. Returns the one at which it stopped: the first one, where
   * the kernel cannot reach everything.
   */
  countPackets(
    queue: KeyQueue, from: number, to: number, packetsSeen: MemoryPiece, ordinal: number, generation: number,
    fromUs: number, untilUs: number, clock: MemoryPiece,
  ): number {
    const kernel = this.kernelFor(queue);
    if (kernel === null || packetsSeen.address === NOWHERE || clock.address === NOWHERE) return from;
    return kernel.countPackets(
      queue.keys.byteOffset, queue.timeUs.byteOffset, queue.hash.byteOffset, from, to,
      this.index.byteOffset, this.indexMask, this.slotEntry, this.slotTag, this.words.byteOffset, this.prefixes.byteOffset,
      packetsSeen.address, ordinal, generation, fromUs, untilUs, clock.address,
    );
  }

  /** Whether there may be an entry with this hash: without the key, whether none is there can be seen in the index alone. */
  mayHave(hash: number): boolean {
    const { index, indexMask, slotTag } = this;
    for (let slot = hash & indexMask; ; slot = (slot + 1) & indexMask) {
      const found = index[slot]!;
      if (found === 0) return false;
      if (((found ^ hash) & slotTag) === 0) return true;
    }
  }

  /** The entry of this key, or NO_ENTRY. */
  find(keys: Int32Array, at: number, hash: number): number {
    const { index, indexMask, words, slotEntry, slotTag } = this;
    let slot = hash & indexMask;
    for (;;) {
      const found = index[slot]!;
      if (found === 0) return NO_ENTRY;
      if (((found ^ hash) & slotTag) === 0) {
        const entry = (found & slotEntry) - 1;
        const base = entry * ENTRY_WORDS;
        if (
          words[base + KEY_SRC3] === keys[at + KEY_SRC3] && words[base + KEY_DST3] === keys[at + KEY_DST3] &&
          words[base + KEY_PORTS] === keys[at + KEY_PORTS] && words[base + KEY_META] === keys[at + KEY_META] &&
          ((keys[at + KEY_META]! & META_IPV6) === 0 || this.hasPrefixes(entry, keys, at))
        ) return entry;
      }
      slot = (slot + 1) & indexMask;
    }
  }

  /** A new entry with this key, which must not be there yet; the table must not be full. All other words are 0. */
  insert(keys: Int32Array, at: number, hash: number): number {
    const entry = this.freedCount > 0 ? this.freed[--this.freedCount]! : this.highWater++;
    if (entry === this.growsAt) this.grow();
    this.size++;
    const { words } = this;
    const base = entry * ENTRY_WORDS;
    words[base + KEY_SRC3] = keys[at + KEY_SRC3]!;
    words[base + KEY_DST3] = keys[at + KEY_DST3]!;
    words[base + KEY_PORTS] = keys[at + KEY_PORTS]!;
    words[base + KEY_META] = keys[at + KEY_META]!;
    words[base + ENTRY_HASH] = hash;
    for (let word = ENTRY_HASH + 1; word < ENTRY_WORDS; word++) words[base + word] = 0;
    if ((keys[at + KEY_META]! & META_IPV6) !== 0) {
      for (let word = 0; word < 6; word++) this.prefixes[entry * PREFIX_WORDS + word] = keys[at + KEY_SRC0 + word]!;
    }
    this.place(entry, hash);
    return entry;
  }

  /** The entry's words and behind them its prefixes, ENTRY_WORDS + PREFIX_WORDS in all, to `saved[at...]`. */
  save(entry: number, saved: Int32Array, at: number): void {
    saved.set(this.words.subarray(entry * ENTRY_WORDS, (entry + 1) * ENTRY_WORDS), at);
    saved.set(this.prefixes.subarray(entry * PREFIX_WORDS, (entry + 1) * PREFIX_WORDS), at + ENTRY_WORDS);
  }

  /** A new entry with what `save` has left at `saved[0...]`; the table must not be full. */
  adopt(saved: Int32Array): number {
    const key = new Int32Array(KEY_WORDS);
    entryKey(saved, 0, saved, ENTRY_WORDS, key);
    const hash = this.hash(key, 0);
    const entry = this.insert(key, 0, hash);
    this.words.set(saved.subarray(0, ENTRY_WORDS), entry * ENTRY_WORDS);
    this.words[entry * ENTRY_WORDS + ENTRY_HASH] = hash;
    return entry;
  }

  /** Takes the entry out; its words stay readable until the next insert. */
  remove(entry: number): void {
    const { index, indexMask, words, slotEntry, slotDistanceShift } = this;
    let slot = words[entry * ENTRY_WORDS + ENTRY_HASH]! & indexMask;
    while ((index[slot]! & slotEntry) !== entry + 1) slot = (slot + 1) & indexMask;
    // backward shift: what follows in the same run moves up where its home slot allows
    for (let next = (slot + 1) & indexMask; index[next] !== 0; next = (next + 1) & indexMask) {
      const found = index[next]!;
      const moved = (found & slotEntry) - 1;
      let distance = (found >>> slotDistanceShift) & MAX_SLOT_DISTANCE;
      if (distance === MAX_SLOT_DISTANCE) distance = (next - words[moved * ENTRY_WORDS + ENTRY_HASH]!) & indexMask;
      const gap = (next - slot) & indexMask;
      if (distance < gap) continue;
      index[slot] = this.slotOf(moved, distance - gap, found);
      slot = next;
    }
    index[slot] = 0;
    words[entry * ENTRY_WORDS + KEY_META] = FREE;
    words[entry * ENTRY_WORDS + ENTRY_STATE] = STATE_DIRTY;
    this.freed[this.freedCount++] = entry;
    this.size--;
  }

  isInUse(entry: number): boolean {
    return this.words[entry * ENTRY_WORDS + KEY_META] !== FREE;
  }

  /**
   * Entries to give up when the table is full, as many as `chosen` has room for: each the one seen longest ago among the
   * next few under a hand that goes round the pool, so that each choice costs the same. Touches what `remove` will need.
   */
  oldest(chosen: Int32Array): void {
    for (let i = 0; i < chosen.length; i++) chosen[i] = this.oldestUnderHand();
    let touched = 0;
    for (let i = 0; i < chosen.length; i++) touched ^= this.index[this.words[chosen[i]! * ENTRY_WORDS + ENTRY_HASH]! & this.indexMask]!;
    this.touched = touched;
  }

  /** Touches what `remove`, and a look for the opposite, will need of entries [from, to), as `prepare` does for `find`. */
  touch(from: number, to: number): void {
    const { words, index, indexMask } = this;
    let touched = 0;
    for (let entry = from; entry < to; entry++) touched ^= index[words[entry * ENTRY_WORDS + ENTRY_HASH]! & indexMask]!;
    this.touched = touched;
  }

  private oldestUnderHand(): number {
    const { words, doubles, highWater } = this;
    let oldest = NO_ENTRY;
    let oldestUs = Infinity;
    while (oldest === NO_ENTRY) {
      for (let looked = 0; looked < EVICTION_SAMPLE; looked++) {
        const entry = this.hand;
        this.hand = entry + 1 === highWater ? 0 : entry + 1;
        const lastUs = doubles[entry * ENTRY_DOUBLES + ENTRY_LAST_US]!;
        if (words[entry * ENTRY_WORDS + KEY_META] === FREE || lastUs >= oldestUs) continue;
        oldestUs = lastUs;
        oldest = entry;
      }
    }
    return oldest;
  }

  /** Null where it cannot reach the queue or the table. */
  private kernelFor(queue: KeyQueue): Kernel | null {
    return queue.address === NOWHERE ? null : this.kernel;
  }

  private newIndex(slots: number): Int32Array {
    const piece = this.memory.take(slots * 4);
    if (piece.address === NOWHERE) this.kernel = null;
    return new Int32Array(piece.buffer, piece.offset, slots);
  }

  /** Moves all entries to an index for the whole capacity. */
  private grow(): void {
    const entries = this.growsAt;
    const slots = this.slotEntry + 1;
    this.index = this.newIndex(slots);
    this.indexMask = slots - 1;
    this.growsAt = this.capacity;
    for (let entry = 0; entry < entries; entry++) {
      if (this.isInUse(entry)) this.place(entry, this.words[entry * ENTRY_WORDS + ENTRY_HASH]!);
    }
  }

  /** Into the index, which does not have it yet. */
  private place(entry: number, hash: number): void {
    const { index, indexMask } = this;
    let slot = hash & indexMask;
    let distance = 0;
    while (index[slot] !== 0) {
      slot = (slot + 1) & indexMask;
      distance++;
    }
    index[slot] = this.slotOf(entry, distance, hash);
  }

  private slotOf(entry: number, distance: number, hash: number): number {
    return (hash & this.slotTag) | (Math.min(distance, MAX_SLOT_DISTANCE) << this.slotDistanceShift) | (entry + 1);
  }

  private hasPrefixes(entry: number, keys: Int32Array, at: number): boolean {
    const prefixes = this.prefixes;
    const prefix = entry * PREFIX_WORDS;
    return (
      prefixes[prefix] === keys[at + KEY_SRC0] && prefixes[prefix + 1] === keys[at + KEY_SRC1] &&
      prefixes[prefix + 2] === keys[at + KEY_SRC2] && prefixes[prefix + 3] === keys[at + KEY_DST0] &&
      prefixes[prefix + 4] === keys[at + KEY_DST1] && prefixes[prefix + 5] === keys[at + KEY_DST2]
    );
  }
}

const EVICTION_SAMPLE = 8;
