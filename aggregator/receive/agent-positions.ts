import type { AgentPosition } from '../logstore/ledger-record.ts';

/** What a batch is to the collector, by its sequence number. */
export type Place =
  | { readonly kind: 'next' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'gap'; readonly expected: number }
  | { readonly kind: 'stale-epoch'; readonly newest: number };

/** Of an agent that starts over again and again, older epochs are forgotten beyond so many. */
const EPOCHS_KEPT = 16;

/**
 * The last sequence number stored, per agent and epoch. A new epoch begins at 1.
 *
 * I1. An epoch ends where a newer one begins: what was not stored of it by then never will be. So whoever is told that an
 *     epoch is closed may send the batch under another number. Only what the collector itself has struck out may come.
 */
export class AgentPositions {
  private readonly agents = new Map<string, Map<number, number>>();
  /** Epoch, number and agent. */
  private readonly struck = new Set<string>();

  place(agent: string, epoch: number, sequence: number): Place {
    const epochs = this.agents.get(agent) ?? new Map<number, number>();
    const expected = (epochs.get(epoch) ?? 0) + 1;
    if (sequence < expected) return { kind: 'duplicate' };
    const newest = Math.max(epoch, ...epochs.keys());
    const isNext = sequence === expected;
    if (epoch < newest && !(isNext && this.struck.has(`${epoch} ${sequence} ${agent}`))) return { kind: 'stale-epoch', newest };
    return isNext ? { kind: 'next' } : { kind: 'gap', expected };
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

  /**
   * The batch had come and was left out as if it had not. Nobody was told that it is not here, so it comes under this
   * number or not at all, and its epoch is known, so that it may.
   */
  strike(agent: string, epoch: number, sequence: number): void {
    this.advance(agent, epoch, 0);
    this.struck.add(`${epoch} ${sequence} ${agent}`);
  }

  list(): AgentPosition[] {
    return [...this.agents].flatMap(([agent, epochs]) => [...epochs].map(([epoch, sequence]) => [agent, epoch, sequence] as const));
  }
}
