import { NONE, STATUS_NODATA, STATUS_SKIPDATA } from './records.ts';
import { lostPackets, type Seal } from './seal.ts';

/** A row that states something about a window of an ENI instead of a flow. */
export interface StatusRow {
  /** STATUS_NODATA or STATUS_SKIPDATA. */
  readonly status: number;
  /** Packets that were not recorded; NONE: unknown, and on NODATA. */
  readonly skippedPackets: number;
}

/**
 * The row that a seal gives rise to, beside the records it counts; null where the records say it all. Replay and
 * publisher both derive it here, so that both print the same.
 *
 * SKIPDATA where the seal admits loss or cannot exclude it; NODATA where no IP packet was seen: frames without IP are
 * outside of what a flow log records, and packets that the traffic type left out were traffic.
 */
export function statusRow(seal: Seal): StatusRow | null {
  if (seal.ringDrops === null || seal.gapPackets === null) return { status: STATUS_SKIPDATA, skippedPackets: NONE };
  const lost = lostPackets(seal);
  if (lost > 0) return { status: STATUS_SKIPDATA, skippedPackets: lost };
  if (seal.packetsSeen === seal.nonIpPackets) return { status: STATUS_NODATA, skippedPackets: NONE };
  return null;
}
