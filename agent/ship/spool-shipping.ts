import { setTimeout as sleep } from 'node:timers/promises';
import type { DecodedBatch } from '../../shared/wire/decode-columnar.ts';
import type { BoundFrame, Spool } from '../spool/spool.ts';
import type { LossSum } from '../spool/window-loss.ts';
import { sumOf } from '../spool/window-loss.ts';
import { decodeBody, emptyBatch, encodePart, halvesOf, lossOfPart, wholeOf } from './batch-parts.ts';
import type { BatchNumber, PostAnswer, Progress } from './collector-post.ts';
import { refusedBytes } from './refused-batch.ts';
import { waitBefore } from './retry-wait.ts';

/** A refusal that a person has to do something about. */
const REFUSAL_WAIT_MS = 15_000;
const DISK_WAIT_MS = 5_000;
/** How often the collector is asked what has become of batches that are held for it. */
const ASK_EVERY_MS = 20_000;
/** The backlog of many agents meets one collector that has just come back. */
const BACKLOG_BYTES_PER_SECOND = 4 * 1024 * 1024;
/** To find one bad row among 65,536 takes 32 of them; a batch that is bad all over is not taken apart for days. */
const MAX_REFUSALS = 256;

export interface ShippingEvents {
  sent(frame: BoundFrame, bytes: number): void;
  /** Tried again in so long. */
  retry(reason: string, waitMs: number): void;
  refused(reason: string, waitMs: number): void;
  renumbered(reason: string): void;
  /** The collector has asked for it. */
  sentAgain?(number: BatchNumber): void;
  setAside(name: string | null, sum: LossSum, seals: number, reason: string): void;
}

export interface PostBatch {
  post(gzipped: Uint8Array, number: BatchNumber): Promise<PostAnswer>;
  /** null: it does not say at the moment. Whoever has no such method is sent nothing again. */
  progress?(agentId: string): Promise<Progress | null>;
}

/**
 * Sends what is in the spool, one batch at a time, for ever.
 *
 * I1. A live batch waits for at most one batch of the backlog.
 * I2. No batch keeps the others waiting that the collector will never take: it is taken apart, and what is bad of it is
 *     set aside.
 * I3. What the collector has damaged goes again where it is still held, one batch between two others.
 */
export class SpoolShipping {
  private readonly spool: Spool;
  private readonly collector: PostBatch;
  private readonly events: ShippingEvents;
  private readonly signal: AbortSignal;
  /** Of the batch that is being sent: it is read once, however often it is tried. */
  private body: { id: number; bytes: Buffer; decoded: DecodedBatch | null } | null = null;
  private attempt = 0;
  /** The last epoch that was begun to close another one. */
  private closing = 0;
  private backlogFromMs = 0;
  private isHasty = false;
  private askFromMs = 0;
  private wanted: readonly Progress['wanted'][number][] = [];
  private idle: () => void = () => {};

  constructor(spool: Spool, collector: PostBatch, signal: AbortSignal, events: ShippingEvents) {
    this.spool = spool;
    this.collector = collector;
    this.signal = signal;
    this.events = events;
  }

  /** Ends when the signal says so. */
  async run(): Promise<void> {
    while (!this.signal.aborted) {
      try {
        const appended = this.spool.appended();
        const isSent = await this.sendNext();
        const isSentAgain = this.attempt === 0 && await this.sendAgain();
        if (!isSent && !isSentAgain) await this.untilMore(appended);
      } catch (error) {
        if (this.signal.aborted) return;
        this.events.retry(`the spool's disk: ${(error as Error).message}`, DISK_WAIT_MS);
        await this.wait(DISK_WAIT_MS);
      }
    }
  }

  /** From here on the backlog goes without pauses; resolves when nothing waits any more. */
  async drained(): Promise<void> {
    this.isHasty = true;
    this.backlogFromMs = 0;
    const done = new Promise<void>((resolve) => (this.idle = resolve));
    this.spool.nudge();
    await done;
  }

  private async sendNext(): Promise<boolean> {
    const next = await this.spool.next(performance.now() >= this.backlogFromMs);
    if (next === null) return false;
    const bytes = await this.bodyOf(next);
    if (bytes === null) return true;
    const fromMs = performance.now();
    const { frame: { agentId }, epoch, sequence } = next;
    const answer = await this.collector.post(bytes, { agentId, epoch, sequence });
    if (answer.kind === 'acknowledged') {
      this.attempt = 0;
      this.events.sent(next, bytes.length);
      // as long a pause as it took: half of the collector's attention is for others
      const pauseMs = Math.max(performance.now() - fromMs, bytes.length / BACKLOG_BYTES_PER_SECOND * 1000);
      if (next.isBacklog && !this.isHasty) this.backlogFromMs = performance.now() + pauseMs;
      await this.spool.acknowledged();
    } else {
      await this.heed(answer, next);
    }
    return true;
  }

