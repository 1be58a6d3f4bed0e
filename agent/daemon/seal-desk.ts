import { addSeals, type Seal } from '../../shared/seal.ts';

/** Since and until when an ENI was watched; performance.now(), which no setting of the clock moves. */
interface Watch {
  sinceMs: number;
  /** null: it still is. */
  untilMs: number | null;
  /** End of the time before, if there was one. */
  previousUntilMs: number;
  /** Nothing of the ENI was missed before `since`, or what was is stated. */
  isWhole: boolean;
  /** It left while its packets went on. */
  hasLeft: boolean;
  /** Its interface is there and cannot be captured: nobody knows what passes. */
  isBlind: boolean;
}

/** A window that not all workers have sealed yet. */
interface Waiting {
  readonly start: number;
  readonly byWorker: readonly Seal[][][];
}

/** A window that some worker never seals is let go this many windows later. */
const MAX_WINDOWS_WAITED = 2;

/**
 * Makes the agent's seals out of its workers'.
 *
 * I1. An ENI of a window is sealed when all workers have sealed it; their counts add up. Without one of them it is partial.
 * I2. Only ENIs that were watched at some time of the window are sealed: others belong to other hosts.
 * I3. A window that began before its ENI was watched is partial, and so is one that was not over when nobody asked for it any more.
 */
export class SealDesk {
  private readonly workers: number;
  private readonly handOn: (seals: Seal[]) => void;
  private readonly onReleased: (seals: readonly Seal[]) => void;
  private readonly watches = new Map<string, Watch>();
  /** By the window's start and width: seals by worker, oldest first. */
  private readonly waiting = new Map<string, Waiting>();

  /** `onReleased`: all seals of a window, after those that state something were handed on. */
  constructor(workers: number, handOn: (seals: Seal[]) => void, onReleased: (seals: readonly Seal[]) => void = () => {}) {
    this.workers = workers;
    this.handOn = handOn;
    this.onReleased = onReleased;
  }

  /** `isWhole`: nothing passed before that is not stated. */
  watch(eniIds: readonly string[], isWhole: boolean): void {
    for (const eniId of eniIds) {
      const known = this.watches.get(eniId);
      if (known && known.untilMs === null) known.isBlind = false;
      else {
        const previousUntilMs = known?.untilMs ?? -Infinity;
        this.watches.set(eniId, { sinceMs: performance.now(), untilMs: null, previousUntilMs, isWhole, hasLeft: false, isBlind: false });
      }
    }
  }

  unwatch(eniIds: Iterable<string>): void {
    for (const eniId of eniIds) {
      const watch = this.watches.get(eniId);
      if (watch) watch.untilMs ??= performance.now();
    }
  }

  /** Nobody asks for these ENIs any more. */
  leave(eniIds: Iterable<string>): void {
    for (const eniId of eniIds) {
      const watch = this.watches.get(eniId);
      if (watch?.untilMs !== null) continue;
      watch.untilMs = performance.now();
      watch.hasLeft = true;
    }
  }

  /** The ENI is there and nobody looks. */
  blind(eniIds: readonly string[]): void {
    this.watch(eniIds, false);
    for (const eniId of eniIds) this.watches.get(eniId)!.isBlind = true;
  }

  add(worker: number, seals: Seal[]): void {
    const first = seals[0];
    if (!first) return;
    if (this.workers === 1) {
      this.release(seals);
      return;
    }
    const key = `${first.windowStart} ${first.windowSeconds}`;
    let window = this.waiting.get(key);
    if (!window) this.waiting.set(key, (window = { start: first.windowStart, byWorker: Array.from({ length: this.workers }, () => []) }));
    window.byWorker[worker]!.push(seals);
    if (window.byWorker.some((queue) => queue.length === 0)) return;
    this.releaseFirst(key, window);
    const oldest = first.windowStart - MAX_WINDOWS_WAITED * first.windowSeconds;
    for (const [overdueKey, overdue] of this.waiting) if (overdue.start < oldest) this.releaseAll(overdueKey, overdue);
  }

  /** No more seals come: what waits for a worker goes out without it. */
  flush(): void {
    for (const [key, window] of [...this.waiting].toSorted(([, a], [, b]) => a.start - b.start)) this.releaseAll(key, window);
  }

  private releaseAll(key: string, window: Waiting): void {
    while (this.waiting.has(key)) this.releaseFirst(key, window);
  }

  private releaseFirst(key: string, { byWorker }: Waiting): void {
    const sums = new Map<string, Seal>();
    const isPartial = byWorker.some((queue) => queue.length === 0);
    for (const queue of byWorker) {
      for (const seal of queue.shift() ?? []) {
        const sum = sums.get(seal.eniId);
        sums.set(seal.eniId, sum ? addSeals(sum, seal) : { ...seal, partial: seal.partial || isPartial });
      }
    }
    if (byWorker.every((queue) => queue.length === 0)) this.waiting.delete(key);
    this.release([...sums.values()]);
  }

  private release(seals: Seal[]): void {
    const offsetMs = Date.now() - performance.now();
    const stated = seals.filter((seal) => this.applyWatch(seal, offsetMs));
    if (stated.length > 0) this.handOn(stated);
    if (seals.length > 0) this.onReleased(seals);
  }

  /** False for an ENI that was not watched in this window. */
  private applyWatch(seal: Seal, offsetMs: number): boolean {
    const startMs = seal.windowStart * 1000 - offsetMs;
    const endMs = startMs + seal.windowSeconds * 1000;
    const hasTraffic = seal.packetsSeen > 0 || seal.ringDrops !== 0 || seal.gapPackets !== 0;
    const watch = this.watches.get(seal.eniId);
    if (!watch) return hasTraffic;
    const { sinceMs, untilMs, previousUntilMs } = watch;
    const isInWindow = (sinceMs < endMs && (untilMs ?? Infinity) >= startMs) || previousUntilMs >= startMs;
    if (!isInWindow && !hasTraffic) return false;
    if (!watch.isWhole && sinceMs > startMs) seal.partial = true;
    if (watch.hasLeft && untilMs! < endMs) seal.partial = true;
    if (watch.isBlind) seal.gapPackets = null;
    return true;
  }
}
