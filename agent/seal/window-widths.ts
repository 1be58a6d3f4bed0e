/** Windows have this width from then on. */
export interface WidthChange {
  /** Unix microseconds, a multiple of the width; -Infinity for the first. */
  readonly fromUs: number;
  readonly seconds: number;
}

/**
 * How time is cut into windows: aligned to the epoch, of a width that may change.
 *
 * I1. A width begins with a whole window; the window before it ends there, though it may not be over.
 */
export class WindowWidths {
  /** Oldest first; the last one may be still to come. */
  readonly changes: WidthChange[];

  constructor(changes: readonly WidthChange[]) {
    this.changes = [...changes];
  }

  static of(seconds: number): WindowWidths {
    return new WindowWidths([{ fromUs: -Infinity, seconds }]);
  }

  /** The last width asked for. */
  get newestSeconds(): number {
    return this.changes[this.changes.length - 1]!.seconds;
  }

  secondsAt(timeUs: number): number {
    return this.changes[this.indexAt(timeUs)]!.seconds;
  }

  /** Start of the window that the time is in. */
  startUs(timeUs: number): number {
    const widthUs = this.secondsAt(timeUs) * 1e6;
    return Math.floor(timeUs / widthUs) * widthUs;
  }

  endUs(timeUs: number): number {
    const naturalUs = this.startUs(timeUs) + this.secondsAt(timeUs) * 1e6;
    const next = this.changes[this.indexAt(timeUs) + 1];
    return next === undefined ? naturalUs : Math.min(naturalUs, next.fromUs);
  }

  /** Another width from its first multiple after this time on; a change that was to come later still is dropped. */
  change(seconds: number, afterUs: number): void {
    const { changes } = this;
    while (changes[changes.length - 1]!.fromUs > afterUs) changes.pop();
    if (this.newestSeconds === seconds) return;
    const widthUs = seconds * 1e6;
    changes.push({ fromUs: (Math.floor(afterUs / widthUs) + 1) * widthUs, seconds });
  }

  /** Nothing counts any more of what is said about windows before this time, where one ended. */
  forget(beforeUs: number): void {
    while (this.changes.length > 1 && this.changes[1]!.fromUs <= beforeUs) this.changes.shift();
  }

  private indexAt(timeUs: number): number {
    let index = this.changes.length - 1;
    while (index > 0 && this.changes[index]!.fromUs > timeUs) index--;
    return index;
  }
}
