import type { PacketBatch } from '../../shared/packet-batch.ts';
import type { Clocks } from './clock-watch.ts';
import type { LinkCounters } from '../capture/live/network-link.ts';

/** How long packets from before the reading of the counters may still come out of the ring. */
export const SETTLE_US = 500_000;

/** Packets that have passed by the interface's counters; on loopback each counts as received and as sent. */
export function passedPackets(counters: LinkCounters, isLoopback: boolean): number {
  return counters.rxPackets + (isLoopback ? 0 : counters.txPackets);
}

/** The interface's packet counter, read at a time (Unix microseconds) after its source was open. */
export interface CounterReading {
  readonly packets: number;
  readonly atUs: number;
}

/** Enough for bursts with pauses of a millisecond; under a stream without pauses a packet or two stay uncertain. */
const MAX_READINGS = 50;

/**
 * Reads the counter at a moment when no packet passes, so that each is on one side of it by the counter and by its time.
 * The wall clock has a grain of a millisecond: the moment is one at which it ticks. null where the counter is gone.
 */
export function readBetweenPackets(read: () => number | null, clocks: Pick<Clocks, 'wallUs'>): CounterReading | null {
  for (let readings = 1; ; readings++) {
    const before = read();
    const grainUs = clocks.wallUs();
    let atUs = grainUs;
    while (atUs === grainUs) atUs = clocks.wallUs();
    const after = read();
    if (before === null || after === null) return null;
    if (before === after || readings === MAX_READINGS) return { packets: after, atUs };
  }
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
