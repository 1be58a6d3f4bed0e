import { useEffect, useState } from 'preact/hooks';
import { ApiProblem } from '../../api/client.ts';
import { ask, type FlowRecord, type QueryRecords } from './question.ts';
import { KEY_FIELDS, recordSearch } from './record-key.ts';

const POLL_MS = 4000;
const MOST = 2000;
const PAGE = 1000;

export interface Tail {
  /** Newest first. */
  readonly records: readonly FlowRecord[];
  readonly answer: QueryRecords | null;
  readonly problem: ApiProblem | null;
  /** Goes up with each look. */
  readonly version: number;
}

const NOTHING: Tail = { records: [], answer: null, problem: null, version: 0 };

/**
 * Records as their windows are published, from the newest window on. The last window seen is asked for again each time,
 * since late ENIs may add to it. Rests while nobody sees the page.
 */
export function useLiveTail(isOn: boolean, logStore: string, query: string, fields: readonly string[]): Tail {
  const [tail, setTail] = useState<Tail>(NOTHING);
  const names = fields.join(',');
  useEffect(() => {
    setTail(NOTHING);
    if (!isOn) return undefined;
    const left = new AbortController();
    const known = new Set<string>();
    let records: FlowRecord[] = [];
    let since: number | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isLooking = false;
    const look = async (): Promise<void> => {
      if (document.hidden || isLooking) return;
      isLooking = true;
      try {
        const page: QueryRecords = await ask<QueryRecords>(logStore, {
          query, order: 'newest', limit: since === null ? 100 : PAGE, fields: [...new Set([...names.split(','), ...KEY_FIELDS])].join(','), ...(since === null ? {} : { from: since }),
        }, left.signal);
        const fresh = page.records.filter((record) => !known.has(recordSearch(record)));
        for (const record of fresh) known.add(recordSearch(record));
        records = [...fresh, ...records].slice(0, MOST);
        since = page.records.reduce<number | null>((most, record) => Math.max(most ?? 0, Number(record['start'])), since);
        // only what the next look may bring again has to be known
        if (known.size > 4 * MOST) {
          known.clear();
          for (const record of records) known.add(recordSearch(record));
        }
        setTail((before) => ({ records, answer: page, problem: null, version: before.version + 1 }));
      } catch (error) {
        if (left.signal.aborted) return;
        if (!(error instanceof ApiProblem)) throw error;
        setTail((before) => ({ ...before, problem: error, version: before.version + 1 }));
      } finally {
        isLooking = false;
      }
      timer = setTimeout(() => void look(), POLL_MS);
    };
    const onVisibility = (): void => {
      clearTimeout(timer);
      if (!document.hidden) void look();
    };
    void look();
    document.addEventListener('visibilitychange', onVisibility);
    return () => {
      clearTimeout(timer);
      left.abort();
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [isOn, logStore, query, names]);
  return tail;
}
