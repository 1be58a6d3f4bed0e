import type { KeyQueue } from '../decode/key-queue.ts';
import type { MemoryPiece, PacketMemory } from '../kernel/packet-memory.ts';
import type { Windows } from '../seal/windows.ts';
import type { FlowTable } from './flow-table.ts';

/** Has the kernel count packets that are nothing but one more of a known flow. */
export class PlainPackets {
  private readonly table: FlowTable;
  private readonly windows: Windows;
  /** The latest time, and behind it the idle times by timer, where the kernel can reach them. */
  private readonly clock: Float64Array;
  private readonly clockPiece: MemoryPiece;

  /** `idleUs`: microseconds by the TIMER_ constants. */
  constructor(table: FlowTable, windows: Windows, idleUs: Float64Array, memory: PacketMemory) {
    this.table = table;
    this.windows = windows;
    this.clockPiece = memory.take((1 + idleUs.length) * 8);
    this.clock = new Float64Array(this.clockPiece.buffer, this.clockPiece.offset, 1 + idleUs.length);
    this.clock.set(idleUs, 1);
  }

  /** Slots [from, to) of a prepared queue, by rules of this generation. Returns the slot of the first packet that is anything else. */
  count(queue: KeyQueue, from: number, to: number, generationBits: number): number {
    const { windows, clock } = this;
    const { fromUs, untilUs } = windows;
    // before the first packet no window is the current one
    if (fromUs === untilUs) return from;
    const { packetsSeenPiece, ordinal } = windows.current;
    clock[0] = windows.latestUs;
    const reached = this.table.countPackets(queue, from, to, packetsSeenPiece, ordinal, generationBits, fromUs, untilUs, this.clockPiece);
    windows.latestUs = clock[0];
    return reached;
  }
}
