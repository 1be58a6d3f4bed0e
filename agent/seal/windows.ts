import type { SavedWindows } from '../checkpoint/saved-state.ts';
import type { PacketMemory } from '../kernel/packet-memory.ts';
import { WindowAccount } from './window-account.ts';
import { WindowWidths } from './window-widths.ts';

/** A stretch without any packet that is longer than this many windows is a jump of the clock, not a quiet time. */
export const MAX_QUIET_WINDOWS = 1440;

/**
 * The open windows of all ENIs, moved on by packet time.
 *
 * I1. `open` holds consecutive windows, oldest first, with consecutive ordinals; a window begins to close once a packet
 *     is `graceSeconds` past its end, and takes no more packets from then on. One window at a time is closing.
 * I2. [fromUs, untilUs) is the part of the current window in which no other window opens or closes; a packet outside
 *     of it has to go through `moveTo` first.
 * I3. Of the open windows only the newest is not over: `latestUs` is not past its end.
 */
export class Windows {
  fromUs = 0;
  untilUs = 0;
  /** Latest time of any packet, or of the clock; kept by whoever asks for no other window. */
  latestUs = -Infinity;
  /** The window whose packets are leaving the flow table. */
  closing: WindowAccount | null = null;
  /** The window of the packet last moved to. */
  private account: WindowAccount | null = null;
  private readonly open: WindowAccount[] = [];
  private widths: WindowWidths;
  /** End of the last window that has closed. */
  private closedUntilUs = -Infinity;
  private nextOrdinal = 0;
  private readonly graceUs: number;
  /** What is recorded of each ENI now, as WatchedEnis has it. */
  private watch: Uint8Array;
  /** Of the windows' counters. */
  private readonly memory: PacketMemory;
  private readonly goOnClosing: (toTheEnd: boolean) => void;

  /** `goOnClosing` brings the closing window nearer to its end, and calls `closed` there. */
  constructor(windowSeconds: number, graceSeconds: number, watch: Uint8Array, memory: PacketMemory, goOnClosing: (toTheEnd: boolean) => void) {
    this.memory = memory;
    this.widths = WindowWidths.of(windowSeconds);
    this.graceUs = graceSeconds * 1e6;
    this.watch = watch;
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
    if (timeUs > this.latestUs) this.latestUs = timeUs;
    this.openUntil(timeUs);
    if (timeUs < this.open[0]!.startUs) this.openBack(timeUs);
    while (this.open.length > 1 && timeUs >= this.closesAtUs(this.open[0]!)) this.closeOldest();
    let index = this.open.length - 1;
    while (index >= 0 && this.open[index]!.startUs > timeUs) index--;
    const account = this.open[index];
    if (!account) return false;
    this.account = account;
    this.fromUs = account.startUs;
    this.untilUs = Math.min(account.endUs, this.open.length > 1 ? this.closesAtUs(this.open[0]!) : Infinity);
    return true;
  }

  /** The open or closing window with this ordinal. */
  byOrdinal(ordinal: number): WindowAccount {
    if (this.closing !== null && this.closing.ordinal === ordinal) return this.closing;
    const account = this.open[ordinal - this.open[0]!.ordinal];
    if (!account) throw new Error(`window ${ordinal} is not open: an entry outlived its window`);
    return account;
  }

  /** The wall clock, where packets are live: windows open and close on time though none comes. */
  tick(nowUs: number): void {
    this.moveTo(nowUs);
    this.lookAgain();
  }

  /** The closing window has given all that it had. */
  closed(): void {
    this.closing?.release();
    this.closing = null;
  }

  /** Brings the closing window, if there is one, to its end. */
  finishClosing(): void {
    if (this.closing !== null) this.goOnClosing(true);
  }

  closeAll(): void {
    while (this.open.length > 0) this.closeOldest();
    this.finishClosing();
    this.lookAgain();
  }

  /**
   * Windows have this width from its next multiple on that is not before `fromUs`; the window that is open then ends there.
   * At once where no open window has anything to state: nobody sees it.
   */
  setWidth(seconds: number, fromUs: number): void {
    if (this.isEmpty || this.open.some((account) => account.concernsAny)) this.changeWidth(seconds, fromUs);
    else if (seconds !== this.widths.newestSeconds) this.beginAnew(seconds);
  }

  /** There may be more ENIs from now on, in open windows too; what is recorded of them changes in the one that is not over. */
  follow(watch: Uint8Array): void {
    this.watch = watch;
    for (const account of this.open) account.resize(watch.length);
    this.closing?.resize(watch.length);
    if (!this.isEmpty) this.newest.follow(watch);
  }

