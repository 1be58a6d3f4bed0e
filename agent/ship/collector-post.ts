import { Agent, request, type Dispatcher } from 'undici';
import { WeirError } from '../../shared/errors.ts';
import type { CollectorTls } from './collector-tls.ts';
import { connectionReason, isRetriedStatus, problemDetail, retryAfterMs } from './retry-wait.ts';

export interface CollectorPostOptions {
  /** Base URL of the collector. */
  readonly collector: string;
  /** Token with the scope ingest; null where the collector asks for none. */
  readonly token: string | null;
  /** LogStore of rows that no flow log covers. */
  readonly logStore: string | null;
  readonly tls?: CollectorTls;
  /** Ends what is under way; `post` then rejects. */
  readonly signal?: AbortSignal;
}

/** Under which number a batch comes. */
export interface BatchNumber {
  readonly agentId: string;
  readonly epoch: number;
  readonly sequence: number;
}

/** What became of one attempt. */
export type PostAnswer =
  | { readonly kind: 'acknowledged' }
  /** The collector has another idea of the numbers: it waits for `expected`, or knows a newer epoch. */
  | { readonly kind: 'out-of-order'; readonly newestEpoch: number; readonly reason: string }
  /** It will never take this batch. */
  | { readonly kind: 'unfit'; readonly status: number; readonly reason: string }
  /** Something that a person has to change: a token, a LogStore. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number };

/** What has become of an agent's batches. */
export interface Progress {
  /** By epoch: the collector needs none up to this number any more. */
  readonly publishedThrough: ReadonlyMap<number, number>;
  /** Damaged there: to be sent again under their numbers. */
  readonly wanted: readonly { readonly epoch: number; readonly sequence: number }[];
}

const NOTHING_HELD: Progress = { publishedThrough: new Map(), wanted: [] };
const REQUEST_TIMEOUT_MS = 60_000;
/** Batches wait for the answer to a question. */
const QUESTION_TIMEOUT_MS = 5_000;
/** What a collector says once a batch is on its disk. */
const ACKNOWLEDGEMENT = /^\s*\{\s*"status"\s*:\s*"(stored|duplicate)"\s*\}\s*$/;
const UNFIT: ReadonlySet<number> = new Set([400, 413, 415, 422]);

/** Posts gzipped columnar batches, each once, and asks what has become of them. */
export class CollectorPost {
  private readonly options: CollectorPostOptions;
  private readonly dispatcher: Agent;
  private readonly url: URL;

  constructor(options: CollectorPostOptions) {
    this.options = options;
    this.url = batchesUrl(options.collector);
    this.dispatcher = new Agent({
      connections: 1, headersTimeout: REQUEST_TIMEOUT_MS, bodyTimeout: REQUEST_TIMEOUT_MS,
      connect: { ...options.tls },
    });
  }

  async post(gzipped: Uint8Array, number: BatchNumber): Promise<PostAnswer> {
    let response: Dispatcher.ResponseData;
    try {
      const { signal = null } = this.options;
      response = await request(this.url, { method: 'POST', headers: this.headers(number), body: gzipped, dispatcher: this.dispatcher, signal });
    } catch (error) {
      if (this.options.signal?.aborted) throw error;
      return { kind: 'failed', reason: connectionReason(error), retryAfterMs: 0 };
    }
    const text = await response.body.text().catch(() => '');
    if (response.statusCode === 200) {
      if (ACKNOWLEDGEMENT.test(text)) return { kind: 'acknowledged' };
      // a proxy, or an answer that broke off: the batch may be stored or not, and is a duplicate at worst
      return { kind: 'failed', reason: `200 without an acknowledgement (${JSON.stringify(text.slice(0, 60))}); is it a Weir collector?`, retryAfterMs: 0 };
    }
    return judge(response, text);
  }

  /** null: the collector does not say at the moment. One of an earlier build never will: it wants nothing again. */
  async progress(agentId: string): Promise<Progress | null> {
    try {
      const { signal = null, token } = this.options;
      const headers = { 'weir-agent-id': agentId, ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
      const { statusCode, body } = await request(this.url, { headers, dispatcher: this.dispatcher, signal, headersTimeout: QUESTION_TIMEOUT_MS, bodyTimeout: QUESTION_TIMEOUT_MS });
      const text = await body.text();
      if (statusCode === 404 || statusCode === 405) return problemOf(text)?.['status'] === statusCode ? NOTHING_HELD : null;
      return statusCode === 200 ? progressOf(JSON.parse(text)) : null;
    } catch {
      return null;
    }
  }

  async close(): Promise<void> {
    if (this.options.signal?.aborted) await this.dispatcher.destroy();
    else await this.dispatcher.close();
  }

  private headers({ agentId, epoch, sequence }: BatchNumber): Record<string, string> {
    const { token, logStore } = this.options;
    return {
      'content-type': 'application/vnd.apache.arrow.stream',
      'content-encoding': 'gzip',
      'weir-agent-id': agentId,
      'weir-epoch': String(epoch),
      'weir-sequence': String(sequence),
      ...(logStore === null ? {} : { 'weir-logstore': logStore }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    };
  }
}

function judge({ statusCode, headers }: Dispatcher.ResponseData, text: string): PostAnswer {
  const reason = `${statusCode} ${problemDetail(text)}`;
  if (isRetriedStatus(statusCode)) return { kind: 'failed', reason, retryAfterMs: retryAfterMs(headers['retry-after']) };
  const problem = problemOf(text);
  // what does not come from a collector says nothing about the batch: a proxy's page, a captive portal
  if (problem?.['status'] !== statusCode) return { kind: 'refused', status: statusCode, reason };
  if (UNFIT.has(statusCode)) return { kind: 'unfit', status: statusCode, reason };
  const newest = problem['newest-epoch'];
  if (statusCode === 409 && (typeof problem['expected-sequence'] === 'number' || typeof newest === 'number')) {
    return { kind: 'out-of-order', newestEpoch: typeof newest === 'number' ? newest : 0, reason };
  }
  return { kind: 'refused', status: statusCode, reason };
}

/** null: it is no collector's answer. */
function progressOf(answer: unknown): Progress | null {
  const { epochs, wanted } = (answer ?? {}) as { epochs?: Record<string, unknown>[]; wanted?: Record<string, unknown>[] };
  if (!Array.isArray(epochs) || !Array.isArray(wanted)) return null;
  const isWhole = (...values: unknown[]): boolean => values.every((value) => Number.isSafeInteger(value));
  if (!epochs.every((each) => isWhole(each?.['epoch'], each?.['published-through'])) || !wanted.every((each) => isWhole(each?.['epoch'], each?.['sequence']))) return null;
  return {
    publishedThrough: new Map(epochs.map((each) => [Number(each['epoch']), Number(each['published-through'])])),
    wanted: wanted.map((each) => ({ epoch: Number(each['epoch']), sequence: Number(each['sequence']) })),
  };
}

function problemOf(text: string): Record<string, unknown> | null {
  try {
    const problem: unknown = JSON.parse(text);
    return typeof problem === 'object' && problem !== null ? (problem as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function batchesUrl(collector: string): URL {
  if (!URL.canParse(collector) || !/^https?:$/.test(new URL(collector).protocol)) {
    throw new WeirError('USAGE', `${JSON.stringify(collector)} is no URL of a collector; write something like http://127.0.0.1:8790`);
  }
  return new URL('v1/batches', collector.endsWith('/') ? collector : `${collector}/`);
}
