import { NO_VALUE, edgesOf, positionOf, type PortMaps, type PortValue } from './port-maps.ts';

const MAX_PORT = 0xffff;
const NO_MAP = -1;

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
  private readonly maps: PortMaps;
  /** From destination port to leaf. */
  private readonly leafMap: number;
  private readonly leaves: number;
  /** By node, 1 is the root and the leaves are the last half; NO_MAP where no rectangle ends. */
  private readonly nodeMaps: Int32Array;
  /** By node: the lowest value in its map. */
  private readonly nodeLowest: Int32Array;

  constructor(rectangles: readonly PortRectangle[], maps: PortMaps) {
    this.maps = maps;
    const points = edgesOf(rectangles);
    this.leaves = points.length;
    this.leafMap = maps.add(points.map((from, index) => ({ from, to: (points[index + 1] ?? MAX_PORT + 1) - 1, value: index })));
    const inNode = new Map<number, PortValue[]>();
    for (const rectangle of rectangles) {
      const start = positionOf(points, rectangle.from);
      const end = rectangle.to < MAX_PORT ? positionOf(points, rectangle.to + 1) : points.length;
      this.cover(start, end, { from: rectangle.sourceFrom, to: rectangle.sourceTo, value: rectangle.value }, inNode);
    }
    this.nodeMaps = new Int32Array(this.leaves * 2).fill(NO_MAP);
    this.nodeLowest = new Int32Array(this.leaves * 2).fill(NO_VALUE);
    for (const [node, ranges] of inNode) {
      this.nodeMaps[node] = maps.add(ranges);
      this.nodeLowest[node] = ranges.reduce((lowest, range) => Math.min(lowest, range.value), NO_VALUE);
    }
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

  /** The lowest value below `limit`, else `limit`. */
  find(sourcePort: number, port: number, limit: number): number {
    let lowest = limit;
    for (let node = this.maps.find(this.leafMap, port) + this.leaves; node > 0; node >>= 1) {
      if (this.nodeLowest[node]! >= lowest) continue;
      const value = this.maps.find(this.nodeMaps[node]!, sourcePort);
      if (value < lowest) lowest = value;
    }
    return lowest;
  }
}
