/** What the committed LogStores hold, as queries see it. Times are Unix seconds, ranges are [from, to). */
export interface Catalog {
  /** Committed files whose window overlaps the range, in order of time. Paths are absolute. */
  files(logStore: string, from: number, to: number): LogStoreFile[];
  completeness(logStore: string, from: number, to: number): Completeness;
  /** Every LogStore of the inventory, and every one that has data. */
  logStores(): LogStoreSummary[];
}

/** All rows of a file have the start and end of its window. */
export interface LogStoreFile {
  readonly path: string;
  readonly windowStart: number;
  readonly windowSeconds: number;
  readonly rows: number;
  readonly bytes: number;
}

export interface LogStoreSummary {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
  readonly windows: number;
  /** Start of the first window and end of the last; null where there is none. */
  readonly from: number | null;
  readonly to: number | null;
}

/** Answers to "is this complete?", counted over (ENI, window). */
export interface EniWindowCounts {
  /** Sealed by every agent expected, nothing lost. */
  readonly complete: number;
  /** Sealed, with loss that the seal counts or cannot exclude, or before the window's end. */
  readonly partial: number;
  /** No seal came. */
  readonly missing: number;
  /** Packets that the seals count as lost. */
  readonly lostPackets: number;
  /** (ENI, window) pairs whose loss no seal can count. */
  readonly lossUnknown: number;
}

/** The summary that stands in every answer to a query. */
export interface Completeness extends EniWindowCounts {
  /** COMPLETE: all are; MISSING: none was sealed; PARTIAL: all between; NONE: no window was published in the range. */
  readonly state: 'COMPLETE' | 'PARTIAL' | 'MISSING' | 'NONE';
  /** Windows published in the range. */
  readonly windows: number;
  /** Windows in the range with records or seals that wait for publication. */
  readonly pendingWindows: number;
}
