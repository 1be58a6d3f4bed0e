import { mkdirSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory, syncDirectory } from '../journal/durable.ts';
import type { JournalFrame } from '../journal/batch-frame.ts';
import { addCounts, NO_COUNTS, overlaps } from '../logstore/committed-catalog.ts';
import { parquetPath, windowStatePath, type Generation } from '../logstore/layout.ts';
import type { Ingestion, PublishRecord, StoreWindow } from '../logstore/ledger-record.ts';
import type { LedgerState } from '../logstore/ledger-state.ts';
import { windowEnd, windowKey, type Window, type WindowKey } from '../logstore/window.ts';
import type { PublishJob, RouteJob, TargetJob, TargetResult } from './job.ts';
import type { ReadyWindow } from './pending-windows.ts';
import type { Route, Router } from './routing.ts';
import { WindowState } from './window-state.ts';
import { eniCounts, eniStatusRows, statusOf } from './window-status.ts';

const ACTION_OF = { All: null, Allow: 'ACCEPT', Drop: 'REJECT' } as const;

/** What decides where rows go: as it is when the publication is worked out. */
export interface PublicationRules {
  readonly router: Router;
  /** Windows that end at or before this many Unix seconds are no more taken into the LogStore. */
  readonly keptFrom: (logStore: string) => number;
}

/** Rows that a publication leaves out. */
export interface LeftOut {
  readonly eniId: string;
  readonly window: Window;
  readonly rows: number;
  /** The LogStore that keeps rows of that time no longer; null: no flow log covered the ENI then. */
  readonly logStore: string | null;
}

/**
 * One publication, worked out: which files are to be written from which frames, and what the ledger is to say once
 * they are. Nothing of it counts before the ledger has the record.
 */
export class Publication {
  readonly windows: readonly ReadyWindow[];
  private readonly generation: Generation;
  private readonly root: string;
  private readonly ledger: LedgerState;
  private readonly rules: PublicationRules;
  private readonly frames: JournalFrame[] = [];
  private readonly frameIndex = new Map<number, number>();
  private readonly states = new Map<WindowKey, WindowState>();
  private readonly targets: (TargetJob & Pick<StoreWindow, 'counts'>)[] = [];
  private readonly targetIndex = new Map<string, number>();
  private readonly routes: RouteJob[] = [];
  readonly leftOut: LeftOut[] = [];

  constructor(root: string, windows: readonly ReadyWindow[], ledger: LedgerState, rules: PublicationRules, generation: Generation) {
    this.root = root;
    this.windows = windows;
    this.ledger = ledger;
    this.rules = rules;
    this.generation = generation;
    for (const window of windows) this.takeIn(window);
    this.targets.forEach((target, index) => {
      this.targets[index] = { ...target, ...this.status(target) };
    });
  }

  /** Makes the seals durable in new files. */
  async writeStates(): Promise<void> {
    const directories = new Set<string>();
    for (const [i, window] of this.windows.entries()) {
      const state = this.states.get(windowKey(window))!;
      state.replaces = i === 0 ? this.replaced() : [];
      const path = join(this.root, windowStatePath(window, this.generation));
      if (!directories.has(dirname(path))) await makeDirectory(dirname(path));
      directories.add(dirname(path));
      const file = await open(path, 'w', 0o600);
      try {
        await file.writeFile(state.toJson());
        await file.datasync();
      } finally {
        await file.close();
      }
    }
    for (const directory of directories) await syncDirectory(directory);
  }

  job(temporary: string): Omit<PublishJob, 'id'> {
    mkdirSync(temporary, { recursive: true, mode: 0o700 });
    const targets = this.targets.map(({ counts: _counts, ...target }) => target);
    return { root: this.root, temporary, frames: this.frames.map(({ body }) => body), targets, routes: this.routes };
  }

  record(results: readonly TargetResult[], atMs: number): PublishRecord {
    return {
      type: 'publish',
      commit: this.generation.number,
      atMs,
      windows: this.windows.map(({ start, seconds, frames }) => ({
        start, seconds, frames: frames.map(({ frame }) => frame), statePath: windowStatePath({ start, seconds }, this.generation),
      })),
      stores: this.targets.map(({ logStore, start, seconds, path, counts }, i) => {
        const { rows, bytes } = results[i]!;
        return { logStore, start, seconds, path: rows > 0 ? path : null, rows, bytes, counts };
      }),
      ingested: this.ingested(results),
    };
  }

  private ingested(results: readonly TargetResult[]): Ingestion[] {
    const sums = new Map<string, Ingestion>();
    this.targets.forEach(({ logStore }, i) => {
      const { ingestedRows, ingestedBytes } = results[i]!;
      if (ingestedRows === 0) return;
      const sum = sums.get(logStore);
      sums.set(logStore, { logStore, rows: (sum?.rows ?? 0) + ingestedRows, bytes: (sum?.bytes ?? 0) + ingestedBytes });
    });
    return [...sums.values()];
  }

