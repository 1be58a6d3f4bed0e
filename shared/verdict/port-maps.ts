/** A range of ports and what stands for it; of several values the lowest wins. */
export interface PortValue {
  readonly from: number;
  readonly to: number;
  readonly value: number;
}

/** Larger than any value. */
export const NO_VALUE = 0x7fffffff;

const MAX_PORT = 0xffff;

/**
 * Many maps from port to number in two flat arrays. A map is a run of intervals, each from its bound to the next
 * one's; the first bound is 0.
 */
export class PortMaps {
  private building: { starts: number[]; bounds: number[]; values: number[] } | null = { starts: [0], bounds: [], values: [] };
  private starts = new Int32Array(0);
  private bounds = new Int32Array(0);
  private values = new Int32Array(0);

  /** Adds a map and returns its number; only before `seal`. */
  add(ranges: readonly PortValue[]): number {
    const { starts, bounds, values } = this.building!;
    const edges = new Set([0]);
    for (const range of ranges) {
      edges.add(range.from);
      if (range.to < MAX_PORT) edges.add(range.to + 1);
    }
    const points = Int32Array.from(edges).sort();
    const indexOf = new Map<number, number>();
    points.forEach((point, index) => indexOf.set(point, index));
    const lowest = new Int32Array(points.length).fill(NO_VALUE);
    // The lowest value is painted last, over all others.
    for (const range of ranges.toSorted((a, b) => b.value - a.value)) {
      lowest.fill(range.value, indexOf.get(range.from)!, range.to < MAX_PORT ? indexOf.get(range.to + 1)! : points.length);
    }
    for (let index = 0; index < points.length; index++) {
      if (index > 0 && lowest[index] === lowest[index - 1]) continue;
      bounds.push(points[index]!);
      values.push(lowest[index]!);
    }
    starts.push(bounds.length);
    return starts.length - 2;
  }

  seal(): void {
    const { starts, bounds, values } = this.building!;
    this.starts = Int32Array.from(starts);
    this.bounds = Int32Array.from(bounds);
    this.values = Int32Array.from(values);
    this.building = null;
  }

  /** The map's value for the port, NO_VALUE if it has none. */
  find(map: number, port: number): number {
    const bounds = this.bounds;
    let low = this.starts[map]!;
    let count = this.starts[map + 1]! - low;
    while (count > 1) {
      const half = count >> 1;
      if (bounds[low + half]! <= port) low += half;
      count -= half;
    }
    return this.values[low]!;
  }
}
