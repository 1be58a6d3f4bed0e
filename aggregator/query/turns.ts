/** Whoever waits. `wake` is called once, when its turn has come; until then `leave` takes it out. */
interface Waiting {
  readonly holder: string;
  readonly wake: () => void;
}

export interface TurnLimits {
  /** Turns that are given out at once, and to one holder. */
  readonly atOnce: number;
  readonly perHolder: number;
  /** Who waits, and of one holder. */
  readonly waiting: number;
  readonly waitingPerHolder: number;
}

/**
 * Who may work now, where many want to.
 *
 * I1. At most `atOnce` hold a turn, `perHolder` of them for one holder.
 * I2. A turn that becomes free goes to the holder that got one the longest ago: who asks a lot waits behind himself.
 */
export class Turns {
  private readonly limits: TurnLimits;
  private held = 0;
  private readonly heldBy = new Map<string, number>();
  private readonly queue: Waiting[] = [];
  /** When each holder that waits or works last got a turn, by a counter. */
  private readonly lastTurn = new Map<string, number>();
  private given = 0;

  constructor(limits: TurnLimits) {
    this.limits = limits;
  }

  get holding(): number {
    return this.held;
  }

  get waiting(): number {
    return this.queue.length;
  }

  waitingOf(holder: string): number {
    return this.queue.reduce((count, waiting) => count + (waiting.holder === holder ? 1 : 0), 0);
  }

  /** True: the turn is the caller's at once, to be given back. */
  tryTake(holder: string): boolean {
    if (this.held >= this.limits.atOnce || this.ofHolder(holder) >= this.limits.perHolder) return false;
    this.give(holder);
    return true;
  }

  /** False: too many wait already. Else `wake` is called when the turn is the caller's; `leave` before that gives it up. */
  wait(holder: string, wake: () => void): (() => void) | null {
    if (this.queue.length >= this.limits.waiting || this.waitingOf(holder) >= this.limits.waitingPerHolder) return null;
    const waiting = { holder, wake };
    this.queue.push(waiting);
    return () => {
      const index = this.queue.indexOf(waiting);
      if (index >= 0) this.queue.splice(index, 1);
      this.forget(holder);
    };
  }

  giveBack(holder: string): void {
    this.held--;
    const left = this.ofHolder(holder) - 1;
    if (left > 0) this.heldBy.set(holder, left);
    else this.heldBy.delete(holder);
    this.forget(holder);
    this.passOn();
  }

  /** Wakes all that wait: nobody gets a turn any more. */
  dismiss(): void {
    for (const { wake } of this.queue.splice(0)) wake();
  }

  private passOn(): void {
    let next = -1;
    this.queue.forEach(({ holder }, index) => {
      if (this.ofHolder(holder) >= this.limits.perHolder) return;
      if (next < 0 || this.turnOf(holder) < this.turnOf(this.queue[next]!.holder)) next = index;
    });
    if (next < 0 || this.held >= this.limits.atOnce) return;
    const [{ holder, wake }] = this.queue.splice(next, 1) as [Waiting];
    this.give(holder);
    wake();
  }

  private give(holder: string): void {
    this.held++;
    this.heldBy.set(holder, this.ofHolder(holder) + 1);
    this.lastTurn.set(holder, ++this.given);
  }

  private forget(holder: string): void {
    if (!this.heldBy.has(holder) && this.waitingOf(holder) === 0) this.lastTurn.delete(holder);
  }

  private ofHolder(holder: string): number {
    return this.heldBy.get(holder) ?? 0;
  }

  private turnOf(holder: string): number {
    return this.lastTurn.get(holder) ?? 0;
  }
}
