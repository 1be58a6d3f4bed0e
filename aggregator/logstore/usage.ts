/** What one LogStore took in on one day, and what it held at the day's end. */
export interface UsageEntry {
  readonly logStore: string;
  /** UTC, `2026-01-31`. */
  readonly day: string;
  /** As agents sent them, before merging. */
  readonly rows: number;
  /** Their part of the batches, not compressed. */
  readonly ingestedBytes: number;
  /** Of its files after the last change of the day. */
  readonly storedBytes: number;
}

const DAY_MS = 24 * 3600 * 1000;
/** Days are kept so long, counted from the last one with a change. */
const DAYS_KEPT = 400;

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The days of each LogStore on which something changed; of LogStores that are gone too. */
export class Usage {
  /** By LogStore, then day; days in order. */
  private readonly stores = new Map<string, Map<string, UsageEntry>>();

  clear(): void {
    this.stores.clear();
  }

  set(entry: UsageEntry): void {
    let days = this.stores.get(entry.logStore);
    if (!days) this.stores.set(entry.logStore, (days = new Map()));
    days.set(entry.day, entry);
  }

  note(logStore: string, atMs: number, rows: number, ingestedBytes: number, storedBytes: number): void {
    const day = dayOf(atMs);
    const known = this.stores.get(logStore)?.get(day);
    this.set({ logStore, day, rows: (known?.rows ?? 0) + rows, ingestedBytes: (known?.ingestedBytes ?? 0) + ingestedBytes, storedBytes });
  }

  entries(): UsageEntry[] {
    const all = [...this.stores.values()].flatMap((days) => [...days.values()]);
    const newest = all.reduce((last, { day }) => (day > last ? day : last), '');
    if (newest === '') return [];
    const oldest = dayOf(Date.parse(newest) - DAYS_KEPT * DAY_MS);
    return all.filter(({ day }) => day >= oldest);
  }

  /** Each day from `from` to `to`, both included, on which the LogStore held or took in something. */
  days(logStore: string, from: string, to: string): UsageEntry[] {
    const known = [...(this.stores.get(logStore)?.values() ?? [])].sort((a, b) => (a.day < b.day ? -1 : 1));
    const result: UsageEntry[] = [];
    if (known.length === 0) return result;
    const first = from > known[0]!.day ? from : known[0]!.day;
    let storedBytes = 0;
    let next = 0;
    while (next < known.length && known[next]!.day < first) storedBytes = known[next++]!.storedBytes;
    for (let ms = Date.parse(first); dayOf(ms) <= to; ms += DAY_MS) {
      const day = dayOf(ms);
      const changed = known[next]?.day === day ? known[next++]! : null;
      storedBytes = changed?.storedBytes ?? storedBytes;
      if (changed || storedBytes > 0) result.push(changed ?? { logStore, day, rows: 0, ingestedBytes: 0, storedBytes });
    }
    return result;
  }

  get logStores(): string[] {
    return [...this.stores.keys()];
  }
}
