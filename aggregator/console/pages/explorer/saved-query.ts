import type { ChartKind } from '../../charts/result-shape.ts';
import { listAll } from '../../api/client.ts';
import { explorerAddress, type Question } from './question.ts';

export interface SavedQuery {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly logstore: string;
  readonly query: string;
  readonly chart: ChartKind;
  readonly dashboard: string | null;
}

export function loadSavedQueries(signal: AbortSignal): Promise<SavedQuery[]> {
  return listAll('/v1/saved-queries', 'saved-queries', { signal });
}

/** The explorer with a saved query, about some time. */
export function savedAddress({ logstore, query, chart, id }: SavedQuery, { from, to }: Pick<Question, 'from' | 'to'>): string {
  return explorerAddress({ logStore: logstore, query, from, to }, { chart, saved: id });
}
