/** What the main thread and a capture worker say to each other. Everything is plain data; rows are transferred, not copied. */
import type { ErrorCode } from '../../shared/errors.ts';
import type { Records } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import type { Topology } from '../../shared/topology/topology.ts';
import type { Verdict } from '../../shared/verdict/verdict.ts';
import type { CaptureEnd } from '../capture/live/live-source.ts';
import type { LinkCounters } from '../capture/live/network-link.ts';
import type { LiveSourceOptions } from '../capture/live/open-live-source.ts';
import type { PipelineOptions } from '../pipeline.ts';
import type { WatchList } from '../watched-enis.ts';
import type { SealedWindow } from './state-directory.ts';

/** Where a worker keeps what the next process needs to go on. */
export interface CheckpointSettings {
  readonly path: string;
  /** The last windows that were handed on for good. */
  readonly sealed: readonly SealedWindow[];
  /** Number of the last of them. */
  readonly handedOn: number;
}

/** What a worker is made with. */
export interface WorkerSettings {
  /** null: nothing outlives the process. */
  readonly checkpoint: CheckpointSettings | null;
  readonly pipeline: PipelineOptions;
  /** Packets after which the worker reports `counted` and takes no more; null: no end. */
  readonly maxPackets: number | null;
}

/** An interface of the worker; known by its index, because names move. */
export interface TapBinding {
  readonly ifindex: number;
  /** Its name now, to which the topology's ENIs are bound. */
  readonly name: string;
  readonly eniIds: readonly string[];
}

export interface TapOrder extends TapBinding {
  readonly source: LiveSourceOptions;
  /** The interface's counters when its packets were last looked at; null where nothing is known to have been missed. */
  readonly countersBefore: LinkCounters | null;
}

/** The same for all workers, so that they cut time alike. */
export interface WindowChange {
  readonly seconds: number;
  /** Not before then, Unix seconds. */
  readonly fromSeconds: number;
}

/** What the workers go by from now on. */
export interface Revision {
  readonly topology: Topology;
  readonly revision: number;
  readonly watch: WatchList;
  /** null: windows stay as they are. */
  readonly window: WindowChange | null;
  readonly taps: readonly TapBinding[];
}

export type WorkerOrder =
  | { readonly kind: 'open'; readonly tap: TapOrder }
  /** All members of the interface's fan-out group have joined. */
  | { readonly kind: 'start'; readonly ifindex: number }
  | { readonly kind: 'close'; readonly ifindex: number }
  | Revision & { readonly kind: 'revise' }
  /** The rows and seals of the window that starts then are where they belong, so that a checkpoint need not hold them. */
  | { readonly kind: 'handed-on'; readonly windowStart: number; readonly number: number }
  /** The windows close, and the worker says `stopped`. */
  | { readonly kind: 'stop' }
  /** All that they gave is where it belongs: the last checkpoint is written, and the thread ends. */
  | { readonly kind: 'end' };

export interface TapStatistics {
  readonly ifindex: number;
  readonly packets: number;
  /** As long as they were on the wire. */
  readonly bytes: number;
  /** null: the source cannot know. */
  readonly drops: number | null;
  /** Packets that went by before the source was open. */
  readonly gapPackets: number;
}

export interface WorkerStatistics {
  readonly tableSize: number;
  readonly tableCapacity: number;
  /** Packets that passed none of the ENIs. */
  readonly unmatchedPackets: number;
  readonly clockSteps: number;
  readonly taps: readonly TapStatistics[];
}

/** What the numbers in rows refer to, as far as the main thread does not know it yet. */
export interface NewNames {
  readonly verdicts: readonly Verdict[];
  readonly eniIds: readonly string[];
}

export type WorkerReport =
  | { readonly kind: 'rows'; readonly rows: Records; readonly names: NewNames }
  | { readonly kind: 'seals'; readonly seals: Seal[] }
  | { readonly kind: 'opened'; readonly ifindex: number; readonly fanOutGroup: number | null }
  | { readonly kind: 'refused'; readonly ifindex: number; readonly code: ErrorCode; readonly text: string }
  | { readonly kind: 'ended'; readonly ifindex: number; readonly reason: CaptureEnd; readonly countersAfter: LinkCounters | null; readonly statistics: TapStatistics }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'statistics'; readonly statistics: WorkerStatistics }
  | { readonly kind: 'counted' }
  | { readonly kind: 'stopped'; readonly statistics: WorkerStatistics };