  /** Files that this publication writes, relative to the data directory. */
  written(): string[] {
    return [...this.windows.map((window) => windowStatePath(window, this.generation)), ...this.targets.map(({ path }) => path)];
  }

  /** Files that the record makes superfluous, relative to the data directory. */
  replaced(): string[] {
    const states = this.windows.flatMap((window) => this.ledger.statePaths.get(windowKey(window))?.path ?? []);
    return [...states, ...this.targets.flatMap(({ previousPath }) => previousPath ?? [])];
  }

  private takeIn({ frames, ...window }: ReadyWindow): void {
    const state = this.state(window);
    const key = windowKey(window);
    for (const frame of frames) {
      state.add(frame);
      const fallback = frame.logStore === null ? [] : [frame.logStore];
      for (const contents of frame.windows) {
        if (windowKey(contents) === key) for (const [eniId, rows] of contents.enis) this.route(frame, window, eniId, rows, fallback);
      }
      for (const seal of frame.seals) {
        if (seal.windowStart === window.start && seal.windowSeconds === window.seconds) this.mention(seal.eniId, window, fallback);
      }
      if (frame.rollCall && windowKey(frame.rollCall) === key) for (const { eniId } of frame.rollCall.expected) this.mention(eniId, window, []);
    }
  }

  private route(frame: JournalFrame, window: Window, eniId: string, rows: number, fallback: readonly string[]): void {
    const routes = this.rules.router.routes(eniId, window, fallback);
    if (routes.length === 0) this.leftOut.push({ eniId, window, rows, logStore: null });
    for (const route of routes) {
      const target = this.target(window, route);
      if (target === null) this.leftOut.push({ eniId, window, rows, logStore: route.logStore });
      else this.routes.push({ frame: this.indexOf(frame), window, eniId, target, action: route.trafficType && ACTION_OF[route.trafficType] });
    }
  }

  /** The ENI's LogStores are to say whether the window is complete. */
  private mention(eniId: string, window: Window, fallback: readonly string[]): void {
    for (const route of this.rules.router.routes(eniId, window, fallback)) this.target(window, route);
  }

  private indexOf(frame: JournalFrame): number {
    let index = this.frameIndex.get(frame.frame);
    if (index === undefined) this.frameIndex.set(frame.frame, (index = this.frames.push(frame) - 1));
    return index;
  }

  private state(window: Window): WindowState {
    const key = windowKey(window);
    let state = this.states.get(key);
    if (!state) {
      const known = this.ledger.statePaths.get(key);
      state = known ? WindowState.parseOrEmpty(this.sealsText(known.path), window) : new WindowState(window);
      for (const frame of state.frames) if (!this.ledger.isHeld(frame)) state.frames.delete(frame);
      this.states.set(key, state);
    }
    return state;
  }

  private sealsText(path: string): string {
    try {
      return readFileSync(join(this.root, path), 'utf8');
    } catch {
      return '';
    }
  }

  /** null: the LogStore keeps windows of that time no longer. */
  private target(window: Window, { logStore, windowSeconds }: Route): number | null {
    const target = { start: window.start - (window.start % windowSeconds), seconds: windowSeconds };
    if (windowEnd(target) <= this.rules.keptFrom(logStore)) return null;
    const key = `${logStore} ${windowKey(target)}`;
    let index = this.targetIndex.get(key);
    if (index === undefined) {
      index = this.targets.push({
        ...target, logStore,
        path: parquetPath(logStore, target, this.generation),
        previousPath: this.ledger.stores.get(logStore)?.windows.get(windowKey(target))?.path ?? null,
        statusRows: [], enis: [], counts: NO_COUNTS,
      }) - 1;
      this.targetIndex.set(key, index);
    }
    return index;
  }

  /** What the seals of all windows inside the target say of the ENIs that are routed to it. */
  private status(target: TargetJob): Pick<TargetJob, 'statusRows' | 'enis'> & Pick<StoreWindow, 'counts'> {
    const told = statusOf(target.logStore, target, this.statesInside(target), this.rules.router);
    let counts = NO_COUNTS;
    for (const agents of told.values()) counts = addCounts(counts, eniCounts(agents));
    const statusRows = [...told].flatMap(([eniId, agents]) => eniStatusRows(eniId, agents));
    return { statusRows, enis: [...told.keys()], counts };
  }

  private statesInside(target: Window): WindowState[] {
    const keys = new Map<WindowKey, Window>();
    for (const [key, { window }] of this.ledger.statePaths) if (overlaps(window, target.start, windowEnd(target))) keys.set(key, window);
    for (const [key, { window }] of this.states) if (overlaps(window, target.start, windowEnd(target))) keys.set(key, window);
    return [...keys.values()]
      .filter((window) => window.start >= target.start && windowEnd(window) <= windowEnd(target))
      .sort((a, b) => a.start - b.start)
      .map((window) => this.state(window));
  }
}
