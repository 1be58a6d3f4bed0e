import { NO_VALUE, type PortMaps, type PortValue } from './port-maps.ts';

const MAX_PORT = 0xffff;

/** A rectangle of source and destination ports. */
export interface PortRectangle extends PortValue {
  readonly sourceFrom: number;
  readonly sourceTo: number;
}

/**
 * Finds the lowest value among rectangles that hold a point: a segment tree over destination ports, in which each
 * node has a map over source ports. n rectangles take O(n log n) memory and a search O(log^2 n) time.
 */
export class PortPlane {
  /** Lowest value of all: a caller that has a lower one need not search. */
  readonly lowest: number;
  /** From destination port to leaf. */
  private readonly leafMap: number;
  private readonly leaves: number;
  /** By node, 1 is the root and the leaves are the last half; -1: no rectangle ends here. */
  private readonly nodeMaps: Int32Array;
  private readonly maps: PortMaps;

  constructor(rectangles: readonly PortRectangle[], maps: PortMaps) {
    this.maps = maps;
    this.lowest = rectangles.reduce((lowest, rectangle) => Math.min(lowest, rectangle.value), NO_VALUE);
    const edges = new Set([0]);
    for (const { from, to } of rectangles) {
      edges.add(from);
      if (to < MAX_PORT) edges.add(to + 1);
    }
    const points = Int32Array.from(edges).sort();
    const indexOf = new Map<number, number>();
    points.forEach((point, index) => indexOf.set(point, index));
    this.leaves = points.length;
    this.leafMap = maps.add(Array.from(points, (from, index) => ({ from, to: (points[index + 1] ?? MAX_PORT + 1) - 1, value: index })));
    const inNode = new Map<number, PortValue[]>();
    for (const rectangle of rectangles) {
      const end = rectangle.to < MAX_PORT ? indexOf.get(rectangle.to + 1)! : points.length;
      this.cover(indexOf.get(rectangle.from)!, end, { from: rectangle.sourceFrom, to: rectangle.sourceTo, value: rectangle.value }, inNode);
    }
    this.nodeMaps = new Int32Array(this.leaves * 2).fill(-1);
    for (const [node, ranges] of inNode) this.nodeMaps[node] = maps.add(ranges);
  }

  /** Puts the range into the fewest nodes that make up the leaves [start, end). */
  private cover(start: number, end: number, range: PortValue, inNode: Map<number, PortValue[]>): void {
    const put = (node: number): void => {
      const ranges = inNode.get(node);
      if (ranges) ranges.push(range);
      else inNode.set(node, [range]);
    };
    for (let left = start + this.leaves, right = end + this.leaves; left < right; left >>= 1, right >>= 1) {
      if (left & 1) put(left++);
      if (right & 1) put(--right);
    }
  }

  find(sourcePort: number, port: number): number {
    let lowest = NO_VALUE;
    for (let node = this.maps.find(this.leafMap, port) + this.leaves; node > 0; node >>= 1) {
      const map = this.nodeMaps[node]!;
      if (map < 0) continue;
      const value = this.maps.find(map, sourcePort);
      if (value < lowest) lowest = value;
    }
    return lowest;
  }
}
