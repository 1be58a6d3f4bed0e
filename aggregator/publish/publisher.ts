import { randomBytes } from 'node:crypto';
import type { Logger } from 'winston';
import { WeirError } from '../../shared/errors.ts';
import type { BatchNumber, JournalFrame } from '../journal/batch-frame.ts';
import type { Journal } from '../journal/journal.ts';
import { DiscardedFiles } from '../logstore/discarded-files.ts';
import type { DataLayout } from '../logstore/layout.ts';
import type { AgentPosition, ExpireRecord } from '../logstore/ledger-record.ts';
import type { Ledger } from '../logstore/ledger.ts';
import type { Retention } from '../logstore/retention.ts';
import { windowKey, type Window, type WindowKey } from '../logstore/window.ts';
import type { PendingWindows, ReadyWindow } from './pending-windows.ts';
import { Publication, type LeftOut } from './publication.ts';
import type { PublishProcess } from './publish-process.ts';
import type { Router } from './routing.ts';
import { WantedBatches } from './wanted-batches.ts';

export interface PublisherParts {
  readonly layout: DataLayout;
  readonly journal: Journal;
  readonly ledger: Ledger;
  readonly pending: PendingWindows;
  readonly process: PublishProcess;
  readonly router: () => Router;
  readonly retention: Retention;
  /** Every agent's last sequence number, as received. */
  readonly positions: () => readonly AgentPosition[];
  readonly log: Logger;
  /** Damaged batches may come again for so long after the start, and their windows wait; unless given, they do not. */
  readonly wantedMs?: number;
  /** Of the batches of one publication, about; unless given, 128 MiB. */
  readonly jobBytes?: number;
  readonly onPublished?: (milliseconds: number, windows: number, rows: number) => void;
  readonly onLeftOut?: (leftOut: readonly LeftOut[]) => void;
  readonly onMended?: () => void;
  readonly onFailure?: () => void;
}

/** How often the publisher looks for what has become due. */
const LOOK_MS = 200;
const RETENTION_LOOK_MS = 60_000;
const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 30_000;
/** A window rests so many times as long as its publication took: rows that trickle in must not keep its file being written again and again. */
const REST_FACTOR = 4;
/** Bounds of one publication, which the publishing process holds in memory. For the windows of one that failed they are less. */
const JOB_BYTES = 128 * 1024 * 1024;
const LEAST_JOB_SHARE = 1 / 128;
const JOB_WINDOWS = 64;

/**
 * Moves rows from the journal into LogStores.
 *
 * I1. The order is: files durable, then the ledger's record, then everything that relies on it. Whatever is cut off
 *     before the record left no trace but files that nobody refers to.
 * I2. One publication at a time; a file of a LogStore's window holds exactly the frames that the ledger names for it.
 * I3. A window that cannot be published keeps no other one waiting: it rests, and is tried again by itself and in smaller parts.
 * I4. A batch that is damaged in the journal is mended there, as the frame that it was, or published as lost. Both happen
 *     between publications, so no window has its rows and its loss.
 */
export class Publisher {
  private readonly parts: PublisherParts;
  private readonly run = randomBytes(4).toString('hex');
  private generation: number;
  /** Frames with windows still to be published: how many. */
  private readonly windowsLeft = new Map<number, number>();
  private timer: NodeJS.Timeout | null = null;
  private readonly discarded: DiscardedFiles;
  private readonly wanted = new WantedBatches();
  private isWaiting: boolean;
  private wantedTimer: NodeJS.Timeout | undefined;
  private working: Promise<unknown> = Promise.resolve();
  private busy = false;
  private stopping = false;
  private retryMs = RETRY_FIRST_MS;
  /** How often these windows could not be published, as long as something of them is pending. */
  private readonly failures = new Map<WindowKey, number>();
  private notBeforeMs = 0;
  private retentionLookedMs = 0;

  constructor(parts: PublisherParts) {
    this.parts = parts;
    this.generation = parts.ledger.state.commit;
    this.isWaiting = (parts.wantedMs ?? 0) > 0;
    this.discarded = new DiscardedFiles(parts.layout.root);
  }

