import type { Records } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { AgentContext } from './agent-context.ts';
import type { AgentOutput } from './agent-output.ts';
import type { StateDirectory } from './state-directory.ts';
import type { TopRejected } from './top-rejected.ts';
import type { Totals } from './totals.ts';
import type { WorkerOrder } from './worker-messages.ts';

export interface HandingOnParts {
  readonly metrics: AgentMetrics;
  readonly totals: Totals;
  readonly topRejected: TopRejected;
  readonly context: AgentContext;
  readonly output: AgentOutput;
  readonly state: StateDirectory;
  readonly tellThreads: (order: WorkerOrder) => void;
  readonly warn: (text: string) => void;
  readonly onFailure: (error: Error) => void;
}

/**
 * What the capture threads give, on its way out.
 *
 * I1. A window is noted as handed on when its rows and seals outlive the process, and only then do the threads hear of
 *     it: until then their checkpoints have it.
 */
export class HandingOn {
  private readonly parts: HandingOnParts;
  private tail: Promise<void> = Promise.resolve();

  constructor(parts: HandingOnParts) {
    this.parts = parts;
  }

  rows(rows: Records): void {
    const { metrics, topRejected, context, output } = this.parts;
    metrics.countRows(rows, (verdict) => context.verdicts[verdict]?.action === 'REJECT');
    topRejected.see(rows, context);
    output.sink.rows(rows, context);
  }

  seals(seals: Seal[]): void {
    const { metrics, totals, context, output } = this.parts;
    metrics.countSeals(seals);
    totals.countSeals(seals);
    output.sink.seals(seals, context);
  }

  /** All seals of a window were given. */
  released(seals: readonly Seal[]): void {
    const { output, onFailure } = this.parts;
    this.tail = this.tail.then(() => output.handedOn()).then(() => this.handedOn(seals), onFailure);
  }

  /** Resolves when everything that was released is noted. */
  get done(): Promise<void> {
    return this.tail;
  }

  private handedOn(seals: readonly Seal[]): void {
    const { state, tellThreads, warn } = this.parts;
    try {
      state.saveSealed(seals);
    } catch (error) {
      warn((error as Error).message);
    }
    tellThreads({ kind: 'handed-on', windowStart: seals[0]!.windowStart, number: state.handedOn });
  }
}
