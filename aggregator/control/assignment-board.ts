import type { AgentRegistry } from './agent-registry.ts';
import { AssignmentPlan } from './assignment-plan.ts';
import type { ControlStore } from './control-store.ts';
import type { WatchSpans } from './watch-spans.ts';

/** Reports of many agents that come together make one plan. */
const SETTLE_MS = 20;

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
  private readonly waiters = new Set<Waiter>();
  private current: AssignmentPlan;
  private timer: NodeJS.Timeout | null = null;

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
    this.timer ??= setTimeout(() => this.renew(), SETTLE_MS);
  }

  /** Resolves when the agent's ETag is not this one, or time is up, or the signal aborts. */
  async changed(agentId: string, etag: string | null, waitMs: number, signal: AbortSignal): Promise<void> {
    if (waitMs <= 0 || signal.aborted || this.current.etag(agentId) !== etag) return;
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
    if (this.timer) clearTimeout(this.timer);
    for (const waiter of this.waiters) waiter.resolve();
  }

  private renew(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.current = this.makePlan();
    for (const waiter of this.waiters) if (this.current.etag(waiter.agentId) !== waiter.etag) waiter.resolve();
  }

  private makePlan(): AssignmentPlan {
    const plan = new AssignmentPlan(this.store.state, this.agents.list());
    this.spans.follow(plan.watched(), Date.now());
    return plan;
  }
}
