import type { SpoolSegment, WaitingFrame } from './spool-segment.ts';

/**
 * Batches that the collector has, by their numbers, as long as it has not published them: should they be damaged there,
 * it asks for them again. Nothing of it is durable, so that a process that ends leaves nothing to be judged.
 */
export class HeldBatches {
  /** By epoch, then sequence number. */
  private readonly epochs = new Map<number, Map<number, WaitingFrame>>();
  /** How many lie in it. */
  private readonly segments = new Map<SpoolSegment, number>();

  get size(): number {
    let size = 0;
    for (const batches of this.epochs.values()) size += batches.size;
    return size;
  }

  add(epoch: number, sequence: number, frame: WaitingFrame): void {
    const batches = this.epochs.get(epoch);
    if (batches) batches.set(sequence, frame);
    else this.epochs.set(epoch, new Map([[sequence, frame]]));
    this.segments.set(frame.segment, (this.segments.get(frame.segment) ?? 0) + 1);
  }

  get(epoch: number, sequence: number): WaitingFrame | null {
    return this.epochs.get(epoch)?.get(sequence) ?? null;
  }

  isIn(segment: SpoolSegment): boolean {
    return this.segments.has(segment);
  }

  /** Up to which number the collector has published them, by epoch; of others it has nothing. */
  published(through: ReadonlyMap<number, number>): void {
    this.forgetWhere((epoch, sequence) => sequence <= (through.get(epoch) ?? Infinity));
  }

  forget(segment: SpoolSegment): void {
    if (this.segments.has(segment)) this.forgetWhere((_epoch, _sequence, frame) => frame.segment === segment);
  }

  private forgetWhere(isGone: (epoch: number, sequence: number, frame: WaitingFrame) => boolean): void {
    for (const [epoch, batches] of this.epochs) {
      for (const [sequence, frame] of batches) {
        if (!isGone(epoch, sequence, frame)) continue;
        batches.delete(sequence);
        const left = this.segments.get(frame.segment)! - 1;
        if (left > 0) this.segments.set(frame.segment, left);
        else this.segments.delete(frame.segment);
      }
      if (batches.size === 0) this.epochs.delete(epoch);
    }
  }
}
