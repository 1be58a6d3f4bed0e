import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AgentRegistry } from './agent-registry.ts';
import { AssignmentPlan, type ToldRevision } from './assignment-plan.ts';
import type { ControlStore } from './control-store.ts';
import type { WatchSpans } from './watch-spans.ts';

/** Reports of many agents that come together make one plan; */
const SETTLE_MS = 20;
/** and where a plan takes long, plans take no more than this part of the time. */
const PLANNING_SHARE = 0.2;
/** So many are answered in one turn: their answers can go out before the next ones are made. */
const WOKEN_TOGETHER = 32;

interface Waiter {
  readonly agentId: string;
  readonly etag: string | null;
  readonly resolve: () => void;
}

/**
 * Where agents learn what to do, and wait for news of it.
 *
 * I1. Whoever waits is answered when its own assignment changes, and not when only others' do.
 * I2. The watch spans are those of the plan in force.
 */
export class AssignmentBoard {
  private readonly store: ControlStore;
  private readonly agents: AgentRegistry;
  private readonly spans: WatchSpans;
  private readonly told = new Map<string, ToldRevision>();
  private readonly waiters = new Set<Waiter>();
  private current: AssignmentPlan;
  private planningMs = 0;
  private timer: NodeJS.Timeout | null = null;
  private waking: Promise<void> | null = null;
  private isClosed = false;

  constructor(store: ControlStore, agents: AgentRegistry, spans: WatchSpans) {
    this.store = store;
    this.agents = agents;
    this.spans = spans;
    this.current = this.makePlan();
    store.onChange(() => this.renew());
  }

  get plan(): AssignmentPlan {
    return this.current;
  }

  get waiting(): number {
    return this.waiters.size;
  }

  /** What agents say has changed. */
  renewSoon(): void {
    this.timer ??= setTimeout(() => this.renew(), Math.max(SETTLE_MS, this.planningMs * (1 / PLANNING_SHARE - 1)));
  }

  /** Resolves when the agent's ETag is not this one, or time is up, or the signal aborts. */
  async changed(agentId: string, etag: string | null, waitMs: number, signal: AbortSignal): Promise<void> {
    if (waitMs <= 0 || this.isClosed || signal.aborted || this.current.etag(agentId) !== etag) return;
    await new Promise<void>((resolve) => {
      const waiter: Waiter = {
        agentId, etag,
        resolve: () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', waiter.resolve);
          this.waiters.delete(waiter);
          resolve();
        },
      };
      const timer = setTimeout(waiter.resolve, waitMs);
      signal.addEventListener('abort', waiter.resolve);
      this.waiters.add(waiter);
    });
  }

  close(): void {
    this.isClosed = true;
    if (this.timer) clearTimeout(this.timer);
    for (const waiter of this.waiters) waiter.resolve();
  }

  private renew(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.current = this.makePlan();
    this.waking ??= this.wake().finally(() => { this.waking = null; });
  }

  /** Goes on until everyone who waits knows the plan that is in force by then. */
  private async wake(): Promise<void> {
    let plan: AssignmentPlan | null = null;
    while (plan !== this.current) {
      plan = this.current;
      const waiters = [...this.waiters];
      for (let at = 0; at < waiters.length && plan === this.current; at += WOKEN_TOGETHER) {
        for (const waiter of waiters.slice(at, at + WOKEN_TOGETHER)) if (plan.etag(waiter.agentId) !== waiter.etag) waiter.resolve();
        await nextTurn();
      }
    }
  }

  private makePlan(): AssignmentPlan {
    const started = performance.now();
    const plan = new AssignmentPlan(this.store.state, this.agents.list(), this.told);
    this.spans.follow(plan.watched(), Date.now());
    this.planningMs = performance.now() - started;
    return plan;
  }
}
