import type { LogStore } from '../../shared/topology/topology.ts';
import type { ExpiredWindows, ExpireRecord, StoreWindow } from './ledger-record.ts';
import type { LedgerState, StoreState } from './ledger-state.ts';
import { windowEnd, windowKey, type Window } from './window.ts';

const DAY_SECONDS = 24 * 3600;

/** How long windows stay, by the limits of their LogStores. Oldest windows go first. */
export class Retention {
  private readonly ledger: LedgerState;
  private readonly logStores: () => readonly LogStore[];

  constructor(ledger: LedgerState, logStores: () => readonly LogStore[]) {
    this.ledger = ledger;
    this.logStores = logStores;
  }

  /** Windows of the LogStore that end at or before this many Unix seconds are kept no longer. */
  keptFrom(logStore: string, nowMs: number): number {
    const days = this.logStores().find(({ name }) => name === logStore)?.retentionDays ?? null;
    const byAge = days === null ? 0 : Math.floor(nowMs / 1000) - days * DAY_SECONDS;
    return Math.max(byAge, this.ledger.stores.get(logStore)?.keptFrom ?? 0);
  }

  /** What is to go now; null: nothing. */
  due(nowMs: number): ExpireRecord | null {
    const stores = this.logStores().flatMap((logStore): ExpiredWindows[] => {
      const state = this.ledger.stores.get(logStore.name);
      const windows = state ? expired(state, this.keptFrom(logStore.name, nowMs), logStore.retentionBytes) : [];
      return windows.length > 0 ? [{ logStore: logStore.name, windows: windows.map(({ start, seconds }) => ({ start, seconds })) }] : [];
    });
    const states = this.unneededStates(nowMs);
    return stores.length + states.length > 0 ? { type: 'expire', atMs: nowMs, stores, states } : null;
  }

  /** Source windows that are older than every LogStore's days and a day, and lie in no LogStore's window. */
  private unneededStates(nowMs: number): Window[] {
    const days = Math.max(0, ...this.logStores().map(({ retentionDays }) => retentionDays ?? 0));
    const before = Math.floor(nowMs / 1000) - (days + 1) * DAY_SECONDS;
    const old = [...this.ledger.statePaths.values()].map(({ window }) => window).filter((window) => windowEnd(window) < before);
    if (old.length === 0) return old;
    const stores = [...this.ledger.stores.values()].map(({ windows }) => windows);
    const widths = new Set(stores.flatMap((windows) => [...windows.values()].map(({ seconds }) => seconds)));
    const isNeeded = ({ start }: Window): boolean => [...widths].some((seconds) => {
      const key = windowKey({ start: start - (start % seconds), seconds });
      return stores.some((windows) => windows.has(key));
    });
    return old.filter((window) => !isNeeded(window));
  }
}

function expired({ windows, bytes }: StoreState, keptFrom: number, limitBytes: number | null): StoreWindow[] {
  const isOutdated = (window: Window): boolean => windowEnd(window) <= keptFrom;
  if (limitBytes === null || bytes <= limitBytes) return [...windows.values()].filter(isOutdated);
  const result: StoreWindow[] = [];
  let left = bytes;
  for (const window of [...windows.values()].sort((a, b) => windowEnd(a) - windowEnd(b))) {
    if (left <= limitBytes && !isOutdated(window)) break;
    left -= window.bytes;
    result.push(window);
  }
  return result;
}
