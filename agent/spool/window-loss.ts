import { addSeals } from '../../shared/seal.ts';
import type { WireSeal } from '../../shared/wire/wire-seal.ts';

/** What is lost of windows, as the seals that state it: one of each ENI and window. */
export class WindowLoss {
  private readonly byWindow = new Map<string, WireSeal>();

  constructor(seals: Iterable<WireSeal> = []) {
    this.add(seals);
  }

  get isEmpty(): boolean {
    return this.byWindow.size === 0;
  }

  get seals(): WireSeal[] {
    return [...this.byWindow.values()];
  }

  add(seals: Iterable<WireSeal>): void {
    for (const seal of seals) {
      const key = `${seal.windowStart} ${seal.windowSeconds} ${seal.eniId}`;
      const known = this.byWindow.get(key);
      this.byWindow.set(key, known ? addSeals(known, seal) : seal);
    }
  }
}

/** A seal that says nothing but that so much of the window was dropped on the way. */
export function droppedRows(of: WireSeal, records: number, packets: number): WireSeal {
  return { ...emptySeal(of), droppedRecords: records, droppedPackets: packets };
}

/** A seal that says nothing but that nobody knows what is missing. */
export function unknownLoss(of: WireSeal): WireSeal {
  return { ...emptySeal(of), gapPackets: null };
}

/** Adding it to another one changes nothing. */
export function emptySeal(of: WireSeal): WireSeal {
  return {
    ...of, records: 0, packets: 0, bytes: 0, packetsSeen: 0, filteredPackets: 0, nonIpPackets: 0, undecodable: {}, latePackets: 0,
    overflowPackets: 0, droppedRecords: 0, droppedPackets: 0, ringDrops: 0, gapPackets: 0, partial: false, trafficType: 'All',
  };
}

export interface LossSum {
  readonly rows: number;
  readonly packets: number;
  /** Unix seconds, of the first and the last. */
  readonly firstStart: number;
  readonly lastStart: number;
  /** ENIs times windows. */
  readonly windows: number;
}

export function sumOf(seals: readonly WireSeal[]): LossSum {
  const sum = { rows: 0, packets: 0, firstStart: Infinity, lastStart: -Infinity, windows: seals.length };
  for (const { droppedRecords, droppedPackets, windowStart } of seals) {
    sum.rows += droppedRecords;
    sum.packets += droppedPackets;
    sum.firstStart = Math.min(sum.firstStart, windowStart);
    sum.lastStart = Math.max(sum.lastStart, windowStart);
  }
  return sum;
}
