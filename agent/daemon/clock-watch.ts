import type { PacketBatch } from '../../shared/packet-batch.ts';

/** A difference between the two clocks that grows slower than this a look is drift, or slewing by a time server. */
const STEP_US = 250_000;
/** No packet waits longer than this between its stamp and its turn. */
const MEMORY_US = 10e6;

/** Microseconds: the wall clock, and one that nobody sets. */
export interface Clocks {
  wallUs(): number;
  monotonicUs(): number;
}

export const SYSTEM_CLOCKS: Clocks = {
  wallUs: () => Date.now() * 1000,
  monotonicUs: () => performance.now() * 1000,
};

/**
 * Notices when the wall clock is set.
 *
 * I1. After `step` has returned a difference, `translate` gives packets that were stamped before it the time that they
 *     would have by the new clock. So nothing behind it sees two clocks.
 */
export class ClockWatch {
  private readonly clocks: Clocks;
  private offsetUs: number;
  private lastStepUs = 0;
  private rememberedUntilUs = -Infinity;

  constructor(clocks: Clocks = SYSTEM_CLOCKS) {
    this.clocks = clocks;
    this.offsetUs = clocks.wallUs() - clocks.monotonicUs();
  }

  /** By how much the clock was set since the last call; 0 if it was not. To be called before each batch. */
  step(): number {
    const monotonicUs = this.clocks.monotonicUs();
    const offsetUs = this.clocks.wallUs() - monotonicUs;
    const deltaUs = offsetUs - this.offsetUs;
    this.offsetUs = offsetUs;
    if (Math.abs(deltaUs) < STEP_US) return 0;
    this.lastStepUs = Math.round(deltaUs);
    this.rememberedUntilUs = monotonicUs + MEMORY_US;
    return this.lastStepUs;
  }

  /** Moves times from before the last step along with it: those that are nearer to now when moved. */
  translate(batch: PacketBatch): void {
    if (this.rememberedUntilUs === -Infinity) return;
    if (this.clocks.monotonicUs() > this.rememberedUntilUs) {
      this.rememberedUntilUs = -Infinity;
      return;
    }
    const nowUs = this.clocks.wallUs();
    for (let i = 0; i < batch.count; i++) {
      const timeUs = batch.timeUs[i]!;
      if (Math.abs(timeUs + this.lastStepUs - nowUs) < Math.abs(timeUs - nowUs)) batch.timeUs[i] = timeUs + this.lastStepUs;
    }
  }
}
