import type { JournalFrame } from '../journal/batch-frame.ts';
import { windowEnd, windowKey, type Window, type WindowKey } from '../logstore/window.ts';

export interface PendingOptions {
  /** A window is published without the seals that are missing so long after its end, or after its rows came. */
  readonly aggregationDelayMs: number;
  /** What is ready waits at most so long for the rest of its window, so that few files are written twice. */
  readonly settleMs: number;
}

/** Frames of one window that can be published together. */
export interface ReadyWindow extends Window {
  readonly frames: readonly JournalFrame[];
}

interface Pending {
  readonly window: Window;
  readonly frames: Map<number, JournalFrame>;
  /** Per ENI: the agents that are expected, and whether the seal came. */
  readonly sealed: Map<string, Map<string, boolean>>;
  /** When the first of the frames that are ready was found so; null: none is. */
  readySinceMs: number | null;
  /** Nothing can become due before, unless something is added. */
  quietUntilMs: number;
  /** Nothing becomes due before, whatever is added. */
  restUntilMs: number;
}

/**
 * What the journal holds and no LogStore does yet, by window.
 *
 * A frame is ready for publication when every agent expected for each of its ENIs has sealed the window. Expected are
 * those that a roll call names, and those that sent something for the ENI and window.
 */
export class PendingWindows {
  private readonly windows = new Map<WindowKey, Pending>();
  /** Frames whose windows wait for them. */
  private readonly held = new Set<number>();
  private readonly options: PendingOptions;

  constructor(options: PendingOptions) {
    this.options = options;
  }

  get size(): number {
    let size = 0;
    for (const { frames } of this.windows.values()) if (frames.size > 0) size++;
    return size;
  }

  /** The windows that the frame says something of and that `skip` leaves; how many they are. */
  add(frame: JournalFrame, skip: (window: Window) => boolean = () => false): number {
    this.held.delete(frame.frame);
    const keys = new Set<WindowKey>();
    for (const { start, seconds, enis } of frame.windows) {
      const pending = this.open({ start, seconds }, frame, skip, keys);
      if (pending) for (const [eniId] of enis) mark(pending, eniId, frame.agent, false);
    }
    for (const { windowStart, windowSeconds, eniId } of frame.seals) {
      const pending = this.open({ start: windowStart, seconds: windowSeconds }, frame, skip, keys);
      if (pending) mark(pending, eniId, frame.agent, true);
    }
    if (frame.rollCall) {
      const { expected, start, seconds } = frame.rollCall;
      const pending = this.open({ start, seconds }, frame, skip, keys);
      if (pending) for (const { eniId, agentId } of expected) mark(pending, eniId, agentId, false);
    }
    return keys.size;
  }

  /** The same windows, none of which becomes due before the frame of this number is added: it may become whole. */
  hold(frame: JournalFrame, skip: (window: Window) => boolean): number {
    const keys = new Set<WindowKey>();
    for (const { windowStart, windowSeconds } of frame.seals) this.open({ start: windowStart, seconds: windowSeconds }, frame, skip, keys);
    if (keys.size > 0) this.held.add(frame.frame);
    return keys.size;
  }

  /** Windows of which something is due, the oldest first; all that is pending if `everything`. */
  ready(nowMs: number, everything: boolean): ReadyWindow[] {
    const result: ReadyWindow[] = [];
    for (const [key, pending] of this.windows) {
      // who has sealed is remembered for a while: a roll call may come after the seals are published
      if (pending.frames.size === 0 && nowMs >= pending.restUntilMs && Math.abs(nowMs - windowEnd(pending.window) * 1000) >= this.options.aggregationDelayMs) this.windows.delete(key);
      const frames = everything ? [...pending.frames.values()] : this.dueFrames(pending, nowMs);
      if (frames.length > 0) result.push({ ...pending.window, frames });
    }
    return result.sort((a, b) => windowEnd(a) - windowEnd(b));
  }

  /** What batches brought that named this LogStore, due or not. */
  naming(logStore: string): ReadyWindow[] {
    return [...this.windows.values()].flatMap(({ window, frames }) => {
      const named = [...frames.values()].filter((frame) => frame.logStore === logStore);
      return named.length > 0 ? [{ ...window, frames: named }] : [];
    });
  }

