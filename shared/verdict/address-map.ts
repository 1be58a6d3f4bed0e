import type { AddressBlock } from './peer-set.ts';

/** Flips the top bit, so that signed comparison orders words as unsigned numbers. */
const SIGN = 0x80000000 | 0;
const WORD_MASK = 0xffffffffn;
const FIRST_IPV4 = 0xffff00000000n;

/** Marks the blocks that CIDRs are: two of them either nest or have nothing in common. */
export interface NestedBlock<T> {
  readonly block: AddressBlock;
  readonly content: T;
}

export interface AddressInterval {
  readonly first: bigint;
  readonly value: number;
}

/**
 * Cuts the address space of one family into intervals of equal value. `enter` gives the value inside a block from
 * that around it; `outside` is the value around all blocks. Each block must be given once.
 */
export function nestedIntervals<T>(
  blocks: readonly NestedBlock<T>[], family: 4 | 6, outside: number, enter: (around: number, content: T) => number,
): AddressInterval[] {
  const start = family === 4 ? FIRST_IPV4 : 0n;
  const end = family === 4 ? FIRST_IPV4 + WORD_MASK : (1n << 128n) - 1n;
  const sorted = blocks.toSorted((a, b) => compare(a.block.first, b.block.first) || compare(b.block.last, a.block.last));
  const intervals: AddressInterval[] = [];
  const put = (first: bigint, value: number): void => {
    if (first > end) return;
    while (intervals.length > 0 && intervals[intervals.length - 1]!.first === first) intervals.pop();
    if (intervals[intervals.length - 1]?.value !== value) intervals.push({ first, value });
  };
  put(start, outside);
  const open: { last: bigint; value: number }[] = [];
  const around = (): number => open[open.length - 1]?.value ?? outside;
  const closeBefore = (address: bigint): void => {
    while (open.length > 0 && open[open.length - 1]!.last < address) {
      const { last } = open.pop()!;
      put(last + 1n, around());
    }
  };
  for (const { block, content } of sorted) {
    closeBefore(block.first);
    const value = enter(around(), content);
    open.push({ last: block.last, value });
    put(block.first, value);
  }
  closeBefore(end + 1n);
  return intervals;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** From this many intervals on, there is an index by the upper half of the address. */
const INDEXED_INTERVALS = 256;

/** From IPv4 address to number, by its word. */
export class Ipv4Map {
  /** Two words an interval, so that both come with one cache line: its first address, its value. */
  private readonly intervals: Int32Array;
  private readonly count: number;
  /** By upper half of the address: how many intervals begin below it. Empty for few intervals. */
  private readonly below: Int32Array;

  constructor(intervals: readonly AddressInterval[]) {
    this.count = intervals.length;
    this.intervals = Int32Array.from(intervals.flatMap(({ first, value }) => [wordOf(first, 3) ^ SIGN, value]));
    this.below = new Int32Array(intervals.length < INDEXED_INTERVALS ? 0 : 65537);
    for (const { first } of this.below.length === 0 ? [] : intervals) this.below[(wordOf(first, 3) >>> 16) + 1]!++;
    for (let upper = 1; upper < this.below.length; upper++) this.below[upper]! += this.below[upper - 1]!;
  }

  find(word: number): number {
    return this.below.length === 0 ? this.search(word ^ SIGN) : this.searchIndexed(word);
  }

  private search(address: number): number {
    const intervals = this.intervals;
    let low = 0;
    let count = this.count;
    while (count > 1) {
      const half = count >> 1;
      if (intervals[(low + half) * 2]! <= address) low += half;
      count -= half;
    }
    return intervals[low * 2 + 1]!;
  }

  /** All intervals that are compared begin in the address's own 65536, so the lower halves decide, without a branch. */
  private searchIndexed(word: number): number {
    const { intervals, below } = this;
    const lower = word & 0xffff;
    let low = below[word >>> 16]! - 1;
    let count = below[(word >>> 16) + 1]! - low;
    while (count > 1) {
      const half = count >> 1;
      low += half & ((intervals[(low + half) * 2]! & 0xffff) - lower - 1) >> 31;
      count -= half;
    }
    return intervals[low * 2 + 1]!;
  }
}

/** From IPv6 address to number, by its four words. */
export class Ipv6Map {
  /** Four words an interval. */
  private readonly bounds: Int32Array;
  private readonly values: Int32Array;

  constructor(intervals: readonly AddressInterval[]) {
    this.bounds = Int32Array.from(intervals.flatMap(({ first }) => [0, 1, 2, 3].map((word) => wordOf(first, word) ^ SIGN)));
    this.values = Int32Array.from(intervals, ({ value }) => value);
  }

  find(word0: number, word1: number, word2: number, word3: number): number {
    const bounds = this.bounds;
    const address0 = word0 ^ SIGN;
    const address1 = word1 ^ SIGN;
    const address2 = word2 ^ SIGN;
    const address3 = word3 ^ SIGN;
    let low = 0;
    let count = this.values.length;
    while (count > 1) {
      const half = count >> 1;
      const at = (low + half) * 4;
      const order = bounds[at]! !== address0 ? bounds[at]! < address0
        : bounds[at + 1]! !== address1 ? bounds[at + 1]! < address1
        : bounds[at + 2]! !== address2 ? bounds[at + 2]! < address2
        : bounds[at + 3]! <= address3;
      if (order) low += half;
      count -= half;
    }
    return this.values[low]!;
  }
}

function wordOf(address: bigint, word: number): number {
  return Number(address >> BigInt(96 - word * 32) & WORD_MASK) | 0;
}
