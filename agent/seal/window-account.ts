import { Records } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import { restoreRows, saveRows, type SavedWindow } from '../checkpoint/saved-state.ts';
import { PACKET_STATUS_NAMES, STATUS_DECODED, STATUS_NON_IP } from '../decode/packet-status.ts';

const STATUSES = PACKET_STATUS_NAMES.length;

/**
 * What is known about one open window: rows that are already complete, and per ENI the counters of its seal.
 *
 * I1. `packetsSeen` is counted where packets come in, rows and losses where they go to: the seal's equation compares
 *     two independent counts.
 */
export class WindowAccount {
  /** Window number: Unix seconds / width. */
  readonly number: number;
  readonly windowStart: number;
  readonly windowSeconds: number;
  /** Rows taken out of the flow table before the window closed; replaced when they are handed on. */
  rows: Records;
  /** Nobody watched from some moment on until after its end. */
  wasCutOff = false;
  /** Rows of one key may have been written more than once. */
  needsMerge = false;
  packetsSeen: Float64Array;
  latePackets: Float64Array;
  filteredPackets: Float64Array;
  records: Float64Array;
  packets: Float64Array;
  bytes: Float64Array;
  /** NaN: the source cannot know. */
  ringDrops: Float64Array;
  gapPackets: Float64Array;
  /** STATUSES numbers an ENI. */
  private byStatus: Float64Array;

  constructor(number: number, windowSeconds: number, enis: number) {
    this.number = number;
    this.windowSeconds = windowSeconds;
    this.windowStart = number * windowSeconds;
    this.rows = new Records(this.windowStart, windowSeconds);
    this.packetsSeen = new Float64Array(enis);
    this.latePackets = new Float64Array(enis);
    this.filteredPackets = new Float64Array(enis);
    this.records = new Float64Array(enis);
    this.packets = new Float64Array(enis);
    this.bytes = new Float64Array(enis);
    this.ringDrops = new Float64Array(enis);
    this.gapPackets = new Float64Array(enis);
    this.byStatus = new Float64Array(enis * STATUSES);
  }

  resize(enis: number): void {
    for (const [name, counters] of Object.entries(this.counters())) {
      const longer = new Float64Array(enis * (counters.length / this.packetsSeen.length));
      longer.set(counters);
      this.setCounters(name, longer);
    }
  }

  save(isClosing: boolean): SavedWindow {
    const counters = Object.fromEntries(Object.entries(this.counters()).map(([name, of]) => [name, of.slice()]));
    return { number: this.number, isClosing, needsMerge: this.needsMerge, counters, rows: saveRows(this.rows) };
  }

  /** Takes in what an agent before this one had of the same window. `eniNumbers`: negative for an ENI that is no more. */
  restore(saved: SavedWindow, eniNumbers: Int32Array, verdictNumbers: Int32Array): void {
    this.needsMerge ||= saved.needsMerge;
    for (const [name, to] of Object.entries(this.counters())) {
      const from = saved.counters[name];
      if (!from) continue;
      const each = to.length / this.packetsSeen.length;
      for (let i = 0; i < from.length; i++) {
        const eni = eniNumbers[Math.floor(i / each)]!;
        if (eni >= 0) to[eni * each + (i % each)]! += from[i]!;
      }
    }
    restoreRows(saved.rows, this.rows, eniNumbers, verdictNumbers);
  }

  /** A packet that the decoder gave this status. */
  countStatus(eni: number, status: number): void {
    this.byStatus[eni * STATUSES + status]!++;
  }

  /** The rows that go out, counted for the seal. */
  countRows(rows: Records): void {
    for (let row = 0; row < rows.count; row++) {
      const eni = rows.eni[row]!;
      this.records[eni]!++;
      this.packets[eni]! += rows.packets[row]!;
      this.bytes[eni]! += rows.bytes[row]!;
    }
  }

  seal(eni: number, eniId: string, agentId: string, revision: number, partial: boolean): Seal {
    const undecodable: Record<string, number> = {};
    for (let status = STATUS_DECODED + 1; status < STATUSES; status++) {
      const count = this.byStatus[eni * STATUSES + status]!;
      if (count > 0 && status !== STATUS_NON_IP) undecodable[PACKET_STATUS_NAMES[status]!] = count;
    }
    return {
      agentId,
      eniId,
      windowStart: this.windowStart,
      windowSeconds: this.windowSeconds,
      records: this.records[eni]!,
      packets: this.packets[eni]!,
      bytes: this.bytes[eni]!,
      packetsSeen: this.packetsSeen[eni]!,
      filteredPackets: this.filteredPackets[eni]!,
      nonIpPackets: this.byStatus[eni * STATUSES + STATUS_NON_IP]!,
      undecodable,
      latePackets: this.latePackets[eni]!,
      overflowPackets: 0,
      ringDrops: orUnknown(this.ringDrops[eni]!),
      gapPackets: orUnknown(this.gapPackets[eni]!),
      revision,
      partial: partial || this.wasCutOff,
    };
  }

  /** All counters by name; each has the same number of values for every ENI. */
  private counters(): Record<string, Float64Array> {
    const { packetsSeen, latePackets, filteredPackets, records, packets, bytes, ringDrops, gapPackets, byStatus } = this;
    return { byStatus, latePackets, filteredPackets, records, packets, bytes, ringDrops, gapPackets, packetsSeen };
  }

  private setCounters(name: string, counters: Float64Array): void {
    (this as unknown as Record<string, Float64Array>)[name] = counters;
  }
}

function orUnknown(packets: number): number | null {
  return Number.isNaN(packets) ? null : packets;
}
