import type { WireSeal } from '../../shared/wire/wire-seal.ts';
import { IdSet } from './id-set.ts';
import type { FrameWindow } from './spool-frame.ts';
import { WindowLoss } from './window-loss.ts';

/** Losses to be stated. */
export class DueLoss {
  readonly loss = new WindowLoss();
  /** Frames that are done when it is stated. */
  readonly frames = new IdSet();
  readonly stated: (() => void)[] = [];
  /** Windows whose seals are among them. */
  readonly sealed: FrameWindow[] = [];

  get isEmpty(): boolean {
    return this.loss.isEmpty && this.stated.length === 0 && this.frames.spans.length === 0;
  }

  add(seals: Iterable<WireSeal>, frames: IdSet = new IdSet()): void {
    this.loss.add(seals);
    for (const [first, last] of frames.spans) this.frames.add(first, last);
  }

  take(other: DueLoss): void {
    this.add(other.loss.seals, other.frames);
    this.stated.push(...other.stated);
    this.sealed.push(...other.sealed);
  }
}
