import type { AgentPosition } from '../logstore/ledger-record.ts';

/** What a batch is to the collector, by its sequence number. */
export type Place =
  | { readonly kind: 'next' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'gap'; readonly expected: number }
  | { readonly kind: 'stale-epoch'; readonly newest: number };

/** Of an agent that starts over again and again, older epochs are forgotten beyond so many. */
const EPOCHS_KEPT = 16;

/** The last sequence number stored, per agent and epoch. A new epoch begins at 1. */
export class AgentPositions {
  private readonly agents = new Map<string, Map<number, number>>();

  place(agent: string, epoch: number, sequence: number): Place {
    const epochs = this.agents.get(agent);
    const last = epochs?.get(epoch);
    if (last === undefined && epochs) {
      const newest = Math.max(...epochs.keys());
      if (epoch < newest) return { kind: 'stale-epoch', newest };
    }
    const expected = (last ?? 0) + 1;
    if (sequence === expected) return { kind: 'next' };
    return sequence < expected ? { kind: 'duplicate' } : { kind: 'gap', expected };
  }

  last(agent: string, epoch: number): number | null {
    return this.agents.get(agent)?.get(epoch) ?? null;
  }

  /** Epochs of the agent, each with its last number. */
  of(agent: string): ReadonlyMap<number, number> {
    return this.agents.get(agent) ?? new Map();
  }

  advance(agent: string, epoch: number, sequence: number): void {
    let epochs = this.agents.get(agent);
    if (!epochs) this.agents.set(agent, (epochs = new Map()));
    epochs.set(epoch, Math.max(sequence, epochs.get(epoch) ?? 0));
    if (epochs.size > EPOCHS_KEPT) epochs.delete(Math.min(...epochs.keys()));
  }

  list(): AgentPosition[] {
    return [...this.agents].flatMap(([agent, epochs]) => [...epochs].map(([epoch, sequence]) => [agent, epoch, sequence] as const));
  }
}