  /** false: nothing is wanted that is here. */
  private async sendAgain(): Promise<boolean> {
    const { spool, collector } = this;
    if (spool.heldBatches === 0 || !collector.progress) return false;
    if (this.wanted.length === 0 && performance.now() >= this.askFromMs) {
      const progress = await collector.progress(spool.agentId);
      this.askFromMs = performance.now() + ASK_EVERY_MS;
      this.wanted = progress?.wanted ?? [];
      if (progress) await spool.published(progress.publishedThrough);
    }
    const [first, ...others] = this.wanted;
    if (!first) return false;
    this.wanted = others;
    const body = await spool.readHeld(first.epoch, first.sequence);
    if (body === null) return true;
    const number = { agentId: spool.agentId, ...first };
    const answer = await collector.post(body, number);
    if (answer.kind === 'acknowledged') this.events.sentAgain?.(number);
    else this.wanted = []; // it will ask again
    return true;
  }

  private async heed(answer: Exclude<PostAnswer, { kind: 'acknowledged' }>, next: BoundFrame): Promise<void> {
    this.askFromMs = 0; // it may be another process, which has found damage
    if (answer.kind === 'out-of-order') {
      await this.renumber(answer);
    } else if (answer.kind === 'unfit') {
      this.attempt = 0;
      await this.takeApart(next, answer.reason);
    } else if (answer.kind === 'refused') {
      this.events.refused(answer.reason, REFUSAL_WAIT_MS);
      await this.wait(REFUSAL_WAIT_MS);
    } else {
      await this.retry(answer.reason, answer.retryAfterMs);
    }
  }

  private async renumber({ newestEpoch, reason }: Extract<PostAnswer, { kind: 'out-of-order' }>): Promise<void> {
    const { spool } = this;
    const closing = spool.renumber(newestEpoch);
    if (closing !== null || newestEpoch !== this.closing) this.events.renumbered(reason);
    if (closing === null) {
      // one who answers so to every number is asked no faster
      if (this.attempt > 0) await this.wait(waitBefore(this.attempt, 0));
      this.attempt++;
      return;
    }
    this.closing = closing;
    const answer = await this.collector.post(await emptyBatch(), { agentId: spool.agentId, epoch: closing, sequence: 1 });
    if (answer.kind === 'acknowledged') spool.epochClosed();
    else await this.retry(answer.reason, answer.kind === 'failed' ? answer.retryAfterMs : 0);
  }

  private async retry(reason: string, afterMs: number): Promise<void> {
    const waitMs = waitBefore(this.attempt++, afterMs);
    this.events.retry(reason, waitMs);
    await this.wait(waitMs);
  }

  private async takeApart({ frame, part }: BoundFrame, reason: string): Promise<void> {
    const decoded = await this.decoded();
    const whole = part ?? wholeOf(decoded);
    const halves = this.spool.refusals < MAX_REFUSALS ? halvesOf(whole) : null;
    if (halves) {
      this.spool.split(halves);
      return;
    }
    const lost = lossOfPart(decoded, whole, frame.agentId);
    const name = `refused-${frame.id}-rows-${whole.rows.join('-')}-seals-${whole.seals.join('-')}`;
    const kept = await this.spool.setAside(name, await refusedBytes(decoded, whole, reason), lost);
    this.events.setAside(kept, sumOf(lost), whole.seals[1] - whole.seals[0], reason);
  }

  private async bodyOf({ frame, part }: BoundFrame): Promise<Buffer | null> {
    if (this.body?.id !== frame.id) {
      const bytes = await this.spool.readBody(frame);
      this.body = bytes && { id: frame.id, bytes, decoded: null };
      if (bytes === null) return null;
    }
    return part === null ? this.body!.bytes : encodePart(await this.decoded(), part);
  }

  private async decoded(): Promise<DecodedBatch> {
    return (this.body!.decoded ??= await decodeBody(this.body!.bytes));
  }

  private async untilMore(appended: Promise<void>): Promise<void> {
    if (this.spool.waitingBatches === 0) this.idle();
    const pauseMs = this.backlogFromMs - performance.now();
    if (this.spool.hasBacklog && pauseMs <= 0) return;
    this.body = null;
    await Promise.race([appended, this.wait(this.spool.hasBacklog ? pauseMs : LONGEST_IDLE_MS)]);
  }

  private async wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal }).catch(() => {});
  }
}

/** What was live becomes backlog without anybody saying so. */
const LONGEST_IDLE_MS = 1_000;
