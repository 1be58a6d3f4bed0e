import type { CommittedCatalog } from './committed-catalog.ts';
import type { LogStoreSummary } from './catalog.ts';
import type { LedgerState } from './ledger-state.ts';
import { dayOf, type UsageEntry } from './usage.ts';

/** The LogStores' data as it is kept: how much, since when, and the end of it. */
export class LogStores {
  private readonly catalog: CommittedCatalog;
  private readonly ledger: LedgerState;
  private readonly dropData: (logStore: string) => Promise<void>;

  constructor(catalog: CommittedCatalog, ledger: LedgerState, dropData: (logStore: string) => Promise<void>) {
    this.catalog = catalog;
    this.ledger = ledger;
    this.dropData = dropData;
  }

  /** null: there is none of that name, in the inventory or with data. */
  summary(logStore: string): LogStoreSummary | null {
    return this.list().find(({ name }) => name === logStore) ?? null;
  }

  list(): readonly LogStoreSummary[] {
    return this.catalog.logStores();
  }

  /** Resolves when all data of the LogStore, published or pending, is gone for good; its usage is still told. */
  async drop(logStore: string): Promise<void> {
    await this.dropData(logStore);
  }

  /** Of each LogStore, also of those that are gone, by day; days are UTC, `2026-01-31`, both ends included. */
  usage(from: string, to: string, logStores: readonly string[] = this.ledger.usage.logStores): UsageEntry[] {
    const today = dayOf(Date.now());
    const last = to < today ? to : today;
    return logStores.flatMap((logStore) => this.ledger.usage.days(logStore, from, last)).sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0));
  }
}
