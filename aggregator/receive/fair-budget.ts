import { Problem } from '../api/problem.ts';

export interface BudgetLimits {
  /** What all may hold together, and one of them. What asks for more than one may hold gets that much. */
  readonly bytes: number;
  readonly bytesPerHolder: number;
  /** Who may wait for a share, and of one holder. */
  readonly waiting: number;
  readonly waitingPerHolder: number;
  readonly waitMs: number;
}

/** A part of the budget; to be released once. */
export interface Share {
  /** What it needs now, less than before. */
  shrink(bytes: number): void;
  release(): void;
}

interface Waiting {
  readonly bytes: number;
  readonly grant: (share: Share) => void;
}

/**
 * Memory that many want at once.
 *
 * I1. At most `bytes` are held, `bytesPerHolder` of them by one holder.
 * I2. Holders that wait get their shares in turn, however many shares one of them asks for; the one whose turn it is
 *     is not passed over by smaller ones.
 */
export class FairBudget {
  private readonly limits: BudgetLimits;
  private held = 0;
  private readonly heldBy = new Map<string, number>();
  /** In the order of their turns. */
  private readonly queues = new Map<string, Waiting[]>();
  private waitingShares = 0;

  constructor(limits: BudgetLimits) {
    this.limits = limits;
  }

  get heldBytes(): number {
    return this.held;
  }

  get waiting(): number {
    return this.waitingShares;
  }

  /** Throws Problem 429 where the holder has too much under way, 503 where all together have. */
  async take(holder: string, wanted: number): Promise<Share> {
    const { bytes: all, bytesPerHolder, waiting, waitingPerHolder } = this.limits;
    const bytes = Math.min(Math.max(1, wanted), bytesPerHolder, all);
    if (this.waitingShares === 0 && this.fits(holder, bytes)) return this.give(holder, bytes);
    const queue = this.queues.get(holder) ?? [];
    if (queue.length >= waitingPerHolder) throw tooMuch(429, `${queue.length} batches of ${holder} are waiting already`);
    if (this.waitingShares >= waiting) throw tooMuch(503, `${this.waitingShares} batches are waiting already`);
    if (queue.length === 0) this.queues.set(holder, queue);
    return this.wait(holder, queue, bytes);
  }

  private wait(holder: string, queue: Waiting[], bytes: number): Promise<Share> {
    return new Promise((resolve, reject) => {
      const own: Waiting = {
        bytes,
        grant: (share) => {
          clearTimeout(timer);
          resolve(share);
        },
      };
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(own), 1);
        this.waitingShares--;
        if (queue.length === 0) this.queues.delete(holder);
        reject(tooMuch(503, `there was no room for the batch within ${this.limits.waitMs / 1000} s`));
        this.grantWaiting();
      }, this.limits.waitMs);
      queue.push(own);
      this.waitingShares++;
      this.grantWaiting();
    });
  }

  /** Who gets one and wants more goes to the end of the line, and is come to again. */
  private grantWaiting(): void {
    for (const [holder, queue] of this.queues) {
      const next = queue[0]!;
      // who has all that one may have waits for himself, and delays nobody
      if (this.ofHolder(holder) + next.bytes > this.limits.bytesPerHolder) continue;
      if (this.held + next.bytes > this.limits.bytes) return;
      queue.shift();
      this.waitingShares--;
      this.queues.delete(holder);
      if (queue.length > 0) this.queues.set(holder, queue);
      next.grant(this.give(holder, next.bytes));
    }
  }

  private fits(holder: string, bytes: number): boolean {
    return this.held + bytes <= this.limits.bytes && this.ofHolder(holder) + bytes <= this.limits.bytesPerHolder;
  }

  private give(holder: string, bytes: number): Share {
    let mine = 0;
    const change = (to: number): void => {
      this.held += to - mine;
      const ofHolder = this.ofHolder(holder) + to - mine;
      if (ofHolder > 0) this.heldBy.set(holder, ofHolder);
      else this.heldBy.delete(holder);
      mine = to;
    };
    change(bytes);
    return {
      shrink: (to) => {
        if (to >= mine) return;
        change(to);
        this.grantWaiting();
      },
      release: () => {
        change(0);
        this.grantWaiting();
      },
    };
  }

  private ofHolder(holder: string): number {
    return this.heldBy.get(holder) ?? 0;
  }
}

function tooMuch(status: 429 | 503, why: string): Problem {
  return new Problem(status, `${why}; send it again later`, {}, { 'retry-after': String(1 + Math.floor(Math.random() * 3)) });
}
