import { Records } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import { RECORDS_BITS, trafficTypeOf } from '../../shared/traffic-bits.ts';
import { restoreRows, saveRows, type SavedWindow } from '../checkpoint/saved-state.ts';
import type { MemoryPiece, PacketMemory } from '../kernel/packet-memory.ts';
import { PACKET_STATUS_NAMES, STATUS_DECODED, STATUS_NON_IP } from '../decode/packet-status.ts';
import { IS_WATCHED } from '../watched-enis.ts';

const STATUSES = PACKET_STATUS_NAMES.length;
/** In `held`: the ENI was not watched at some moment of the window. */
const IS_BROKEN = 8;

/** Where a window lies in time and among the others. */
export interface WindowPlace {
  /** Of consecutive windows consecutive; what entries of the flow table know a window by. */
  readonly ordinal: number;
  /** Unix microseconds, a multiple of the width. */
  readonly startUs: number;
  readonly seconds: number;
  /** Before the width is over where another width begins. */
  readonly endUs: number;
}

/**
 * What is known about one open window: rows that are already complete, and per ENI the counters of its seal.
 *
 * I1. `packetsSeen` is counted where packets come in, rows and losses where they go to: the seal's equation compares
 *     two independent counts.
 * I2. `watch` and `held` say what was recorded until the window's end, also while late packets still come.
 */
export class WindowAccount {
  readonly ordinal: number;
  readonly startUs: number;
  /** May change as long as the window is not over. */
  endUs: number;
  readonly windowStart: number;
  readonly windowSeconds: number;
  /** Rows taken out of the flow table before the window closed; replaced when they are handed on. */
  rows: Records;
  /** Nobody watched from some moment on until after its end. */
  wasCutOff = false;
  /** Rows of one key may have been written more than once. */
  needsMerge = false;
  packetsSeen: Float64Array;
  /** What `packetsSeen` lies in, for the kernel. */
  packetsSeenPiece: MemoryPiece;
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
  /** What is recorded of each ENI, as WatchedEnis has it. */
  private watch: Uint8Array;
  /** What all moments at which the ENI was watched have in common; IS_WATCHED if there were any, IS_BROKEN if not all were. */
  private held: Uint8Array;
  private readonly memory: PacketMemory;

  /** `watch`: what is recorded at its beginning. */
  constructor({ ordinal, startUs, seconds, endUs }: WindowPlace, watch: Uint8Array, memory: PacketMemory) {
    this.memory = memory;
    const enis = watch.length;
    this.ordinal = ordinal;
    this.startUs = startUs;
    this.endUs = endUs;
    this.windowSeconds = seconds;
    this.windowStart = startUs / 1e6;
    this.rows = new Records(this.windowStart, seconds);
    this.watch = watch.slice();
    this.held = watch.slice();
    this.packetsSeenPiece = memory.take(enis * 8);
    this.packetsSeen = countersIn(this.packetsSeenPiece, enis);
    this.latePackets = new Float64Array(enis);
    this.filteredPackets = new Float64Array(enis);
    this.records = new Float64Array(enis);
    this.packets = new Float64Array(enis);
    this.bytes = new Float64Array(enis);
    this.ringDrops = new Float64Array(enis);
    this.gapPackets = new Float64Array(enis);
    this.byStatus = new Float64Array(enis * STATUSES);
  }

  /** Its counters are not looked at any more. */
  release(): void {
    this.memory.giveBack(this.packetsSeenPiece);
  }

  resize(enis: number): void {
    const { packetsSeen, packetsSeenPiece: before } = this;
    this.packetsSeenPiece = this.memory.take(enis * 8);
    this.packetsSeen = countersIn(this.packetsSeenPiece, enis);
    this.packetsSeen.set(packetsSeen);
    this.memory.giveBack(before);
    for (const [name, counters] of Object.entries(this.counters())) {
      if (counters === this.packetsSeen) continue;
      const longer = new Float64Array(enis * perEni(name));
      longer.set(counters);
      this.setCounters(name, longer);
    }
    this.watch = lengthened(this.watch, enis);
    this.held = lengthened(this.held, enis);
  }

