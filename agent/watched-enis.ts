import { isMembersEni } from '../shared/topology/members-eni.ts';
import { trafficBits } from '../shared/traffic-bits.ts';
import type { Eni, Topology, TrafficType } from '../shared/topology/topology.ts';
import { NO_ENI, type PlacedEni } from './decode/eni-match.ts';

/** What is recorded of which ENI; null: the same of every ENI of the topology. */
export type WatchList = ReadonlyMap<string, TrafficType> | null;

/** In `WatchedEnis.watch`, beside the bits of the traffic type. */
export const IS_WATCHED = 4;

/**
 * The ENIs of a pipeline by index. An ENI keeps its index for ever: records, verdicts and connections refer to it. One
 * that has left the topology or the list stays in `enis` and is no longer watched. ENIs that stand for the members of
 * groups never are.
 */
export class WatchedEnis {
  /** Grows; an ENI whose attributes change is replaced in its place. */
  readonly enis: Eni[] = [];
  /** By index: IS_WATCHED and the bits of the traffic type; 0 where the ENI is not watched. */
  watch: Uint8Array = new Uint8Array(0);
  private readonly indexes = new Map<string, number>();
  private readonly trafficType: TrafficType;

  /** `trafficType`: of all ENIs where there is no list. */
  constructor(topology: Topology, list: WatchList = null, trafficType: TrafficType = 'All') {
    this.trafficType = trafficType;
    this.revise(topology, list);
  }

  revise(topology: Topology, list: WatchList): void {
    for (const eni of topology.enis) {
      let index = this.indexes.get(eni.eniId);
      if (index === undefined) this.indexes.set(eni.eniId, (index = this.enis.length));
      this.enis[index] = eni;
    }
    const watch = new Uint8Array(this.enis.length);
    for (const { eniId } of topology.enis) {
      const trafficType = list === null ? this.trafficType : list.get(eniId);
      if (trafficType !== undefined && !isMembersEni(eniId)) watch[this.indexOf(eniId)] = trafficBits(trafficType) | IS_WATCHED;
    }
    this.watch = watch;
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

  get placed(): PlacedEni[] {
    return this.enis.map((eni, index) => ({ eni, index })).filter(({ index }) => (this.watch[index]! & IS_WATCHED) !== 0);
  }

  /** By index: 1 where packets have a direction, 0 where the ENI takes every packet as `in`. */
  get hasDirection(): Uint8Array {
    return Uint8Array.from(this.enis, (eni) => (eni.mac === null && eni.addresses.length === 0 ? 0 : 1));
  }
}
