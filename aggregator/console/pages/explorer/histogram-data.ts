import type { CompletenessSummary } from '../../api/answers.ts';
import { request } from '../../api/client.ts';
import { rangeOf, type Question } from './question.ts';

export interface Sums { readonly records: number; readonly packets: number; readonly bytes: number }
export type Measure = keyof Sums;
export const MEASURES = ['records', 'packets', 'bytes'] as const;

export interface Bucket extends Sums {
  readonly start: number;
  readonly end: number;
  readonly accept: Sums;
  readonly reject: Sums;
}

export interface Histogram {
  readonly range: { readonly from: number; readonly to: number };
  readonly intervalSeconds: number;
  readonly buckets: readonly Bucket[];
  readonly completeness: CompletenessSummary;
}

const BUCKETS = 80;

export function loadHistogram(question: Question, signal: AbortSignal): Promise<Histogram> {
  const { from, to } = rangeOf(question);
  return request('POST', `/v1/logstores/${encodeURIComponent(question.logStore)}/histogram`, {
    body: { query: question.query, from, ...(to === null ? {} : { to }), buckets: BUCKETS }, signal,
  });
}

/** Heights of a bar's parts, from the bottom up. */
export function partsOf(bucket: Bucket, measure: Measure): { readonly accept: number; readonly reject: number; readonly none: number } {
  const accept = bucket.accept[measure];
  const reject = bucket.reject[measure];
  return { accept, reject, none: Math.max(0, bucket[measure] - accept - reject) };
}
