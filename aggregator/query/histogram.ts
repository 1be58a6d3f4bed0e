import { WeirError } from '../../shared/errors.ts';
import type { Catalog } from '../logstore/catalog.ts';
import { parseQuery, type Query } from './language/parser.ts';
import type { PoolJob } from './query-pool.ts';
import { checkLogStore, queryScope, scannedBy, type Scanned } from './query-plan.ts';
import { STORED_VIEW } from './sql/log-view.ts';
import { END_OF_TIME, timeRange, type TimeRange } from './time-range.ts';

export interface HistogramRequest {
  readonly query?: string | undefined;
  readonly from?: string | number | undefined;
  readonly to?: string | number | undefined;
  /** Seconds of a bucket; or */
  readonly interval?: number | undefined;
  /** how many there should be at most. */
  readonly buckets?: number | undefined;
}

export interface Sums { records: number; packets: number; bytes: number }
/** What the windows that begin in [start, end) hold. */
export interface Bucket extends Sums {
  readonly start: number;
  readonly end: number;
  accept: Sums;
  reject: Sums;
}

export interface HistogramPlan {
  readonly job: PoolJob;
  readonly query: Query;
  readonly range: TimeRange;
  readonly intervalSeconds: number;
  readonly scanned: Scanned;
}

const DEFAULT_BUCKETS = 60;
const MAXIMUM_BUCKETS = 2000;
/** Lengths that people read easily. */
const NICE_SECONDS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800, 2_592_000, 31_536_000, 315_360_000];

/** The search part of the query over time; a SELECT after it changes nothing. */
export function histogramPlan(catalog: Catalog, logStore: string, request: HistogramRequest, nowSeconds: number): HistogramPlan {
  checkLogStore(catalog, logStore);
  const query = { ...parseQuery(request.query ?? ''), select: null };
  const asked = timeRange(asText(request.from), asText(request.to), nowSeconds);
  const files = catalog.files(logStore, asked.from, asked.to);
  const first = files.reduce((least, file) => Math.min(least, file.windowStart), END_OF_TIME);
  const last = files.reduce((most, file) => Math.max(most, file.windowStart + file.windowSeconds), 0);
  // An open end is where the data ends.
  const from = asked.from === 0 ? Math.min(first, asked.to) : asked.from;
  const to = asked.to === END_OF_TIME ? Math.max(last, from) : asked.to;
  const shortest = files.reduce((least, file) => Math.min(least, file.windowSeconds), 2_592_000);
  const intervalSeconds = interval(request, to - from, files.length > 0 ? shortest : 1);
  const range = { from: from - from % intervalSeconds, to: Math.ceil(to / intervalSeconds) * intervalSeconds };
  const scope = queryScope(catalog, logStore, query, asked);
  // Buckets are made of windows, not of rows: windows are few, and dividing each row's time takes long.
  const ofWindows = `SELECT "start", action, count(*) AS records, sum(packets) AS packets, sum(bytes) AS bytes FROM ${STORED_VIEW} GROUP BY ALL`;
  const sql = `SELECT "start" - "start" % ${intervalSeconds} AS bucket, action, sum(records)::BIGINT, coalesce(sum(packets), 0), coalesce(sum(bytes), 0)
    FROM (${ofWindows}) GROUP BY ALL`;
  const job: PoolJob = {
    files: files.map((file) => file.path), predicate: scope.predicate, question: { kind: 'table', sql }, format: 'json', envelope: {},
  };
  return { job, query, range, intervalSeconds, scanned: scannedBy(files) };
}

function interval(request: HistogramRequest, seconds: number, shortest: number): number {
  if (request.interval !== undefined) {
    if (!Number.isSafeInteger(request.interval) || request.interval < 1) throw new WeirError('USAGE', `interval ${request.interval} is not a whole number of seconds`);
    if (seconds / request.interval > MAXIMUM_BUCKETS) {
      throw new WeirError('USAGE', `an interval of ${request.interval} s makes more than ${MAXIMUM_BUCKETS} buckets: make it longer or the range shorter`);
    }
    return request.interval;
  }
  const buckets = request.buckets ?? DEFAULT_BUCKETS;
  if (!Number.isSafeInteger(buckets) || buckets < 1 || buckets > MAXIMUM_BUCKETS) {
    throw new WeirError('USAGE', `buckets ${request.buckets} is not between 1 and ${MAXIMUM_BUCKETS}`);
  }
  const wanted = Math.max(shortest, seconds / buckets);
  return NICE_SECONDS.find((nice) => nice >= wanted) ?? Math.ceil(wanted);
}

/** Every bucket of the range, empty ones too, from the rows of the job's answer. */
export function histogramBuckets(plan: HistogramPlan, body: string): Bucket[] {
  const { rows } = JSON.parse(body) as { rows: [number, string | null, number, number, number][] };
  const buckets = new Map<number, Bucket>();
  for (let start = plan.range.from; start < plan.range.to; start += plan.intervalSeconds) {
    buckets.set(start, { start, end: start + plan.intervalSeconds, ...noSums(), accept: noSums(), reject: noSums() });
  }
  for (const [start, action, records, packets, bytes] of rows) {
    const bucket = buckets.get(start);
    if (!bucket) continue;
    const parts = action === 'ACCEPT' ? [bucket, bucket.accept] : action === 'REJECT' ? [bucket, bucket.reject] : [bucket];
    for (const part of parts) {
      part.records += records;
      part.packets += Number(packets);
      part.bytes += Number(bytes);
    }
  }
  return [...buckets.values()];
}

function noSums(): Sums {
  return { records: 0, packets: 0, bytes: 0 };
}

function asText(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
