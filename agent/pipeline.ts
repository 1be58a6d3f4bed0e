import type { SavedPipeline } from './checkpoint/saved-state.ts';
import type { CaptureInterface, PacketBatch } from '../shared/packet-batch.ts';
import { recordContext, type RecordContext } from '../shared/records.ts';
import type { Topology, TrafficType } from '../shared/topology/topology.ts';
import { VerdictEngine } from '../shared/verdict/engine.ts';
import { Decoder } from './decode/decoder.ts';
import { KeyQueue, keyQueueBytes } from './decode/key-queue.ts';
import { PacketMemory } from './kernel/packet-memory.ts';
import { Sealer, type WindowSink } from './seal/sealer.ts';
import { FlowStage } from './table/flow-stage.ts';
import { DEFAULT_IDLE_TIMERS, type IdleTimers } from './table/idle-timers.ts';
import { WatchedEnis, type WatchList } from './watched-enis.ts';

export interface PipelineOptions {
  readonly topology: Topology;
  readonly agentId?: string;
  readonly windowSeconds?: number;
  readonly graceSeconds?: number;
  /** What is recorded of which ENI; absent or null: of every ENI the same traffic type. */
  readonly watch?: WatchList;
  readonly trafficType?: TrafficType;
  readonly tableCapacity?: number;
  readonly timers?: IdleTimers;
  /** Revision of the topology's rules. */
  readonly revision?: number;
}

export const DEFAULT_AGENT_ID = 'agent';
export const DEFAULT_WINDOW_SECONDS = 600;
export const DEFAULT_GRACE_SECONDS = 30;
export const DEFAULT_TABLE_CAPACITY = 1 << 20;

export interface PipelineStatistics {
  /** Packets that passed none of the ENIs. */
  readonly unmatchedPackets: number;
  readonly tableSize: number;
  readonly tableCapacity: number;
}

/** Everything between a packet source and a sink of windows, in order: decode, flow table, seal. */
export class Pipeline {
  readonly context: RecordContext;
  private readonly enis: WatchedEnis;
  private readonly engine: VerdictEngine;
  private readonly decoder: Decoder;
  private readonly stage: FlowStage;
  private readonly sealer: Sealer;
  private queue = new KeyQueue(0);
  private readonly memory: PacketMemory;

  constructor(options: PipelineOptions, sink: WindowSink, memory: PacketMemory = PacketMemory.create()) {
    const { topology } = options;
    this.memory = memory;
    this.enis = new WatchedEnis(topology, options.watch, options.trafficType);
    this.engine = new VerdictEngine(topology, options.revision ?? 1);
    this.context = recordContext(options.agentId ?? DEFAULT_AGENT_ID, { ...topology, enis: this.enis.enis }, this.engine.verdicts);
    this.decoder = new Decoder(this.enis.placed, memory);
    this.sealer = new Sealer(this.context, this.engine.revision, sink);
    this.stage = new FlowStage(this.engine, this.sealer, {
      tableCapacity: options.tableCapacity ?? DEFAULT_TABLE_CAPACITY,
      windowSeconds: options.windowSeconds ?? DEFAULT_WINDOW_SECONDS,
      graceSeconds: options.graceSeconds ?? DEFAULT_GRACE_SECONDS,
      watch: this.enis.watch,
      timers: options.timers ?? DEFAULT_IDLE_TIMERS,
      hasDirection: this.enis.hasDirection,
      memory,
    });
  }

  get statistics(): PipelineStatistics {
    const { size, capacity } = this.stage.table;
    return { unmatchedPackets: this.decoder.unmatchedPackets, tableSize: size, tableCapacity: capacity };
  }

  /** Packets [from, to) of a batch whose source has these interfaces. */
  process(batch: PacketBatch, from: number, to: number, interfaces: readonly CaptureInterface[]): void {
    if (this.queue.timeUs.length < batch.capacity * 2) this.queue = new KeyQueue(batch.capacity, this.memory.take(keyQueueBytes(batch.capacity)));
    this.decoder.decode(batch, from, to, interfaces, this.queue);
    this.consume(this.queue);
  }