  start(): void {
    this.parts.process.warm();
    if (this.isWaiting) this.wantedTimer = setTimeout(() => this.giveUp(), this.parts.wantedMs).unref();
    this.timer = setInterval(() => {
      if (!this.busy && Date.now() >= this.notBeforeMs) void this.publishDue(false).catch(() => {});
    }, LOOK_MS);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.timer) clearInterval(this.timer);
    clearTimeout(this.wantedTimer);
    await this.parts.process.stop();
    await this.working.catch(() => {});
    await this.discarded.close();
  }

  /** A frame is in the journal, just now or since before the start. */
  add(frame: JournalFrame): void {
    const { pending, journal } = this.parts;
    const isHeld = this.isWaiting && frame.damaged !== undefined;
    const windows = isHeld ? pending.hold(frame, this.skipped(frame)) : pending.add(frame, this.skipped(frame));
    if (windows === 0) {
      journal.release(frame.frame);
      return;
    }
    this.windowsLeft.set(frame.frame, windows);
    if (isHeld) this.wanted.add(frame);
  }

  /** Damaged batches whose agents may send them again. */
  get wantedBatches(): readonly BatchNumber[] {
    return this.wanted.list();
  }

  isWanted(number: BatchNumber): boolean {
    return this.wanted.find(number) !== null;
  }

  /** Takes the rows of a damaged batch that have come again; false: it is not wanted any more, or these are others. */
  mend(number: BatchNumber, body: Uint8Array): Promise<boolean> {
    return this.inTurn(async () => {
      const standIn = this.wanted.find(number);
      const frame = standIn && await this.parts.journal.mend(standIn, body);
      if (!frame) return false;
      this.wanted.remove(number);
      this.parts.pending.add(frame, this.skipped(frame));
      this.parts.log.info(`batch ${frame.sequence} of agent ${frame.agent}, which was damaged, has come again`);
      this.parts.onMended?.();
      return true;
    });
  }

  /** What has not come again by now is lost. */
  private giveUp(): void {
    this.isWaiting = false;
    for (const number of this.wanted.list()) this.declare(this.wanted.find(number)!);
  }

  /** It is published as lost. */
  private declare(standIn: JournalFrame): void {
    if (!this.wanted.remove(standIn)) return;
    this.parts.pending.add(standIn, this.skipped(standIn));
    this.parts.log.error(`batch ${standIn.sequence} of agent ${standIn.agent} is damaged and has not come again: its windows say that rows are lost`);
  }

  private skipped({ frame }: JournalFrame): (window: Window) => boolean {
    return (window) => this.parts.ledger.state.isPublished(frame, window);
  }

  /** Publishes all that is pending, sealed or not; resolves when queries see it. */
  async flush(): Promise<void> {
    await this.publishDue(true);
  }

  /** Deletes all that the LogStore holds, and what is pending for it; resolves when that is durable. */
  drop(logStore: string): Promise<void> {
    return this.inTurn(async () => {
      await this.work(this.parts.pending.naming(logStore), false);
      const store = this.parts.ledger.state.stores.get(logStore);
      if (!store) return;
      await this.parts.ledger.append({ type: 'drop', atMs: Date.now(), logStore });
      this.discarded.removeLater([...store.windows.values()].flatMap(({ path }) => path ?? []));
    });
  }

  private publishDue(everything: boolean): Promise<void> {
    return this.inTurn(() => this.work(this.parts.pending.ready(Date.now(), everything), everything));
  }

  private inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.working.catch(() => {}).then(task);
    this.working = done;
    return done;
  }

  private async work(due: ReadyWindow[], everything: boolean): Promise<void> {
    this.busy = true;
    try {
      for (const frame of due.flatMap(({ frames }) => frames)) if (frame.damaged) this.declare(frame);
      const isLook = due.length > 0 || everything || Date.now() - this.retentionLookedMs >= RETENTION_LOOK_MS;
      while (due.length > 0 && !this.stopping) await this.publish(takeJob(due, this.parts.jobBytes ?? JOB_BYTES, this.failures));
      if (isLook && !this.stopping) await this.expire();
      await this.removeSegments();
      this.retryMs = RETRY_FIRST_MS;
    } catch (error) {
      if (this.stopping) return;
      this.notBeforeMs = Date.now() + this.retryMs;
      this.parts.log.error(`publication failed, next attempt in ${this.retryMs} ms: ${(error as Error).message}`);
      this.parts.onFailure?.();
      this.retryMs = Math.min(this.retryMs * 2, RETRY_MOST_MS);
      throw refusedByDisk(error as NodeJS.ErrnoException);
    } finally {
      this.busy = false;
    }
  }

  private async publish(windows: readonly ReadyWindow[]): Promise<void> {
    const { layout, ledger, pending, process, journal, router, retention, onPublished, onLeftOut } = this.parts;
    const begun = performance.now();
    const nowMs = Date.now();
    const rules = { router: router(), keptFrom: (logStore: string) => retention.keptFrom(logStore, nowMs) };
    // Each attempt has names of its own: what an earlier one left is never taken for this one's.
    const publication = new Publication(layout.root, windows, ledger.state, rules, { number: ++this.generation, run: this.run });
    let results;
    try {
      await publication.writeStates();
      const job = publication.job(layout.temporary);
      results = job.targets.length > 0 ? await process.run(job) : [];
    } catch (error) {
      for (const window of windows) this.hasFailed(window);
      await this.discarded.remove(publication.written());
      throw error;
    }
    const replaced = publication.replaced();
    await ledger.append(publication.record(results, nowMs));
    const tookMs = performance.now() - begun;
    for (const window of windows) {
      const framesLeft = pending.remove(window, Date.now() + REST_FACTOR * tookMs);
      if (framesLeft === 0) this.failures.delete(windowKey(window));
      for (const { frame } of window.frames) {
        const left = this.windowsLeft.get(frame)! - 1;
        if (left > 0) this.windowsLeft.set(frame, left);
        else {
          this.windowsLeft.delete(frame);
          journal.release(frame);
        }
      }
    }
    this.discarded.removeLater(replaced);
    if (publication.leftOut.length > 0) onLeftOut?.(publication.leftOut);
    onPublished?.(tookMs, windows.length, results.reduce((rows, result) => rows + result.rows, 0));
  }

  private hasFailed(window: Window): void {
    const key = windowKey(window);
    const times = (this.failures.get(key) ?? 0) + 1;
    this.failures.set(key, times);
    // longer than all of them wait, so that others come first
    this.parts.pending.rest(window, Date.now() + Math.min(RETRY_FIRST_MS * 2 ** times, 2 * RETRY_MOST_MS));
  }

  /** Deletes segments of the journal; first the ledger learns what only they knew. */
  private async removeSegments(): Promise<void> {
    const { journal, ledger, positions } = this.parts;
    const removable = journal.removable;
    if (removable.length === 0) return;
    const frames = removable.flatMap((path) => journal.framesOf(path));
    await ledger.append({ type: 'release', positions: positions(), frames, lastFrame: journal.lastFrameOf(removable), segments: journal.segmentsWithout(removable) });
    await journal.remove(removable);
  }

  /** Takes away what LogStores keep no longer. */
  private async expire(): Promise<void> {
    const { ledger, retention } = this.parts;
    this.retentionLookedMs = Date.now();
    const record = retention.due(this.retentionLookedMs);
    if (!record) return;
    const paths = this.pathsOf(record);
    await ledger.append(record);
    this.discarded.removeLater(paths);
  }

  private pathsOf({ stores, states }: ExpireRecord): string[] {
    const { state } = this.parts.ledger;
    const files = stores.flatMap(({ logStore, windows }) => windows.flatMap((window) => state.stores.get(logStore)?.windows.get(windowKey(window))?.path ?? []));
    return [...files, ...states.flatMap((window) => state.statePaths.get(windowKey(window))?.path ?? [])];
  }
}

