import { WeirError } from '../../shared/errors.ts';
import { waitBefore } from '../ship/retry-wait.ts';
import type { ReportDocument } from './control-channel.ts';

/** Changes that come together are told together. */
const SETTLE_MS = 200;
/** Interfaces that come and go all the time are not told of each time. */
const LEAST_GAP_MS = 1_000;
/** Even if nothing changes. */
const REPEAT_MS = 60_000;

export interface ReportEvents {
  sent(): void;
  failed(error: WeirError): void;
}

/** Tells the collector what the agent sees and does: soon after each change, and now and then. */
export class ReportSender {
  private readonly read: () => ReportDocument | null;
  private readonly send: (document: ReportDocument, signal: AbortSignal) => Promise<void>;
  private readonly events: ReportEvents;
  private readonly ending = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private dueMs = Infinity;
  private isSending = false;
  private failures = 0;
  /** What the collector has, and since when. */
  private told: { readonly text: string; readonly atMs: number } | null = null;

  /** `read`: null where there is nobody to tell yet. */
  constructor(read: () => ReportDocument | null, send: (document: ReportDocument, signal: AbortSignal) => Promise<void>, events: ReportEvents) {
    this.read = read;
    this.send = send;
    this.events = events;
  }

  /** Something that a report tells may be another now. */
  changed(): void {
    if (this.failures > 0) return; // the next attempt tells it
    const earliestMs = (this.told?.atMs ?? -Infinity) + LEAST_GAP_MS;
    this.schedule(Math.max(SETTLE_MS, earliestMs - performance.now()));
  }

  /** The collector may have forgotten: the next report is sent even if it says the same. */
  repeat(): void {
    this.told = null;
    this.failures = 0;
    this.changed();
  }

  stop(): void {
    this.ending.abort();
    clearTimeout(this.timer);
  }

  private schedule(inMs: number): void {
    const dueMs = performance.now() + inMs;
    if (this.ending.signal.aborted || this.isSending || dueMs >= this.dueMs) return;
    clearTimeout(this.timer);
    this.dueMs = dueMs;
    this.timer = setTimeout(() => void this.due(), inMs);
  }

  private async due(): Promise<void> {
    this.dueMs = Infinity;
    const document = this.read();
    if (document === null) {
      this.failures = 0;
      return;
    }
    const text = JSON.stringify(document);
    if (this.told?.text === text && performance.now() - this.told.atMs < REPEAT_MS) {
      this.schedule(this.told.atMs + REPEAT_MS - performance.now());
      return;
    }
    this.isSending = true;
    const nextMs = await this.attempt(document, text);
    this.isSending = false;
    this.schedule(nextMs);
    if (JSON.stringify(this.read()) !== text) this.changed();
  }

  /** When to look again. */
  private async attempt(document: ReportDocument, text: string): Promise<number> {
    try {
      await this.send(document, this.ending.signal);
      this.told = { text, atMs: performance.now() };
      this.failures = 0;
      this.events.sent();
      return REPEAT_MS;
    } catch (error) {
      if (!(error instanceof WeirError)) {
        if (this.ending.signal.aborted) return 0;
        throw error;
      }
      this.events.failed(error);
      return waitBefore(this.failures++, 0);
    }
  }
}
