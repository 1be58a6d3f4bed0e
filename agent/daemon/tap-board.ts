import type { ErrorCode } from '../../shared/errors.ts';
import type { LinkCounters, NetworkLink } from '../capture/live/network-link.ts';
import type { LiveSourceOptions } from '../capture/live/open-live-source.ts';
import type { CapturePlan, PlannedTap } from './capture-plan.ts';
import type { CaptureThread } from './capture-thread.ts';
import type { SealDesk } from './seal-desk.ts';
import type { TapBinding, WorkerReport } from './worker-messages.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** Within this time each of several workers has heard of an order; one that has not cuts a window elsewhere, which makes it partial. */
const HEARD_WITHIN_MS = 1_000;

/** What is known of one interface that is wanted, or was until a moment ago. */
interface TapState {
  readonly ifindex: number;
  name: string;
  eniIds: readonly string[];
  /** `waiting`: for the next attempt. `closing`: its sources hand out what they hold. */
  phase: 'opening' | 'open' | 'closing' | 'waiting';
  /** Workers that have it open. */
  readonly openIn: Set<number>;
  fanOutGroup: number | null;
  /** The interface's counters when its packets were last looked at. */
  countersBefore: LinkCounters | null;
  isWanted: boolean;
  retryMs: number;
  retry: NodeJS.Timeout | null;
}

export interface TapView {
  readonly ifindex: number;
  readonly name: string;
  readonly eniIds: readonly string[];
  readonly isOpen: boolean;
}

export interface TapEvents {
  info(text: string): void;
  warn(text: string): void;
  /** An interface could not be captured. */
  refused(name: string, code: ErrorCode, text: string): void;
}

/**
 * Keeps the workers' sources as the plan wants them.
 *
 * I1. An interface is known by its index: one that is replaced by another of the same name is another one.
 * I2. A plan is applied when the sources that it lets go of have handed out their last packets, by the plan before it.
 * I3. In fan-out the first worker makes the group; the others join it, and then all of them let packets in.
 */
export class TapBoard {
  private readonly threads: readonly CaptureThread[];
  private readonly desk: SealDesk;
  private readonly events: TapEvents;
  private readonly sourceOf: (name: string) => LiveSourceOptions;
  private readonly taps = new Map<number, TapState>();
  private waiters: (() => void)[] = [];
  private isStopping = false;
  /** What the workers have not been told yet. */
  private unheard: { readonly plan: CapturePlan; readonly revision: number; readonly windowSeconds: number | null } | null = null;

  constructor(threads: readonly CaptureThread[], desk: SealDesk, sourceOf: (name: string) => LiveSourceOptions, events: TapEvents) {
    this.threads = threads;
    this.desk = desk;
    this.sourceOf = sourceOf;
    this.events = events;
  }

  get views(): TapView[] {
    return [...this.taps.values()].map(({ ifindex, name, eniIds, phase }) => ({ ifindex, name, eniIds, isOpen: phase === 'open' }));
  }

  /**
   * The plan has changed. `counters`: of interfaces that have just appeared, as they were then. `isBoundAnew`: ENIs
   * have moved to other interfaces, or the topology, what is watched or the width of windows (null: it stays) is another
   * one, so that the workers have to hear of it.
   */
  follow(
    plan: CapturePlan, revision: number, counters: ReadonlyMap<number, LinkCounters>, isBoundAnew: boolean, windowSeconds: number | null = null,
  ): void {
    const asked = new Set(plan.watch?.keys() ?? plan.topology.enis.map(({ eniId }) => eniId));
    this.desk.leave([...this.taps.values()].flatMap(({ eniIds }) => eniIds).filter((eniId) => !asked.has(eniId)));
    const planned = new Map(plan.taps.map((tap) => [tap.link.ifindex, tap]));
    for (const tap of this.taps.values()) if (!planned.has(tap.ifindex)) this.release(tap);
    for (const tap of plan.taps) this.place(tap, counters.get(tap.link.ifindex) ?? null);
    if (isBoundAnew) this.unheard = { plan, revision, windowSeconds };
    this.apply();
  }

