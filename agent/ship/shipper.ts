import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WeirError } from '../../shared/errors.ts';
import { CollectorPost, type CollectorPostOptions } from './collector-post.ts';
import { waitBefore } from './retry-wait.ts';

/** Senders of one name that begin an epoch at once are not to choose the same. */
const EPOCH_SPREAD = 2 ** 24;

export interface ShipperOptions extends CollectorPostOptions {
  readonly agentId: string;
  /** Larger at every start. */
  readonly epoch: number;
  /** How long to go on trying one batch. */
  readonly retryForMs: number;
  readonly onRetry?: (reason: string, waitMs: number) => void;
}

/**
 * Sends batches that exist nowhere else, one at a time, each with the next sequence number, until it is acknowledged.
 * Others may send under the same name: where one has begun a newer epoch, which closes this one, a still newer one begins.
 */
export class Shipper {
  private readonly options: ShipperOptions;
  private readonly collector: CollectorPost;
  private epoch: number;
  private sequence = 1;

  constructor(options: ShipperOptions) {
    this.options = options;
    this.epoch = options.epoch;
    this.collector = new CollectorPost(options);
  }

  /** Sends a gzipped columnar batch. Throws NETWORK when time runs out, REFUSED when the collector will not have it. */
  async send(gzipped: Buffer): Promise<void> {
    const { agentId, collector, retryForMs, onRetry } = this.options;
    const startMs = performance.now();
    for (let attempt = 0; ; attempt++) {
      const answer = await this.collector.post(gzipped, { agentId, epoch: this.epoch, sequence: this.sequence });
      if (answer.kind === 'acknowledged') break;
      if (answer.kind === 'out-of-order' && answer.newestEpoch > 0 && performance.now() - startMs < retryForMs) {
        this.epoch = answer.newestEpoch + randomInt(1, EPOCH_SPREAD);
        this.sequence = 1;
        continue;
      }
      if (answer.kind !== 'failed') throw new WeirError('REFUSED', `${collector} refused batch ${this.sequence}: ${answer.reason}`);
      const waitMs = waitBefore(attempt, answer.retryAfterMs);
      if (performance.now() - startMs + waitMs > retryForMs) {
        throw new WeirError('NETWORK', `batch ${this.sequence} could not be sent to ${collector}: ${answer.reason}`);
      }
      onRetry?.(answer.reason, waitMs);
      await sleep(waitMs);
    }
    this.sequence++;
  }

  async close(): Promise<void> {
    await this.collector.close();
  }
}
