import type { TrafficType } from './topology/topology.ts';
import { commonTrafficType } from './traffic-bits.ts';

/**
 * What an agent states about one ENI and one closed window.
 *
 * I1. packetsSeen = packets + filteredPackets + nonIpPackets + the sum of the losses (see `lostPackets`), to the packet.
 *     Ring drops and the gap were never seen by the agent, so they stand outside of packetsSeen; dropped rows were made,
 *     so their packets are among `packets`.
 */
export interface Seal {
  agentId: string;
  eniId: string;
  /** Unix seconds, a multiple of windowSeconds. */
  windowStart: number;
  windowSeconds: number;
  /** Rows that the agent has sent for this ENI and window. */
  records: number;
  /** Packets and IP bytes in those rows. */
  packets: number;
  bytes: number;
  /** Packets that the source delivered for this ENI with a time in this window, late ones included. */
  packetsSeen: number;
  /** Packets that the traffic type asked for leaves out. */
  filteredPackets: number;
  /** Frames that carry no IP (ARP, STP, LLDP ...): outside of what a flow log records, so no loss. */
  nonIpPackets: number;
  /** Packets that claim to be IP and could not be decoded, by reason. */
  undecodable: Record<string, number>;
  /** Packets that came after their window had closed. */
  latePackets: number;
  /** Packets that could not be kept because a bounded structure was full. */
  overflowPackets: number;
  /** Of `records`, rows that did not get to the collector because the agent had no room to keep them, and their packets. */
  droppedRecords: number;
  droppedPackets: number;
  /** Packets that the kernel dropped before the agent could read them; null: the source cannot tell. */
  ringDrops: number | null;
  /** Packets that went by while the agent was not running; null: unknown. */
  gapPackets: number | null;
  /** Rule-set revision in force when the window closed. */
  revision: number;
  /** The ENI was not watched for all of the window's time: the agent stopped, the flow log was disabled, the width changed. */
  partial: boolean;
  /** What was recorded as long as the ENI was watched: where the type has changed, what all had in common; null: nothing. */
  trafficType: TrafficType | null;
}

/** Packets of the window that no row holds although they should be in one. */
export function lostPackets(seal: Seal): number {
  let lost = seal.latePackets + seal.overflowPackets + seal.droppedPackets + (seal.ringDrops ?? 0) + (seal.gapPackets ?? 0);
  for (const reason in seal.undecodable) lost += seal.undecodable[reason] ?? 0;
  return lost;
}

/**
 * Two seals of one agent for one ENI and the same packets' time: of two workers, of a window that closed twice, or of
 * two windows that are rolled up into one. Counts add up, an unknown loss stays unknown, what was partial stays
 * partial, of the traffic types the common part stays; the rest is the second one's.
 */
export function addSeals<S extends Seal>(a: S, b: S): S {
  // by way of a map: reasons come from outside, and an object has names of its own
  const undecodable = new Map(Object.entries(a.undecodable));
  for (const [reason, packets] of Object.entries(b.undecodable)) undecodable.set(reason, (undecodable.get(reason) ?? 0) + packets);
  return {
    ...b,
    undecodable: Object.fromEntries(undecodable),
    records: a.records + b.records,
    packets: a.packets + b.packets,
    bytes: a.bytes + b.bytes,
    packetsSeen: a.packetsSeen + b.packetsSeen,
    filteredPackets: a.filteredPackets + b.filteredPackets,
    nonIpPackets: a.nonIpPackets + b.nonIpPackets,
    latePackets: a.latePackets + b.latePackets,
    overflowPackets: a.overflowPackets + b.overflowPackets,
    droppedRecords: a.droppedRecords + b.droppedRecords,
    droppedPackets: a.droppedPackets + b.droppedPackets,
    ringDrops: a.ringDrops === null || b.ringDrops === null ? null : a.ringDrops + b.ringDrops,
    gapPackets: a.gapPackets === null || b.gapPackets === null ? null : a.gapPackets + b.gapPackets,
    revision: Math.max(a.revision, b.revision),
    partial: a.partial || b.partial,
    trafficType: commonTrafficType(a.trafficType, b.trafficType),
  };
}
