import type { PacketBatch } from '../../shared/packet-batch.ts';
import type { LinkCounters } from '../capture/live/network-link.ts';

/** How long packets from before the reading of the counters may still come out of the ring. */
export const SETTLE_US = 500_000;

/** Packets that have passed by the interface's counters; on loopback each counts as received and as sent. */
export function passedPackets(counters: LinkCounters, isLoopback: boolean): number {
  return counters.rxPackets + (isLoopback ? 0 : counters.txPackets);
}

/**
 * How many packets passed an interface before its source was open: the interface counted them, and the source did not
 * hand them out.
 */
export class GapMeasure {
  private readonly countedPackets: number;
  private readonly readAtUs: number;
  private handedOut = 0;

  /** `countedAfter` was read at `readAtUs`, once the source was open. */
  constructor(countedBefore: number, countedAfter: number, readAtUs: number) {
    this.countedPackets = countedAfter - countedBefore;
    this.readAtUs = readAtUs;
  }

  /** Packets that the source has handed out. */
  see(batch: PacketBatch): void {
    for (let i = 0; i < batch.count; i++) if (batch.timeUs[i]! <= this.readAtUs) this.handedOut++;
  }

  isSettled(nowUs: number): boolean {
    return nowUs - this.readAtUs > SETTLE_US;
  }

  get packets(): number {
    return Math.max(0, this.countedPackets - this.handedOut);
  }
}
