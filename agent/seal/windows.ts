import type { SavedWindows } from '../checkpoint/saved-state.ts';
import { WindowAccount } from './window-account.ts';

/** A stretch without any packet that is longer than this many windows is a jump of the clock, not a quiet time. */
export const MAX_QUIET_WINDOWS = 1440;

/**
 * The open windows of all ENIs, moved on by packet time.
 *
 * I1. `open` holds consecutive windows, oldest first; a window begins to close once a packet is `graceSeconds` past its
 *     end, and takes no more packets from then on. One window at a time is closing.
 * I2. [fromUs, untilUs) is the part of the current window in which no other window opens or closes; a packet outside
 *     of it has to go through `moveTo` first.
 */
export class Windows {
  readonly windowSeconds: number;
  fromUs = 0;
  untilUs = 0;
  /** The window of the packet last moved to. */
  private account: WindowAccount | null = null;
  private readonly open: WindowAccount[] = [];
  /** Latest time of any packet. */
  private latestUs = -Infinity;
  /** Number of the last window that has closed. */
  private closedThrough = -Infinity;
  private readonly graceUs: number;
  private readonly widthUs: number;
  private eniCount: number;
  /** The window whose packets are leaving the flow table. */
  closing: WindowAccount | null = null;
  private readonly goOnClosing: (toTheEnd: boolean) => void;

  /** `goOnClosing` brings the closing window nearer to its end, and calls `closed` there. */
  constructor(windowSeconds: number, graceSeconds: number, eniCount: number, goOnClosing: (toTheEnd: boolean) => void) {
    this.windowSeconds = windowSeconds;
    this.widthUs = windowSeconds * 1e6;
    this.graceUs = graceSeconds * 1e6;
    this.eniCount = eniCount;
    this.goOnClosing = goOnClosing;
  }

  /** The current window; only after moveTo. */
  get current(): WindowAccount {
    return this.account!;
  }

  get isEmpty(): boolean {
    return this.open.length === 0;
  }

  /** Only while there is an open window. */
  get newest(): WindowAccount {
    return this.open[this.open.length - 1]!;
  }

  /** Makes the window of this time the current one; false if it has closed already. */
  moveTo(timeUs: number): boolean {
    const number = Math.floor(timeUs / this.widthUs);
    if (timeUs > this.latestUs) this.latestUs = timeUs;
    this.openUntil(number);
    this.openBack(number);
    while (this.open.length > 1 && timeUs >= this.closesAtUs(this.open[0]!.number)) this.closeOldest();
    const account = this.open[number - this.open[0]!.number];
    if (!account) return false;
    this.account = account;
    this.fromUs = number * this.widthUs;
    this.untilUs = Math.min(this.fromUs + this.widthUs, this.open.length > 1 ? this.closesAtUs(this.open[0]!.number) : Infinity);
    return true;
  }

  /** The open or closing window whose number, cut to 32 bits, is this. */
  byNumber(number32: number): WindowAccount {
    if (this.closing !== null && (this.closing.number | 0) === number32) return this.closing;
    const account = this.open[(number32 - this.open[0]!.number) | 0];
    if (!account) throw new Error(`window ${number32} is not open: an entry outlived its window`);
    return account;
  }

  /** The wall clock, where packets are live: windows open and close on time though none comes. */
  tick(nowUs: number): void {
    this.moveTo(nowUs);
    // the window of the last packet may have closed
    this.fromUs = this.untilUs = 0;
  }

  /** The closing window has given all that it had. */
  closed(): void {
    this.closing = null;
  }

  /** Brings the closing window, if there is one, to its end. */
  finishClosing(): void {
    if (this.closing !== null) this.goOnClosing(true);
  }

  closeAll(): void {
    while (this.open.length > 0) this.closeOldest();
    this.finishClosing();
    this.fromUs = this.untilUs = 0;
  }

  /** A window that is closing is saved as one that is open, and will begin to close again. */
  save(): SavedWindows {
    const accounts = this.closing === null ? this.open : [this.closing, ...this.open];
    const closedThrough = this.closing === null ? this.closedThrough : this.closing.number - 1;
    return { windowSeconds: this.windowSeconds, latestUs: this.latestUs, closedThrough, open: accounts.map((account) => account.save(account === this.closing)) };
  }

  /**
   * Goes on where an agent before this one was; windows up to `sealedThrough` have been handed on already, those that
   * ended before `nowUs` while nobody watched.
   */
  restore(saved: SavedWindows, sealedThrough: number, nowUs: number, eniNumbers: Int32Array, verdictNumbers: Int32Array): void {
    this.latestUs = saved.latestUs;
    this.closedThrough = Math.max(saved.closedThrough, sealedThrough);
    for (const window of saved.open) {
      if (window.number <= this.closedThrough) continue;
      const account = new WindowAccount(window.number, this.windowSeconds, this.eniCount);
      account.restore(window, eniNumbers, verdictNumbers);
      account.wasCutOff = !window.isClosing && (window.number + 1) * this.widthUs <= nowUs;
      this.open.push(account);
    }
  }

  /** Whether the window of this number, cut to 32 bits, is open. */
  isOpen(number32: number): boolean {
    return this.open.some((account) => (account.number | 0) === number32);
  }

  /** Closes every window and forgets how late it is: the clock has been set. */
  restart(): void {
    this.closeAll();
    this.latestUs = this.closedThrough = -Infinity;
  }

  /** There are this many ENIs from now on, in open windows too. */
  resize(eniCount: number): void {
    this.eniCount = eniCount;
    for (const account of this.open) account.resize(eniCount);
    this.closing?.resize(eniCount);
  }

  private openUntil(number: number): void {
    if (this.open.length > 0 && number - this.newest.number > MAX_QUIET_WINDOWS) this.closeAll();
    const next = this.open.length > 0 ? this.newest.number + 1 : number;
    for (let opening = next; opening <= number; opening++) {
      this.open.push(new WindowAccount(opening, this.windowSeconds, this.eniCount));
    }
  }

  /** The first packets may come out of order too: windows before the first one open while their grace lasts. */
  private openBack(number: number): void {
    if (number <= this.closedThrough || this.closesAtUs(number) <= this.latestUs) return;
    for (let opening = this.open[0]!.number - 1; opening >= number; opening--) {
      this.open.unshift(new WindowAccount(opening, this.windowSeconds, this.eniCount));
    }
  }

  private closesAtUs(number: number): number {
    return (number + 1) * this.widthUs + this.graceUs;
  }

  private closeOldest(): void {
    this.finishClosing();
    this.closing = this.open.shift()!;
    this.closedThrough = this.closing.number;
    this.goOnClosing(false);
  }
}
