import { NO_ENI, type PlacedEni } from './decode/eni-match.ts';
import type { Eni, Topology } from '../shared/topology/topology.ts';

/**
 * The ENIs of a pipeline by index. An ENI keeps its index for ever: records, verdicts and connections refer to it. One
 * that has left the topology stays in `enis` and is no longer watched.
 */
export class WatchedEnis {
  /** Grows; an ENI whose attributes change is replaced in its place. */
  readonly enis: Eni[] = [];
  private readonly indexes = new Map<string, number>();
  private watched = new Set<number>();

  constructor(topology: Topology) {
    this.revise(topology);
  }

  revise(topology: Topology): void {
    this.watched = new Set();
    for (const eni of topology.enis) {
      let index = this.indexes.get(eni.eniId);
      if (index === undefined) this.indexes.set(eni.eniId, (index = this.enis.length));
      this.enis[index] = eni;
      this.watched.add(index);
    }
  }

  /** NO_ENI where there never was one of that id. */
  find(eniId: string): number {
    return this.indexes.get(eniId) ?? NO_ENI;
  }

  indexOf(eniId: string): number {
    const index = this.find(eniId);
    if (index === NO_ENI) throw new Error(`${eniId} has never been in the topology`);
    return index;
  }

  isWatched(index: number): boolean {
    return this.watched.has(index);
  }

  get placed(): PlacedEni[] {
    return this.enis.map((eni, index) => ({ eni, index })).filter(({ index }) => this.watched.has(index));
  }

  /** By index: 1 where packets have a direction, 0 where the ENI takes every packet as `in`. */
  get hasDirection(): Uint8Array {
    return Uint8Array.from(this.enis, (eni) => (eni.mac === null && eni.addresses.length === 0 ? 0 : 1));
  }
}
