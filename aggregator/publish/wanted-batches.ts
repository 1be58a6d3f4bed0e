import type { BatchNumber, JournalFrame } from '../journal/batch-frame.ts';

/** Batches whose rows are damaged in the journal, while their windows wait for them to come again. */
export class WantedBatches {
  /** What stands for them. */
  private readonly standIns = new Map<string, JournalFrame>();

  add(standIn: JournalFrame): void {
    this.standIns.set(keyOf(standIn), standIn);
  }

  find(number: BatchNumber): JournalFrame | null {
    return this.standIns.get(keyOf(number)) ?? null;
  }

  /** false: it was not among them. */
  remove(number: BatchNumber): boolean {
    return this.standIns.delete(keyOf(number));
  }

  list(): BatchNumber[] {
    return [...this.standIns.values()].map(({ agent, epoch, sequence }) => ({ agent, epoch, sequence }));
  }
}

function keyOf({ agent, epoch, sequence }: BatchNumber): string {
  return `${epoch} ${sequence} ${agent}`;
}