  /** Whether packets with this verdict are kept. */
  keeps(eni: number, bit: number): boolean {
    return (this.watch[eni]! & bit) !== 0;
  }

  /** By ENI that has had packets: the actions whose packets are kept either until now or from now on, and not both. */
  changedBits(watch: Uint8Array): Uint8Array {
    return watch.map((now, eni) => ((this.packetsSeen[eni] ?? 0) > 0 ? (now ^ this.watch[eni]!) & RECORDS_BITS : 0));
  }

  /** From now on this is recorded. */
  follow(watch: Uint8Array): void {
    const { held } = this;
    watch.forEach((now, eni) => {
      const before = this.watch[eni]!;
      if (now === before) return;
      this.watch[eni] = now;
      if (now !== 0) held[eni] = held[eni] === 0 ? now : held[eni]! & (now | ~RECORDS_BITS);
      if (now === 0 || before === 0) held[eni]! |= IS_BROKEN;
    });
  }

  /** Whether there is something to state about the ENI. */
  concerns(eni: number): boolean {
    return (this.held[eni]! & IS_WATCHED) !== 0 || this.packetsSeen[eni]! > 0;
  }

  /** Whether there is something to state at all. */
  get concernsAny(): boolean {
    return this.held.some((_, eni) => this.concerns(eni));
  }

  save(isClosing: boolean): SavedWindow {
    const counters = Object.fromEntries(Object.entries(this.counters()).map(([name, of]) => [name, of.slice()]));
    const { ordinal, startUs, endUs, windowSeconds: seconds, needsMerge } = this;
    return { ordinal, startUs, endUs, seconds, isClosing, needsMerge, counters, watch: this.watch.slice(), held: this.held.slice(), rows: saveRows(this.rows) };
  }

  /** Takes in what an agent before this one had of the same window. `eniNumbers`: negative for an ENI that is no more. */
  restore(saved: SavedWindow, eniNumbers: Int32Array, verdictNumbers: Int32Array): void {
    this.needsMerge ||= saved.needsMerge;
    for (const [name, to] of Object.entries(this.counters())) {
      const from = saved.counters[name];
      if (!from) continue;
      const each = perEni(name);
      for (let i = 0; i < from.length; i++) {
        const eni = eniNumbers[Math.floor(i / each)]!;
        if (eni >= 0) to[eni * each + (i % each)]! += from[i]!;
      }
    }
    this.watch.fill(0);
    this.held.fill(0);
    eniNumbers.forEach((eni, before) => {
      if (eni < 0) return;
      this.watch[eni] = saved.watch[before]!;
      this.held[eni] = saved.held[before]!;
    });
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

  seal(eni: number, eniId: string, agentId: string, revision: number, isPartial: boolean): Seal {
    const held = this.held[eni]!;
    const wasWhole = (held & (IS_WATCHED | IS_BROKEN)) === IS_WATCHED && this.endUs === this.startUs + this.windowSeconds * 1e6;
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
      overflowPackets: 0, droppedRecords: 0, droppedPackets: 0,
      ringDrops: orUnknown(this.ringDrops[eni]!),
      gapPackets: orUnknown(this.gapPackets[eni]!),
      revision,
      partial: isPartial || !wasWhole || this.wasCutOff,
      trafficType: trafficTypeOf(held),
    };
  }

  /** All counters by name. */
  private counters(): Record<string, Float64Array> {
    const { packetsSeen, latePackets, filteredPackets, records, packets, bytes, ringDrops, gapPackets, byStatus } = this;
    return { byStatus, latePackets, filteredPackets, records, packets, bytes, ringDrops, gapPackets, packetsSeen };
  }

  private setCounters(name: string, counters: Float64Array): void {
    (this as unknown as Record<string, Float64Array>)[name] = counters;
  }
}

/** Values that the counters of this name have for each ENI. */
function perEni(name: string): number {
  return name === 'byStatus' ? STATUSES : 1;
}

function countersIn({ buffer, offset }: MemoryPiece, count: number): Float64Array {
  return new Float64Array(buffer, offset, count);
}

function lengthened(from: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(length);
  longer.set(from);
  return longer;
}

function orUnknown(packets: number): number | null {
  return Number.isNaN(packets) ? null : packets;
}
