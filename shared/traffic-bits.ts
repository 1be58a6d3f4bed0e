import type { TrafficType } from './topology/topology.ts';

/** A traffic type as the set of actions whose packets are recorded. */
export const RECORDS_ACCEPT = 1;
export const RECORDS_REJECT = 2;
export const RECORDS_BITS = RECORDS_ACCEPT | RECORDS_REJECT;

/** By bits; null: neither. */
const TYPES: readonly (TrafficType | null)[] = [null, 'Allow', 'Drop', 'All'];

export function trafficBits(type: TrafficType | null): number {
  return TYPES.indexOf(type);
}

export function trafficTypeOf(bits: number): TrafficType | null {
  return TYPES[bits & RECORDS_BITS]!;
}

/** What is recorded where either type asks for less; null: nothing. */
export function commonTrafficType(a: TrafficType | null, b: TrafficType | null): TrafficType | null {
  return trafficTypeOf(trafficBits(a) & trafficBits(b));
}