function refusedByDisk(error: NodeJS.ErrnoException): Error {
  return error.code === undefined || error instanceof WeirError ? error : new WeirError('STORAGE', `what is pending could not be published: ${error.message}`, { cause: error });
}

/** Takes off `due` what makes one publication: the first of those that have failed least. */
function takeJob(due: ReadyWindow[], mostBytes: number, failures: ReadonlyMap<WindowKey, number>): ReadyWindow[] {
  const failed = (window: Window): number => failures.get(windowKey(window)) ?? 0;
  if (failures.size > 0) due.sort((a, b) => failed(a) - failed(b));
  const times = failed(due[0]!);
  const jobBytes = mostBytes * Math.max(2 ** -times, LEAST_JOB_SHARE);
  const windows: ReadyWindow[] = [];
  const taken = new Set<number>();
  let bytes = 0;
  while (due.length > 0 && windows.length < (times === 0 ? JOB_WINDOWS : 1) && bytes < jobBytes) {
    const window = due[0]!;
    if (failed(window) !== times) break;
    const frames: JournalFrame[] = [];
    for (const frame of window.frames) {
      if (!taken.has(frame.frame)) {
        if (bytes >= jobBytes) break;
        bytes += frame.body.length;
        taken.add(frame.frame);
      }
      frames.push(frame);
    }
    windows.push({ start: window.start, seconds: window.seconds, frames });
    if (frames.length < window.frames.length) due[0] = { ...window, frames: window.frames.slice(frames.length) };
    else due.shift();
  }
  return windows;
}
