import type { PacketBatch } from '../../shared/packet-batch.ts';
import type { LinkCounters } from '../capture/live/network-link.ts';

/** How long packets from before the reading of the counters may still come out of the ring. */
const SETTLE_US = 500_000;

/**
 * How many packets passed an interface before its source was open: the interface counted them, and the source did not
 * hand them out.
 */
export class GapMeasure {
  private readonly countedPackets: number;
  private readonly readAtUs: number;
  private handedOut = 0;

  /** `after` was read at `readAtUs`, once the source was open. */
  constructor(before: LinkCounters, after: LinkCounters, readAtUs: number, isLoopback: boolean) {
    const passed = (counters: LinkCounters): number => counters.rxPackets + (isLoopback ? 0 : counters.txPackets);
    this.countedPackets = passed(after) - passed(before);
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
