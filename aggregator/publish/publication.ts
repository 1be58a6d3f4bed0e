import { mkdirSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory, syncDirectory } from '../journal/durable.ts';
import type { JournalFrame } from '../journal/batch-frame.ts';
import { addCounts, NO_COUNTS, overlaps } from '../logstore/committed-catalog.ts';
import { parquetPath, windowStatePath, type Generation } from '../logstore/layout.ts';
import type { PublishRecord, StoreWindow } from '../logstore/ledger-record.ts';
import type { LedgerState } from '../logstore/ledger-state.ts';
import { windowEnd, windowKey, type Window, type WindowKey } from '../logstore/window.ts';
import type { PublishJob, RouteJob, TargetJob, TargetResult } from './job.ts';
import type { ReadyWindow } from './pending-windows.ts';
import type { Route, Router } from './routing.ts';
import { eniCounts, eniStatusRows, rollUp, WindowState, type AgentWindow } from './window-state.ts';

const ACTION_OF = { All: null, Allow: 'ACCEPT', Drop: 'REJECT' } as const;

/**
 * One publication, worked out: which files are to be written from which frames, and what the ledger is to say once
 * they are. Nothing of it counts before the ledger has the record.
 */
export class Publication {
  readonly windows: readonly ReadyWindow[];
  private readonly generation: Generation;
  private readonly root: string;
  private readonly ledger: LedgerState;
  private readonly router: Router;
  private readonly frames: JournalFrame[] = [];
  private readonly frameIndex = new Map<number, number>();
  private readonly states = new Map<WindowKey, WindowState>();
  private readonly targets: (TargetJob & Pick<StoreWindow, 'counts'>)[] = [];
  private readonly targetIndex = new Map<string, number>();
  private readonly routes: RouteJob[] = [];

  constructor(root: string, windows: readonly ReadyWindow[], ledger: LedgerState, router: Router, generation: Generation) {
    this.root = root;
    this.windows = windows;
    this.ledger = ledger;
    this.router = router;
    this.generation = generation;
    for (const window of windows) this.takeIn(window);
    this.targets.forEach((target, index) => {
      this.targets[index] = { ...target, ...this.status(target) };
    });
  }

  /** Makes the seals durable in new files. */
  async writeStates(): Promise<void> {
    const directories = new Set<string>();
    for (const window of this.windows) {
      const path = join(this.root, windowStatePath(window, this.generation));
      if (!directories.has(dirname(path))) await makeDirectory(dirname(path));
      directories.add(dirname(path));
      const file = await open(path, 'w', 0o600);
      try {
        await file.writeFile(this.states.get(windowKey(window))!.toJson());
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

  record(results: readonly TargetResult[]): PublishRecord {
    return {
      type: 'publish',
      commit: this.generation.number,
      windows: this.windows.map(({ start, seconds, frames }) => ({
        start, seconds, frames: frames.map(({ frame }) => frame), statePath: windowStatePath({ start, seconds }, this.generation),
      })),
      stores: this.targets.map(({ logStore, start, seconds, path, counts }, i) => {
        const { rows, bytes } = results[i]!;
        return { logStore, start, seconds, path: rows > 0 ? path : null, rows, bytes, counts };
      }),
    };
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
    for (const frame of frames) {
      state.add(frame);
      const index = this.indexOf(frame);
      for (const contents of frame.windows) {
        if (windowKey(contents) !== windowKey(window)) continue;
        for (const [eniId] of contents.enis) {
          for (const route of this.router.routes(eniId, window.seconds, [frame.logStore])) {
            this.routes.push({ frame: index, window, eniId, target: this.target(window, route), action: ACTION_OF[route.trafficType] });
          }
        }
      }
      for (const seal of frame.seals) {
        if (seal.windowStart !== window.start || seal.windowSeconds !== window.seconds) continue;
        for (const route of this.router.routes(seal.eniId, window.seconds, [frame.logStore])) this.target(window, route);
      }
    }
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
      state = known ? WindowState.parse(readFileSync(join(this.root, known.path), 'utf8')) : new WindowState(window);
      this.states.set(key, state);
    }
    return state;
  }

  private target(window: Window, { logStore, windowSeconds }: Route): number {
    const target = { start: window.start - (window.start % windowSeconds), seconds: windowSeconds };
    const key = `${logStore} ${windowKey(target)}`;
    let index = this.targetIndex.get(key);
    if (index === undefined) {
      index = this.targets.push({
        ...target, logStore,
        path: parquetPath(logStore, target, this.generation),
        previousPath: this.ledger.stores.get(logStore)?.get(windowKey(target))?.path ?? null,
        statusRows: [], enis: [], counts: NO_COUNTS,
      }) - 1;
      this.targetIndex.set(key, index);
    }
    return index;
  }

  /** What the seals of all windows inside the target say of the ENIs that are routed to it. */
  private status(target: TargetJob): Pick<TargetJob, 'statusRows' | 'enis'> & Pick<StoreWindow, 'counts'> {
    const isRouted = (eniId: string, state: WindowState, agents: readonly AgentWindow[]): boolean => {
      const stores = [...new Set(agents.flatMap((agent) => agent.logStores))];
      return this.router.routes(eniId, state.window.seconds, stores)
        .some((route) => route.logStore === target.logStore && route.windowSeconds === target.seconds);
    };
    const told = rollUp(this.statesInside(target), target, isRouted);
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
