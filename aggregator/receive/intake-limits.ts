import type { BudgetLimits } from './fair-budget.ts';

/** What the collector holds in memory of batches at most. */
export interface IntakeLimits {
  /** Bodies as they come, from the moment they are announced. */
  readonly bodies: BudgetLimits;
  /** What they inflate to, until it is in the journal. */
  readonly contents: BudgetLimits;
  /** What is known of batches that are not published: of all, and of one agent. Beyond it nothing more is taken. */
  readonly backlogBytes: number;
  readonly backlogBytesPerAgent: number;
}

const MIB = 1024 * 1024;
const WAITING = { waiting: 1024, waitingPerHolder: 32, waitMs: 10_000 } as const;

export const DEFAULT_INTAKE_LIMITS: IntakeLimits = {
  bodies: { ...WAITING, bytes: 64 * MIB, bytesPerHolder: 32 * MIB },
  contents: { ...WAITING, bytes: 320 * MIB, bytesPerHolder: 256 * MIB },
  backlogBytes: 192 * MIB,
  backlogBytesPerAgent: 96 * MIB,
};
