import { PacketBatch, type CaptureInterface } from '../../shared/packet-batch.ts';
import { AfPacketSource } from '../capture/live/af-packet-source.ts';
import type { LiveSource } from '../capture/live/live-source.ts';
import { SETTLE_US, type CounterReading, type GapMeasure } from './gap-measure.ts';
import type { SavedTap } from './worker-checkpoint.ts';
import type { TapBinding, TapStatistics } from './worker-messages.ts';

/** One interface of a worker: its source, its ENIs, and what was counted. */
export class Tap {
  readonly ifindex: number;
  readonly source: LiveSource;
  readonly batch = new PacketBatch();
  name: string;
  eniIds: readonly string[];
  /** With the interface's present name; a new list after each change, as the decoder wants it. */
  interfaces: readonly CaptureInterface[];
  /** Whether more packets may wait in the ring, of the last one's time or later. */
  isBehind = false;
  lastTimeUs = 0;
  private gap: GapMeasure | null;
  private readonly hasUnknownGap: boolean;
  private readonly reading: CounterReading | null;
  /** Packets handed out with a time after the reading; all of them where there is no reading. */
  private packetsSince = 0;
  private packets = 0;
  private bytes = 0;
  private dropsCounted = 0;
  private gapPackets = 0;

  /**
   * `gap`: null where nothing was missed. It cannot be told where not every packet is let in. `reading`: null in a worker
   * that joins another one's fan-out group.
   */
  constructor(binding: TapBinding, source: LiveSource, gap: GapMeasure | null, reading: CounterReading | null, isFiltered: boolean) {
    this.ifindex = binding.ifindex;
    this.source = source;
    this.name = binding.name;
    this.eniIds = binding.eniIds;
    this.interfaces = [{ name: binding.name, linkType: source.interfaces[0]!.linkType }];
    this.gap = gap;
    this.hasUnknownGap = isFiltered;
    this.reading = reading;
  }

  get fanOutGroup(): number | null {
    return this.source instanceof AfPacketSource ? this.source.fanOutGroup : null;
  }

  /** Of a fan-out group whose members are all there. */
  start(): void {
    if (this.source instanceof AfPacketSource) this.source.start();
  }

  rebind({ name, eniIds }: TapBinding): void {
    this.name = name;
    this.eniIds = eniIds;
    this.interfaces = [{ ...this.interfaces[0]!, name }];
  }

  /** Packets that the source has handed out; not empty. */
  see(batch: PacketBatch): void {
    const { count, originalLength } = batch;
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += originalLength[i]!;
    this.packets += count;
    this.bytes += bytes;
    this.isBehind = true;
    this.lastTimeUs = batch.timeUs[count - 1]!;
    this.packetsSince += this.countSince(batch);
    this.gap?.see(batch);
  }

  /** Where a checkpoint has it; null while packets from before the reading may still come. */
  saved(nowUs: number): SavedTap | null {
    const { ifindex, name, reading, packetsSince, dropsCounted } = this;
    if (reading !== null && nowUs - reading.atUs <= SETTLE_US) return null;
    return { ifindex, name, countedAtOpen: reading?.packets ?? null, packetsSince: packetsSince + dropsCounted };
  }

  private countSince({ timeUs, count }: PacketBatch): number {
    const atUs = this.reading?.atUs ?? -Infinity;
    if (timeUs[0]! > atUs && timeUs[count - 1]! > atUs) return count;
    let since = 0;
    for (let i = 0; i < count; i++) if (timeUs[i]! > atUs) since++;
    return since;
  }

  /** Drops since the last call; null: the source cannot know. */
  takeDrops(): number | null {
    const { drops } = this.source.statistics();
    if (drops === null) return null;
    const delta = drops - this.dropsCounted;
    this.dropsCounted = drops;
    return delta;
  }

  /** Once, when it is known: packets that went by before the source was open; null: unknown. */
  takeGap(nowUs: number, isLast: boolean): number | null {
    const { gap } = this;
    if (gap === null || !(isLast || gap.isSettled(nowUs))) return 0;
    this.gap = null;
    if (gap.packets > 0 && this.hasUnknownGap) return null;
    return (this.gapPackets = gap.packets);
  }

  statistics(): TapStatistics {
    const { ifindex, packets, bytes, gapPackets } = this;
    return { ifindex, packets, bytes, drops: this.source.statistics().drops, gapPackets };
  }
}
