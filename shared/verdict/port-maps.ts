/** A range of ports and what stands for it; of several values the lowest wins. */
export interface PortValue {
  readonly from: number;
  readonly to: number;
  readonly value: number;
}

/** Larger than any value. */
export const NO_VALUE = 0x7fffffff;

const MAX_PORT = 0xffff;
/** Words before a map's bounds: count of intervals, offset of its index or 0, the caller's tag. */
const MAP_HEADER = 3;
/** From this many intervals on, a map has an index by the upper eight bits of the port. */
const INDEXED_INTERVALS = 24;

/**
 * Many maps from port to number in one flat array. A map is known by its offset: header, then the bounds of its
 * intervals (each reaches to the next; the first is 0), then their values.
 */
export class PortMaps {
  private building: number[] = [];
  private data = new Int32Array(0);

  /** Adds a map and returns its offset; only before `seal`. */
  add(ranges: readonly PortValue[], tag = 0): number {
    const points = edgesOf(ranges);
    const lowest = new Int32Array(points.length).fill(NO_VALUE);
    // The lowest value is painted last, over all others.
    for (const range of ranges.toSorted((a, b) => b.value - a.value)) {
      lowest.fill(range.value, positionOf(points, range.from), range.to < MAX_PORT ? positionOf(points, range.to + 1) : points.length);
    }
    const bounds: number[] = [];
    const values: number[] = [];
    for (let index = 0; index < points.length; index++) {
      if (index > 0 && lowest[index] === lowest[index - 1]) continue;
      bounds.push(points[index]!);
      values.push(lowest[index]!);
    }
    const data = this.building;
    const map = data.length;
    data.push(bounds.length, 0, tag);
    for (const bound of bounds) data.push(bound);
    for (const value of values) data.push(value);
    if (bounds.length >= INDEXED_INTERVALS) {
      data[map + 1] = data.length;
      for (let upper = 0; upper <= 256; upper++) data.push(positionOf(bounds, upper << 8));
    }
    return map;
  }

  seal(): void {
    this.data = Int32Array.from(this.building);
    this.building = [];
  }

  tag(map: number): number {
    return this.data[map + 2]!;
  }

  /** The map's value for the port, NO_VALUE if it has none. */
  find(map: number, port: number): number {
    const data = this.data;
    const intervals = data[map]!;
    const index = data[map + 1]!;
    let low = map + MAP_HEADER;
    let count = intervals;
    if (index !== 0) {
      const at = index + (port >>> 8);
      count = data[at + 1]! - data[at]! + 1;
      low += data[at]!;
    }
    while (count > 1) {
      const half = count >> 1;
      // -1 where the bound is not above the port, else 0: a branch would be guessed wrong half of the time.
      low += half & (data[low + half]! - port - 1) >> 31;
      count -= half;
    }
    return data[low + intervals]!;
  }
}

/** Where something begins or ends, ascending, 0 first. */
export function edgesOf(ranges: readonly { readonly from: number; readonly to: number }[]): number[] {
  const edges = [0];
  for (const { from, to } of ranges) {
    edges.push(from);
    if (to < MAX_PORT) edges.push(to + 1);
  }
  edges.sort((a, b) => a - b);
  return edges.filter((edge, index) => index === 0 || edge !== edges[index - 1]);
}

/** The position of the last bound that is not above the port. */
export function positionOf(bounds: readonly number[], port: number): number {
  let low = 0;
  let count = bounds.length;
  while (count > 1) {
    const half = count >> 1;
    if (bounds[low + half]! <= port) low += half;
    count -= half;
  }
  return low;
}
