import { join } from 'node:path';
import type { Catalog, Completeness, EniWindowCounts, LogStoreFile, LogStoreSummary } from './catalog.ts';
import type { StoreWindow } from './ledger-record.ts';
import type { LedgerState } from './ledger-state.ts';
import { windowEnd, type Window } from './window.ts';

export const NO_COUNTS: EniWindowCounts = { complete: 0, partial: 0, missing: 0, lostPackets: 0, lossUnknown: 0 };

/** The catalog over the ledger's state: what is durable, nothing more. */
export class CommittedCatalog implements Catalog {
  private readonly root: string;
  private readonly state: LedgerState;
  private readonly inventoryNames: () => readonly string[];
  private readonly countPending: (logStore: string, from: number, to: number) => number;

  constructor(
    root: string, state: LedgerState, inventoryNames: () => readonly string[],
    countPending: (logStore: string, from: number, to: number) => number,
  ) {
    this.root = root;
    this.state = state;
    this.inventoryNames = inventoryNames;
    this.countPending = countPending;
  }

  files(logStore: string, from: number, to: number): LogStoreFile[] {
    return this.windows(logStore, from, to)
      .filter(({ path }) => path !== null)
      .map(({ path, start, seconds, rows, bytes }) => ({ path: join(this.root, path!), windowStart: start, windowSeconds: seconds, rows, bytes }));
  }

  completeness(logStore: string, from: number, to: number): Completeness {
    const windows = this.windows(logStore, from, to);
    const counts = windows.map((window) => window.counts).reduce(addCounts, NO_COUNTS);
    return { ...counts, state: stateOf(counts, windows.length), windows: windows.length, pendingWindows: this.countPending(logStore, from, to) };
  }

  logStores(): LogStoreSummary[] {
    const names = new Set([...this.inventoryNames(), ...this.state.stores.keys()]);
    return [...names].sort().map((name) => summary(name, [...(this.state.stores.get(name)?.windows.values() ?? [])]));
  }

  /** Whether the inventory has it, or it has data, or will have. */
  knows(logStore: string): boolean {
    return this.state.stores.has(logStore) || this.inventoryNames().includes(logStore) || this.countPending(logStore, 0, Number.MAX_SAFE_INTEGER) > 0;
  }

  /** In order of time. */
  windows(logStore: string, from: number, to: number): StoreWindow[] {
    return [...(this.state.stores.get(logStore)?.windows.values() ?? [])]
      .filter((window) => overlaps(window, from, to))
      .sort((a, b) => a.start - b.start || a.seconds - b.seconds);
  }
}

export function overlaps(window: Window, from: number, to: number): boolean {
  return window.start < to && windowEnd(window) > from;
}

export function addCounts(a: EniWindowCounts, b: EniWindowCounts): EniWindowCounts {
  return {
    complete: a.complete + b.complete, partial: a.partial + b.partial, missing: a.missing + b.missing,
    lostPackets: a.lostPackets + b.lostPackets, lossUnknown: a.lossUnknown + b.lossUnknown,
  };
}

function stateOf({ complete, partial, missing }: EniWindowCounts, windows: number): Completeness['state'] {
  if (windows === 0) return 'NONE';
  if (partial === 0 && missing === 0) return 'COMPLETE';
  return complete === 0 && partial === 0 ? 'MISSING' : 'PARTIAL';
}

function summary(name: string, windows: readonly StoreWindow[]): LogStoreSummary {
  let rows = 0;
  let bytes = 0;
  let from: number | null = null;
  let to: number | null = null;
  for (const window of windows) {
    rows += window.rows;
    bytes += window.bytes;
    from = Math.min(from ?? Infinity, window.start);
    to = Math.max(to ?? -Infinity, windowEnd(window));
  }
  return { name, rows, bytes, windows: windows.length, from, to };
}