  /** A window that is closing is saved as one that is open, and will begin to close again. */
  save(): SavedWindows {
    const accounts = this.closing === null ? this.open : [this.closing, ...this.open];
    return {
      widths: this.widths.changes.slice(), latestUs: this.latestUs, nextOrdinal: this.nextOrdinal,
      closedUntilUs: this.closing === null ? this.closedUntilUs : this.closing.startUs,
      open: accounts.map((account) => account.save(account === this.closing)),
    };
  }

  /**
   * Goes on where an agent before this one was; windows that start at `sealedThroughUs` or before have been handed on
   * already, those that ended before `nowUs` while nobody watched. The width of this agent follows upon that of the one before.
   */
  restore(saved: SavedWindows, sealedThroughUs: number, nowUs: number, eniNumbers: Int32Array, verdictNumbers: Int32Array): void {
    const seconds = this.widths.newestSeconds;
    this.widths = new WindowWidths(saved.widths);
    this.latestUs = saved.latestUs;
    this.nextOrdinal = saved.nextOrdinal;
    this.closedUntilUs = sealedThroughUs >= saved.closedUntilUs ? this.widths.endUs(sealedThroughUs) : saved.closedUntilUs;
    const goesOn = saved.open.filter(({ startUs }) => startUs > sealedThroughUs);
    for (const window of goesOn) {
      const account = new WindowAccount(window, this.watch, this.memory);
      account.restore(window, eniNumbers, verdictNumbers);
      this.open.push(account);
    }
    this.changeWidth(seconds, -Infinity);
    goesOn.forEach(({ isClosing }, index) => {
      const account = this.open[index]!;
      account.wasCutOff = !isClosing && account.endUs <= nowUs;
    });
  }

  /** Whether the window with this ordinal is open. */
  isOpen(ordinal: number): boolean {
    return this.open.some((account) => account.ordinal === ordinal);
  }

  /** Closes every window and forgets how late it is: the clock has been set. */
  restart(): void {
    this.closeAll();
    this.widths = WindowWidths.of(this.widths.newestSeconds);
    this.latestUs = this.closedUntilUs = -Infinity;
  }

  private changeWidth(seconds: number, fromUs: number): void {
    if (seconds === this.widths.newestSeconds) return;
    this.widths.forget(this.closedUntilUs);
    this.widths.change(seconds, Math.max(this.latestUs, fromUs - 1));
    if (!this.isEmpty) this.newest.endUs = this.widths.endUs(this.newest.startUs);
    this.lookAgain();
  }

  /** Instead of the open windows, which nobody misses, the one of the latest time. */
  private beginAnew(seconds: number): void {
    for (const account of this.open.splice(0)) account.release();
    this.widths = WindowWidths.of(seconds);
    this.openUntil(this.latestUs);
    this.lookAgain();
  }

  /** The next packet has to find its window anew. */
  private lookAgain(): void {
    this.fromUs = this.untilUs = 0;
  }

  private openUntil(timeUs: number): void {
    if (!this.isEmpty && this.isJump(timeUs)) this.closeAll();
    if (this.isEmpty) {
      this.open.push(this.windowAt(timeUs, this.nextOrdinal++));
      // where the last one was closed before its time, it opens again
      this.closedUntilUs = Math.min(this.closedUntilUs, this.newest.startUs);
    }
    while (this.newest.endUs <= timeUs) this.open.push(this.windowAt(this.newest.endUs, this.nextOrdinal++));
  }

  private isJump(timeUs: number): boolean {
    const { endUs, windowSeconds } = this.newest;
    return timeUs - endUs >= MAX_QUIET_WINDOWS * Math.min(windowSeconds, this.widths.secondsAt(timeUs)) * 1e6;
  }

  /** The first packets may come out of order too: windows before the first one open while their grace lasts. */
  private openBack(timeUs: number): void {
    if (this.widths.startUs(timeUs) < this.closedUntilUs || this.widths.endUs(timeUs) + this.graceUs <= this.latestUs) return;
    for (let first = this.open[0]!; first.startUs > timeUs; first = this.open[0]!) {
      this.open.unshift(this.windowAt(first.startUs - 1, first.ordinal - 1));
    }
  }

  private windowAt(timeUs: number, ordinal: number): WindowAccount {
    const { widths } = this;
    const place = { ordinal, startUs: widths.startUs(timeUs), endUs: widths.endUs(timeUs), seconds: widths.secondsAt(timeUs) };
    return new WindowAccount(place, this.watch, this.memory);
  }

  private closesAtUs(account: WindowAccount): number {
    return account.endUs + this.graceUs;
  }

  private closeOldest(): void {
    this.finishClosing();
    this.closing = this.open.shift()!;
    this.closedUntilUs = this.closing.endUs;
    this.goOnClosing(false);
  }
}