  /** These frames of the window are published. What else comes for it waits until `restUntilMs`, since its file is written again. How many are left. */
  remove({ frames, ...window }: ReadyWindow, restUntilMs = 0): number {
    const pending = this.windows.get(windowKey(window));
    if (!pending) return 0;
    for (const { frame } of frames) pending.frames.delete(frame);
    pending.readySinceMs = null;
    pending.quietUntilMs = 0;
    pending.restUntilMs = restUntilMs;
    return pending.frames.size;
  }

  /** Nothing of the window becomes due before, whatever is added. */
  rest(window: Window, untilMs: number): void {
    const pending = this.windows.get(windowKey(window));
    if (pending) pending.restUntilMs = Math.max(pending.restUntilMs, untilMs);
  }

  /** The windows that overlap the range and hold an ENI that `concerns`. */
  count(from: number, to: number, concerns: (eniId: string, window: Window, frame: JournalFrame) => boolean): number {
    let count = 0;
    for (const { window, frames } of this.windows.values()) {
      if (window.start >= to || windowEnd(window) <= from) continue;
      if ([...frames.values()].some((frame) => enisOf(frame, window).some((eniId) => concerns(eniId, window, frame)))) count++;
    }
    return count;
  }

  private open(window: Window, frame: JournalFrame, skip: (window: Window) => boolean, keys: Set<WindowKey>): Pending | null {
    const key = windowKey(window);
    if (!keys.has(key) && skip(window)) return null;
    keys.add(key);
    let pending = this.windows.get(key);
    if (!pending) this.windows.set(key, (pending = { window, frames: new Map(), sealed: new Map(), readySinceMs: null, quietUntilMs: 0, restUntilMs: 0 }));
    pending.quietUntilMs = 0;
    pending.frames.set(frame.frame, frame);
    return pending;
  }

  private dueFrames(pending: Pending, nowMs: number): JournalFrame[] {
    const { frames, window } = pending;
    if (nowMs < Math.max(pending.quietUntilMs, pending.restUntilMs) || (this.held.size > 0 && [...frames.keys()].some((frame) => this.held.has(frame)))) return [];
    const ready: JournalFrame[] = [];
    const late: JournalFrame[] = [];
    let nextMs = Infinity;
    for (const frame of frames.values()) {
      const lateMs = Math.max(windowEnd(window) * 1000, frame.receivedMs) + this.options.aggregationDelayMs;
      if (enisOf(frame, window).every((eniId) => this.isSealed(pending, eniId))) ready.push(frame);
      else if (nowMs >= lateMs) late.push(frame);
      else nextMs = Math.min(nextMs, lateMs);
    }
    if (ready.length > 0) {
      pending.readySinceMs ??= nowMs;
      nextMs = Math.min(nextMs, pending.readySinceMs + this.options.settleMs);
    }
    if (nextMs > nowMs && late.length === 0 && ready.length < frames.size) {
      pending.quietUntilMs = nextMs;
      return [];
    }
    return [...ready, ...late].sort((a, b) => a.frame - b.frame);
  }

  private isSealed(pending: Pending, eniId: string): boolean {
    const agents = pending.sealed.get(eniId);
    return agents !== undefined && [...agents.values()].every((sealed) => sealed);
  }
}

function mark(pending: Pending, eniId: string, agent: string, sealed: boolean): void {
  let agents = pending.sealed.get(eniId);
  if (!agents) pending.sealed.set(eniId, (agents = new Map()));
  if (sealed || !agents.has(agent)) agents.set(agent, sealed);
}

function enisOf(frame: JournalFrame, window: Window): string[] {
  const enis = frame.windows.filter((contents) => contents.start === window.start && contents.seconds === window.seconds)
    .flatMap((contents) => contents.enis.map(([eniId]) => eniId));
  const seals = frame.seals.filter((seal) => seal.windowStart === window.start && seal.windowSeconds === window.seconds);
  const called = frame.rollCall && windowKey(frame.rollCall) === windowKey(window) ? frame.rollCall.expected : [];
  return [...enis, ...[...seals, ...called].map(({ eniId }) => eniId)];
}