  /** Packets that were decoded elsewhere, for the ENIs of this pipeline. */
  consume(queue: KeyQueue): void {
    this.stage.consume(queue);
  }

  /** The wall clock, for live sources: opens the window of this time, and closes those that are due. */
  tick(nowUs: number): void {
    this.stage.tick(nowUs);
  }

  /** Packets that the kernel dropped before they could be read, on the interface of these ENIs; null: unknown. */
  countDrops(enis: readonly string[], packets: number | null): void {
    this.count('ringDrops', enis, packets);
  }

  /** Packets that went by these ENIs while nobody watched; null: unknown. */
  countGap(enis: readonly string[], packets: number | null): void {
    this.count('gapPackets', enis, packets);
  }

  /**
   * Rules, ENIs or what is recorded of them have changed, from the next packet on. Account and region stay what they were.
   * The open window of an ENI that joins or leaves is partial; where the traffic type changes, what has come is kept by
   * the old one. Windows that are over and wait for late packets stay as they are.
   */
  revise(topology: Topology, revision: number, watch: WatchList = null): void {
    this.engine.revise(topology, revision);
    this.enis.revise(topology, watch);
    this.decoder.watch(this.enis.placed);
    this.sealer.revision = revision;
    this.stage.revise(this.enis.hasDirection, this.enis.watch);
  }

  /**
   * Windows have this width from its first multiple on that is after all time seen and not before `fromSeconds` (Unix
   * seconds). The window that is open then ends there, as partial unless it is over. While nothing has been watched in
   * any open window the width is another one at once.
   */
  setWindow(seconds: number, fromSeconds = 0): void {
    this.stage.windows.setWidth(seconds, fromSeconds * 1e6);
  }

  /**
   * The wall clock was set by this much. To be called before any packet with the new time: open windows are sealed as
   * partial, and may open a second time.
   */
  clockStep(deltaUs: number): void {
    this.stage.windows.finishClosing();
    this.sealer.isPartial = true;
    this.stage.clockStep(deltaUs);
    this.sealer.isPartial = false;
  }

  /** What has changed since the last checkpoint, or, with `isWhole`, everything. Fragments still to come lose their ports. */
  checkpoint(isWhole: boolean): SavedPipeline {
    return { eniIds: this.enis.enis.map(({ eniId }) => eniId), verdicts: this.engine.save(), ...this.stage.save(isWhole) };
  }

  /**
   * Goes on where a pipeline with these checkpoints (oldest first, the first a whole one) was, before any packet. Windows
   * up to the one that starts at `sealedThrough` (Unix seconds; null: none) were handed on by then. `nowUs`: the time at
   * which watching goes on. Where its windows had another width, this one's begins as by `setWindow`. False where
   * there is no checkpoint.
   */
  restore(saved: readonly SavedPipeline[], sealedThrough: number | null, nowUs: number): boolean {
    const last = saved[saved.length - 1];
    if (!last) return false;
    const eniNumbers = Int32Array.from(last.eniIds, (eniId) => this.enis.find(eniId));
    const sealedThroughUs = sealedThrough === null ? -Infinity : sealedThrough * 1e6;
    this.stage.restore(saved, sealedThroughUs, nowUs, eniNumbers, this.engine.adopt(last.verdicts), this.enis.watch);
    return true;
  }

  /** Closes every open window. `isPartial`: the input ended before it should have. */
  close(isPartial = false): void {
    this.stage.windows.finishClosing();
    this.sealer.isPartial = isPartial;
    this.stage.close();
  }

  /** Into the newest open window; a tick opens one. */
  private count(what: 'ringDrops' | 'gapPackets', eniIds: readonly string[], packets: number | null): void {
    const { windows } = this.stage;
    if (windows.isEmpty) throw new Error('no window is open: tick before counting losses');
    for (const eniId of eniIds) windows.newest[what][this.enis.indexOf(eniId)]! += packets ?? Number.NaN;
  }
}
