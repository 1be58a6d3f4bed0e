import type { EniWindowCounts } from './catalog.ts';
import type { UsageEntry } from './usage.ts';
import type { Window } from './window.ts';

/** A LogStore's answer for one window. A later one for the same LogStore and window takes its place. */
export interface StoreWindow extends Window {
  readonly logStore: string;
  /** Relative to the data directory; null: no row fell into it. */
  readonly path: string | null;
  readonly rows: number;
  readonly bytes: number;
  readonly counts: EniWindowCounts;
}

/** A window as agents sent it, of which these frames of the journal are now in the LogStores. */
export interface PublishedWindow extends Window {
  readonly frames: readonly number[];
  /** The seals of all that is published, relative to the data directory; null in a snapshot: nothing needs them any more. */
  readonly statePath: string | null;
}

/** What a publication took into one LogStore. */
export interface Ingestion {
  readonly logStore: string;
  /** As agents sent them, before merging. */
  readonly rows: number;
  /** Their part of the batches, not compressed. */
  readonly bytes: number;
}

/**
 * All that a publication changes, in one record: the files are complete and durable before it is written, so it is
 * true from the moment it lies on the disk, and before that nothing has happened.
 */
export interface PublishRecord {
  readonly type: 'publish';
  readonly commit: number;
  readonly windows: readonly PublishedWindow[];
  readonly stores: readonly StoreWindow[];
  /** Unix milliseconds; it, and `ingested`, are absent in records of old. */
  readonly atMs?: number;
  readonly ingested?: readonly Ingestion[];
}

/** Retention takes windows away: of LogStores, and the seals that no LogStore needs. */
export interface ExpireRecord {
  readonly type: 'expire';
  readonly atMs: number;
  readonly stores: readonly ExpiredWindows[];
  /** Source windows. */
  readonly states: readonly Window[];
}

export interface ExpiredWindows {
  readonly logStore: string;
  readonly windows: readonly Window[];
}

/** A LogStore goes as a whole; one of its name that comes later begins empty. */
export interface DropRecord {
  readonly type: 'drop';
  readonly atMs: number;
  readonly logStore: string;
}

/** Agent, epoch, last sequence number stored. */
export type AgentPosition = readonly [string, number, number];

/**
 * Segments of the journal are about to be deleted: what only they knew stands here from now on. The segments of the
 * release before are gone by then.
 */
export interface ReleaseRecord {
  readonly type: 'release';
  readonly positions: readonly AgentPosition[];
  /** All frames of those segments: published, should one of the segments still be found. */
  readonly frames: readonly number[];
  /** Numbers up to this one are used. */
  readonly lastFrame: number;
  readonly segments?: KnownSegments;
}

/** The journal's files, as far as the ledger knows them. */
export interface KnownSegments {
  /** Those that are still needed. */
  readonly kept: readonly string[];
  /** One that is not kept and comes no later than this one, in the order of names, is published and gone. */
  readonly newest: string;
}

/** `keptFrom`, `usage` and `segments` are absent in records of old. */
export interface SnapshotRecord {
  readonly type: 'snapshot';
  readonly commit: number;
  readonly lastFrame: number;
  readonly positions: readonly AgentPosition[];
  readonly released: readonly number[];
  readonly windows: readonly PublishedWindow[];
  readonly stores: readonly StoreWindow[];
  /** Per LogStore: windows that end at or before this many Unix seconds were taken away. */
  readonly keptFrom?: readonly (readonly [logStore: string, seconds: number])[];
  readonly usage?: readonly UsageEntry[];
  readonly segments?: KnownSegments;
}

export type LedgerRecord = PublishRecord | ExpireRecord | DropRecord | ReleaseRecord | SnapshotRecord;
