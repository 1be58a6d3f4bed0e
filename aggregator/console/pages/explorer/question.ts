import { signal } from '@preact/signals';
import type { CompletenessSummary, QueryRows, Value } from '../../api/answers.ts';
import { send, type Parameters } from '../../api/client.ts';
import { addressOf, parameter } from '../../state/address.ts';
import { ALL_TIME, rangeOf } from '../../ui/time-range.ts';

export { ALL_TIME, rangeOf };

/** What the address asks. */
export interface Question {
  readonly logStore: string;
  readonly query: string;
  /** As the address spells them: an offset, Unix seconds, `0` for all time; `to` null is now. */
  readonly from: string;
  readonly to: string | null;
}

export type FlowRecord = Readonly<Record<string, Value>>;

export interface QueryRecords {
  readonly records: readonly FlowRecord[];
  readonly cursor: string | null;
  readonly elapsedMs: number;
  readonly scanned: { readonly files: number; readonly rows: number; readonly bytes: number };
  readonly completeness: CompletenessSummary;
}

export type SelectRows = QueryRows & Pick<QueryRecords, 'elapsedMs' | 'scanned'>;

/** Goes up when the same question is asked once more. */
export const turn = signal(0);

export function addressQuestion(logStore: string): Question {
  return { logStore, query: parameter('q') ?? '', from: parameter('from') ?? ALL_TIME, to: parameter('to') };
}

/** The explorer with a question in it. */
export function explorerAddress({ logStore, query, from, to }: Question, others: Readonly<Record<string, string | null>> = {}): string {
  return addressOf('/explorer', { logstore: logStore, q: query, from, to, ...others });
}

export async function ask<T>(logStore: string, body: Parameters, signal?: AbortSignal): Promise<T> {
  const response = await askFor(logStore, body, signal);
  return await response.json() as T;
}

/** The answer as it is, for what is no JSON. */
export function askFor(logStore: string, body: Parameters, signal?: AbortSignal): Promise<Response> {
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined));
  return send('POST', `/v1/logstores/${encodeURIComponent(logStore)}/query`, { body: given, signal });
}
