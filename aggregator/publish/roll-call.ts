import type { Logger } from 'winston';
import type { BatchHeader, Expectation, JournalFrame } from '../journal/batch-frame.ts';
import type { Journal } from '../journal/journal.ts';
import { overlapsSpan, type WatchSpan } from '../control/spans.ts';
import type { AgentPositions } from '../receive/agent-positions.ts';

export interface RollCallParts {
  readonly journal: Journal;
  /** As received: those of roll calls are kept among the agents'. */
  readonly positions: AgentPositions;
  readonly watches: () => readonly WatchSpan[];
  /** The frame is in the journal. */
  readonly onCalled: (frame: JournalFrame) => void;
  readonly log: Logger;
  readonly now?: () => number;
}

/** Ids that begin so are the collector's own: the API takes none of them. */
const OWN_AGENT = '!';
const EPOCH = 1;
const LOOK_MS = 200;
/** After a stop, windows that ended longer ago are not called any more. */
const MAX_BEHIND_MS = 24 * 3600 * 1000;
const NO_BODY = new Uint8Array(0);

/**
 * Notes in the journal, for each window that has ended, who was to seal it: that a seal is missing is then known even
 * if nobody sends anything.
 *
 * I1. A window of a width is called once: the call's sequence number is the window's, and what is called is known from
 *     the journal and the ledger, as with agents' batches. After a restart the calls go on where they were.
 */
export class RollCall {
  private readonly parts: RollCallParts;
  private readonly now: () => number;
  /** Per width: the number of the window that is looked at next. */
  private readonly next = new Map<number, number>();
  private timer: NodeJS.Timeout | null = null;
  private working: Promise<void> = Promise.resolve();
  private busy = false;
  private failing = false;

  constructor(parts: RollCallParts) {
    this.parts = parts;
    this.now = parts.now ?? Date.now;
  }

  /** Resolves when the windows that ended before are called. */
  async start(): Promise<void> {
    await this.call();
    this.timer = setInterval(() => {
      if (!this.busy) void this.call();
    }, LOOK_MS);
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.working;
  }

  private call(): Promise<void> {
    this.working = this.working.then(() => this.callAll());
    return this.working;
  }

  private async callAll(): Promise<void> {
    this.busy = true;
    try {
      const byWidth = new Map<number, WatchSpan[]>();
      for (const span of this.parts.watches()) byWidth.set(span.windowSeconds, [...(byWidth.get(span.windowSeconds) ?? []), span]);
      for (const [seconds, spans] of byWidth) await this.callWidth(seconds, spans);
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.parts.log.error(`the agents that are to seal a window could not be noted, and it is tried again: ${(error as Error).message}`);
      this.failing = true;
    } finally {
      this.busy = false;
    }
  }

  private async callWidth(seconds: number, spans: readonly WatchSpan[]): Promise<void> {
    const agent = `${OWN_AGENT}roll-call/${seconds}`;
    const current = Math.floor(this.now() / 1000 / seconds);
    for (let number = this.next.get(seconds) ?? this.firstNumber(agent, seconds, spans); number < current; number++) {
      const expected = expectedIn(spans, number * seconds, seconds);
      if (expected.length > 0) {
        const header: BatchHeader = {
          agent, epoch: EPOCH, sequence: number, logStore: null, receivedMs: this.now(), windows: [], seals: [],
          rollCall: { start: number * seconds, seconds, expected },
        };
        const frame = await this.parts.journal.append(header, NO_BODY);
        this.parts.positions.advance(agent, EPOCH, number);
        this.parts.onCalled(frame);
      }
      this.next.set(seconds, number + 1);
    }
  }

  /** The number of the first window that is to be called in this run. */
  private firstNumber(agent: string, seconds: number, spans: readonly WatchSpan[]): number {
    const begun = Math.floor(Math.min(...spans.map(({ fromMs }) => fromMs)) / 1000 / seconds);
    const next = Math.max(begun, (this.parts.positions.last(agent, EPOCH) ?? -1) + 1);
    const earliest = Math.ceil((this.now() - MAX_BEHIND_MS) / 1000 / seconds);
    const skipped = spans.some((span) => overlapsSpan(span, next * seconds * 1000, earliest * seconds * 1000));
    if (next < earliest && skipped) {
      const [from, to] = [next, earliest].map((number) => new Date(number * seconds * 1000).toISOString());
      this.parts.log.warn(`nobody noted who was to seal the windows of ${seconds} s from ${from} to ${to}, while the collector was not running: of these, only what agents still send is known`);
    }
    return Math.max(next, earliest);
  }
}

/**
 * The agents that have had the ENI since the window's start. In the window in which an agent is told of an ENI, or of
 * another width, what it seals is partial at best, and may be of the width before.
 */
function expectedIn(spans: readonly WatchSpan[], start: number, seconds: number): Expectation[] {
  const expected = new Map<string, Expectation>();
  for (const span of spans) {
    if (span.fromMs > start * 1000 || !overlapsSpan(span, start * 1000, (start + seconds) * 1000)) continue;
    const { eniId, agentId, attributes } = span;
    expected.set(JSON.stringify([eniId, agentId]), { eniId, agentId, attributes });
  }
  return [...expected.values()];
}
