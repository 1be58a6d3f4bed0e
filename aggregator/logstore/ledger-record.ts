import type { EniWindowCounts } from './catalog.ts';
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
  /** The seals of all that is published, relative to the data directory. */
  readonly statePath: string;
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
}

export interface SnapshotRecord {
  readonly type: 'snapshot';
  readonly commit: number;
  readonly lastFrame: number;
  readonly positions: readonly AgentPosition[];
  readonly released: readonly number[];
  readonly windows: readonly PublishedWindow[];
  readonly stores: readonly StoreWindow[];
}

export type LedgerRecord = PublishRecord | ReleaseRecord | SnapshotRecord;
