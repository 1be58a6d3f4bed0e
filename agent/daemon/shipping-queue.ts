import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchContents } from '../ship/batch-packer.ts';
import { CollectorRefusal, type Shipper } from '../ship/shipper.ts';

/** A refusal that a person has to do something about: a token, a LogStore. */
const REFUSAL_WAIT_MS = 15_000;
/** The collector will never take such a batch. */
const FINAL_REFUSALS: ReadonlySet<number> = new Set([400, 413, 415, 422]);

interface WaitingBatch {
  readonly gzipped: Buffer;
  readonly contents: BatchContents;
}

export interface QueueEvents {
  /** Windows of which something did not get to the collector. */
  lost(windowStarts: readonly number[], contents: { readonly rows: number; readonly packets: number }, reason: string): void;
  refused(text: string, waitMs: number): void;
  sent(contents: BatchContents, bytes: number): void;
}

/**
 * Batches in memory, on their way to the collector one after the other.
 *
 * I1. `waitingBytes` stays below the limit, but for the batch that is being sent: then whole windows go, oldest first.
 * I2. Of a window that has lost rows no seal is sent: its seal would say that they had been sent.
 */
export class ShippingQueue {
  private readonly shipper: Shipper;
  private readonly limitBytes: number;
  private readonly events: QueueEvents;
  private readonly signal: AbortSignal;
  /** The first one is being sent. */
  private readonly batches: WaitingBatch[] = [];
  private bytes = 0;
  /** Windows that lost rows and whose seals have not come yet. */
  private readonly damaged = new Set<number>();
  private sending: Promise<void> | null = null;

  constructor(shipper: Shipper, limitBytes: number, signal: AbortSignal, events: QueueEvents) {
    this.shipper = shipper;
    this.limitBytes = limitBytes;
    this.signal = signal;
    this.events = events;
  }

  get waitingBytes(): number {
    return this.bytes;
  }

  get waitingBatches(): number {
    return this.batches.length;
  }

  /** Unix seconds of the oldest window that is not with the collector yet; null if none waits. */
  get oldestWindowStart(): number | null {
    return this.batches[0]?.contents.windowStarts[0] ?? null;
  }

  add(gzipped: Buffer, contents: BatchContents): void {
    if (contents.windowStarts.some((start) => this.damaged.has(start))) {
      this.lose([{ gzipped, contents }], 'rows of the same window were dropped before');
      return;
    }
    this.batches.push({ gzipped, contents });
    this.bytes += gzipped.length;
    while (this.bytes > this.limitBytes && this.batches.length > 2) this.dropOldest();
    this.sending ??= this.sendAll().finally(() => (this.sending = null));
  }

  /** Resolves when all is sent, or the signal has ended the sending. */
  async drained(): Promise<void> {
    while (this.sending !== null) await this.sending;
  }

  /** What is still here is lost. */
  abandon(reason: string): void {
    if (this.batches.length > 0) this.lose(this.batches.splice(0), reason);
    this.bytes = 0;
  }

  private async sendAll(): Promise<void> {
    for (;;) {
      const batch = this.batches[0];
      if (!batch || this.signal.aborted) return;
      try {
        if (await this.trySending(batch)) this.events.sent(batch.contents, batch.gzipped.length);
      } catch (error) {
        if (this.signal.aborted) return;
        throw error;
      }
      this.batches.shift();
      this.bytes -= batch.gzipped.length;
    }
  }

  /** False if the collector will never have it. */
  private async trySending(batch: WaitingBatch): Promise<boolean> {
    for (;;) {
      try {
        await this.shipper.send(batch.gzipped);
        return true;
      } catch (error) {
        if (!(error instanceof CollectorRefusal)) throw error;
        if (FINAL_REFUSALS.has(error.status)) {
          this.lose([batch], error.message);
          return false;
        }
        this.events.refused(error.message, REFUSAL_WAIT_MS);
        await sleep(REFUSAL_WAIT_MS, undefined, { signal: this.signal });
      }
    }
  }

  /** The oldest batch that is not being sent, and every other one with rows or seals of its windows. */
  private dropOldest(): void {
    const starts = new Set(this.batches[1]!.contents.windowStarts);
    const dropped = this.batches.filter(({ contents }, index) => index > 0 && contents.windowStarts.some((start) => starts.has(start)));
    for (const batch of dropped) {
      this.batches.splice(this.batches.indexOf(batch), 1);
      this.bytes -= batch.gzipped.length;
    }
    this.lose(dropped, `more than ${this.limitBytes} bytes of batches waited for the collector`);
  }

  private lose(lost: readonly WaitingBatch[], reason: string): void {
    for (const { contents } of lost) {
      for (const start of contents.windowStarts) {
        if (contents.sealedStarts.includes(start)) this.damaged.delete(start);
        else this.damaged.add(start);
      }
    }
    const sum = (of: 'rows' | 'packets'): number => lost.reduce((total, { contents }) => total + contents[of], 0);
    const starts = [...new Set(lost.flatMap(({ contents }) => contents.windowStarts))];
    this.events.lost(starts, { rows: sum('rows'), packets: sum('packets') }, reason);
  }
}
