import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request, type Dispatcher } from 'undici';
import { WeirError } from '../../shared/errors.ts';
import type { CollectorTls } from './collector-tls.ts';
import { connectionReason, isRetriedStatus, problemDetail, retryAfterMs, waitBefore } from './retry-wait.ts';

export interface ShipperOptions {
  /** Base URL of the collector. */
  readonly collector: string;
  /** Token with the scope ingest; null where the collector asks for none. */
  readonly token: string | null;
  readonly agentId: string;
  /** Larger at every start of the agent. */
  readonly epoch: number;
  /** LogStore of rows that no flow log covers. */
  readonly logStore: string | null;
  /** How long to go on trying one batch; Infinity for a daemon. */
  readonly retryForMs: number;
  readonly onRetry?: (reason: string, waitMs: number) => void;
  readonly tls?: CollectorTls;
  /** Ends the trying; `send` then rejects. */
  readonly signal?: AbortSignal;
}

/** The collector has answered, and will not have the batch. */
export class CollectorRefusal extends WeirError {
  readonly status: number;

  constructor(status: number, message: string) {
    super('REFUSED', message);
    this.status = status;
  }
}

const REQUEST_TIMEOUT_MS = 60_000;
/** What a collector says once a batch is on its disk. */
const ACKNOWLEDGEMENT = /^\s*\{\s*"status"\s*:\s*"(stored|duplicate)"\s*\}\s*$/;

/** Sends batches to the collector, one at a time, each with the next sequence number, until it is acknowledged. */
export class Shipper {
  private readonly options: ShipperOptions;
  private readonly dispatcher: Agent;
  private readonly url: URL;
  private sequence = 1;

  constructor(options: ShipperOptions) {
    this.options = options;
    this.url = batchesUrl(options.collector);
    this.dispatcher = new Agent({
      connections: 1, headersTimeout: REQUEST_TIMEOUT_MS, bodyTimeout: REQUEST_TIMEOUT_MS,
      connect: { ...options.tls },
    });
  }

  /** Sends a gzipped columnar batch. Throws NETWORK when time runs out, REFUSED when the collector will not have it. */
  async send(gzipped: Buffer): Promise<void> {
    const startMs = performance.now();
    for (let attempt = 0; ; attempt++) {
      const refusal = await this.attempt(gzipped);
      if (refusal === null) break;
      const waitMs = waitBefore(attempt, refusal.retryAfterMs);
      if (performance.now() - startMs + waitMs > this.options.retryForMs) {
        throw new WeirError('NETWORK', `batch ${this.sequence} could not be sent to ${this.options.collector}: ${refusal.reason}`);
      }
      this.options.onRetry?.(refusal.reason, waitMs);
      await sleep(waitMs, undefined, this.options.signal ? { signal: this.options.signal } : {});
    }
    this.sequence++;
  }

  async close(): Promise<void> {
    if (this.options.signal?.aborted) await this.dispatcher.destroy();
    else await this.dispatcher.close();
  }

  /** Null when the batch is acknowledged, else why not and when to try again. */
  private async attempt(gzipped: Buffer): Promise<{ reason: string; retryAfterMs: number } | null> {
    let response: Dispatcher.ResponseData;
    try {
      const { signal = null } = this.options;
      response = await request(this.url, { method: 'POST', headers: this.headers(), body: gzipped, dispatcher: this.dispatcher, signal });
    } catch (error) {
      if (this.options.signal?.aborted) throw error;
      return { reason: connectionReason(error), retryAfterMs: 0 };
    }
    const text = await response.body.text().catch(() => '');
    if (response.statusCode === 200) {
      if (ACKNOWLEDGEMENT.test(text)) return null;
      // a proxy, or an answer that broke off: the batch may be stored or not, and is a duplicate at worst
      return { reason: `200 without an acknowledgement (${JSON.stringify(text.slice(0, 60))}); is it a Weir collector?`, retryAfterMs: 0 };
    }
    const detail = problemDetail(text);
    if (!isRetriedStatus(response.statusCode)) {
      throw new CollectorRefusal(response.statusCode, `${this.options.collector} refused batch ${this.sequence}: ${response.statusCode} ${detail}`);
    }
    return { reason: `${response.statusCode} ${detail}`, retryAfterMs: retryAfterMs(response.headers['retry-after']) };
  }

  private headers(): Record<string, string> {
    const { token, agentId, epoch, logStore } = this.options;
    return {
      'content-type': 'application/vnd.apache.arrow.stream',
      'content-encoding': 'gzip',
      'weir-agent-id': agentId,
      'weir-epoch': String(epoch),
      'weir-sequence': String(this.sequence),
      ...(logStore === null ? {} : { 'weir-logstore': logStore }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    };
  }
}

function batchesUrl(collector: string): URL {
  if (!URL.canParse(collector) || !/^https?:$/.test(new URL(collector).protocol)) {
    throw new WeirError('USAGE', `${JSON.stringify(collector)} is no URL of a collector; write something like http://127.0.0.1:8790`);
  }
  return new URL('v1/batches', collector.endsWith('/') ? collector : `${collector}/`);
}