  /** Resolves when no interface is being opened. */
  async settled(): Promise<void> {
    while ([...this.taps.values()].some(({ phase }) => phase === 'opening')) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  /** The workers are about to end their sources; nothing is opened any more. */
  stop(): void {
    this.isStopping = true;
    for (const { retry } of this.taps.values()) if (retry !== null) clearTimeout(retry);
  }

  hear(report: WorkerReport, thread: CaptureThread): void {
    if (report.kind !== 'opened' && report.kind !== 'refused' && report.kind !== 'ended') return;
    const tap = this.taps.get(report.ifindex);
    if (tap) {
      if (report.kind === 'opened') this.opened(tap, thread, report.fanOutGroup);
      else if (report.kind === 'refused') this.refused(tap, report.code, report.text);
      else this.ended(tap, thread, report);
    }
    const { waiters } = this;
    this.waiters = [];
    for (const wake of waiters) wake();
  }

  private apply(): void {
    const taps = [...this.taps.values()];
    if (taps.some(({ phase }) => phase === 'closing')) return;
    if (this.unheard !== null) this.bindAnew(this.unheard.plan, this.unheard.revision, this.unheard.windowSeconds);
    this.unheard = null;
    for (const tap of taps) if (tap.isWanted && tap.phase === 'waiting' && tap.retry === null) this.open(tap);
  }

  private place({ link, eniIds }: PlannedTap, countersBefore: LinkCounters | null): void {
    const known = this.taps.get(link.ifindex);
    if (!known) {
      this.taps.set(link.ifindex, {
        ifindex: link.ifindex, name: link.name, eniIds, phase: 'waiting', openIn: new Set(), fanOutGroup: null, countersBefore,
        isWanted: true, retryMs: FIRST_RETRY_MS, retry: null,
      });
      return;
    }
    this.desk.unwatch(known.eniIds.filter((eniId) => !eniIds.includes(eniId)));
    if (known.phase === 'open') this.desk.watch(eniIds.filter((eniId) => !known.eniIds.includes(eniId)), false);
    known.isWanted = true;
    known.name = link.name;
    known.eniIds = eniIds;
  }

  private release(tap: TapState): void {
    tap.isWanted = false;
    this.desk.unwatch(tap.eniIds);
    if (tap.phase === 'waiting') this.forget(tap);
    else if (tap.phase === 'open') this.close(tap);
  }

  private close(tap: TapState): void {
    tap.phase = 'closing';
    for (const index of tap.openIn) this.threads[index]!.order({ kind: 'close', ifindex: tap.ifindex });
  }

  private forget(tap: TapState): void {
    if (tap.retry !== null) clearTimeout(tap.retry);
    this.taps.delete(tap.ifindex);
  }

  private bindAnew({ topology, watch }: CapturePlan, revision: number, windowSeconds: number | null): void {
    const fromMs = Date.now() + (this.threads.length > 1 ? HEARD_WITHIN_MS : 0);
    const window = windowSeconds === null ? null : { seconds: windowSeconds, fromSeconds: fromMs / 1000 };
    const taps = [...this.taps.values()].map(({ ifindex, name, eniIds }): TapBinding => ({ ifindex, name, eniIds }));
    for (const thread of this.threads) thread.order({ kind: 'revise', topology, revision, watch, window, taps });
  }

  private open(tap: TapState): void {
    tap.phase = 'opening';
    tap.fanOutGroup = null;
    this.openIn(tap, this.threads[0]!);
  }

  private openIn(tap: TapState, thread: CaptureThread): void {
    const fanOut = this.threads.length === 1 ? null : { group: tap.fanOutGroup ?? 'new' as const };
    const { ifindex, name, eniIds } = tap;
    thread.order({
      kind: 'open',
      tap: { ifindex, name, eniIds, source: { ...this.sourceOf(name), fanOut }, countersBefore: thread.index === 0 ? tap.countersBefore : null },
    });
  }

  private opened(tap: TapState, thread: CaptureThread, fanOutGroup: number | null): void {
    tap.openIn.add(thread.index);
    tap.fanOutGroup ??= fanOutGroup;
    const next = this.threads[thread.index + 1];
    if (tap.phase !== 'opening') thread.order({ kind: 'close', ifindex: tap.ifindex });
    else if (next) this.openIn(tap, next);
    else this.allOpened(tap);
  }

  private allOpened(tap: TapState): void {
    if (this.threads.length > 1) for (const thread of this.threads) thread.order({ kind: 'start', ifindex: tap.ifindex });
    tap.phase = 'open';
    tap.retryMs = FIRST_RETRY_MS;
    if (!tap.isWanted) {
      this.close(tap);
      return;
    }
    // without counters from before nobody knows what passed earlier in the window
    this.desk.watch(tap.eniIds, tap.countersBefore !== null);
    tap.countersBefore = null;
    this.events.info(`capturing on ${tap.name} for ${tap.eniIds.join(', ')}`);
  }

  private refused(tap: TapState, code: ErrorCode, text: string): void {
    this.events.refused(tap.name, code, text);
    tap.phase = 'closing';
    if (tap.openIn.size > 0) this.close(tap);
    else this.allClosed(tap, false);
  }

  private ended(tap: TapState, thread: CaptureThread, report: WorkerReport & { kind: 'ended' }): void {
    tap.openIn.delete(thread.index);
    const { reason, countersAfter } = report;
    if (reason.kind === 'failed') this.events.warn(reason.text);
    if (countersAfter !== null) tap.countersBefore = countersAfter;
    if (!this.isStopping && (tap.phase === 'opening' || tap.phase === 'open')) this.close(tap);
    if (tap.openIn.size === 0) this.allClosed(tap, reason.kind === 'removed');
  }

  private allClosed(tap: TapState, isRemoved: boolean): void {
    if (this.isStopping) {
      this.forget(tap);
      return;
    }
    if (isRemoved || !tap.isWanted) {
      this.events.info(`capture on ${tap.name} has ended: ${isRemoved ? 'the interface was removed' : 'the interface is gone, or no ENI is on it any more'}`);
      this.desk.unwatch(tap.eniIds);
      this.forget(tap);
      this.apply();
      return;
    }
    this.desk.blind(tap.eniIds);
    tap.phase = 'waiting';
    const waitMs = tap.retryMs;
    tap.retryMs = Math.min(LONGEST_RETRY_MS, waitMs * 2);
    tap.retry = setTimeout(() => {
      tap.retry = null;
      this.open(tap);
    }, waitMs);
    this.apply();
  }
}

/** Whether the plans bind each ENI to the same interface and record the same of it. */
export function bindsAlike(a: CapturePlan, b: CapturePlan): boolean {
  const bound = (plan: CapturePlan): string => JSON.stringify([
    plan.topology.enis.map(({ eniId, interface: name }) => [eniId, name]),
    plan.watch && [...plan.watch],
    plan.taps.map(({ link, eniIds }: { link: NetworkLink; eniIds: readonly string[] }) => [link.ifindex, link.name, eniIds]),
  ]);
  return bound(a) === bound(b);
}
