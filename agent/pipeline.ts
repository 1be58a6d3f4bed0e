import { randomUUID } from 'node:crypto';
import type { CaptureInterface, PacketBatch } from '../shared/packet-batch.ts';
import { recordContext, type RecordContext } from '../shared/records.ts';
import type { Topology, TrafficType } from '../shared/topology/topology.ts';
import { VerdictEngine } from '../shared/verdict/engine.ts';
import { Decoder } from './decode/decoder.ts';
import { KeyQueue } from './decode/key-queue.ts';
import { Sealer, type WindowSink } from './seal/sealer.ts';
import { FlowStage } from './table/flow-stage.ts';
import { DEFAULT_IDLE_TIMERS, type IdleTimers } from './table/idle-timers.ts';

export interface PipelineOptions {
  readonly topology: Topology;
  readonly agentId?: string;
  readonly windowSeconds?: number;
  readonly graceSeconds?: number;
  readonly trafficType?: TrafficType;
  readonly tableCapacity?: number;
  readonly timers?: IdleTimers;
  /** Revision of the topology's rules. */
  readonly revision?: number;
}

export const DEFAULT_WINDOW_SECONDS = 600;
export const DEFAULT_GRACE_SECONDS = 30;
export const DEFAULT_TABLE_CAPACITY = 1 << 20;

/** Everything between a packet source and a sink of windows, in order: decode, flow table, seal. */
export class Pipeline {
  readonly context: RecordContext;
  private readonly engine: VerdictEngine;
  private readonly decoder: Decoder;
  private readonly stage: FlowStage;
  private readonly sealer: Sealer;
  private queue = new KeyQueue(0);

  constructor(options: PipelineOptions, sink: WindowSink) {
    const { topology } = options;
    this.engine = new VerdictEngine(topology, options.revision ?? 1);
    this.context = recordContext(options.agentId ?? randomUUID(), topology, this.engine.verdicts);
    this.decoder = new Decoder(topology.enis);
    this.sealer = new Sealer(this.context, this.engine.revision, sink);
    this.stage = new FlowStage(this.engine, this.sealer, {
      tableCapacity: options.tableCapacity ?? DEFAULT_TABLE_CAPACITY,
      windowSeconds: options.windowSeconds ?? DEFAULT_WINDOW_SECONDS,
      graceSeconds: options.graceSeconds ?? DEFAULT_GRACE_SECONDS,
      trafficType: options.trafficType ?? 'All',
      timers: options.timers ?? DEFAULT_IDLE_TIMERS,
      hasDirection: Uint8Array.from(topology.enis, (eni) => (eni.mac === null && eni.addresses.length === 0 ? 0 : 1)),
    });
  }

  /** Packets that passed none of the ENIs. */
  get unmatchedPackets(): number {
    return this.decoder.unmatchedPackets;
  }

  /** Packets [from, to) of a batch whose source has these interfaces. */
  process(batch: PacketBatch, from: number, to: number, interfaces: readonly CaptureInterface[]): void {
    if (this.queue.timeUs.length < batch.capacity * 2) this.queue = new KeyQueue(batch.capacity);
    this.decoder.decode(batch, from, to, interfaces, this.queue);
    this.stage.consume(this.queue);
  }

  /** The rules have changed; ENIs keep their index, new ones stand at the end. */
  revise(topology: Topology, revision: number): void {
    this.engine.revise(topology, revision);
    this.sealer.revision = revision;
    this.stage.revise();
  }

  /** Closes every open window. `isPartial`: the input ended before it should have. */
  close(isPartial = false): void {
    this.sealer.isPartial = isPartial;
    this.stage.close();
  }
}
