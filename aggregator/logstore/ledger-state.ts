import type { AgentPosition, LedgerRecord, PublishedWindow, SnapshotRecord, StoreWindow } from './ledger-record.ts';
import { windowKey, type Window, type WindowKey } from './window.ts';

/** What the ledger's records add up to. */
export class LedgerState {
  /** Number of the last publication. */
  commit = 0;
  lastFrame = 0;
  /** By LogStore, then window. */
  readonly stores = new Map<string, Map<WindowKey, StoreWindow>>();
  /** Path of each source window's seals. */
  readonly statePaths = new Map<WindowKey, { readonly window: Window; readonly path: string }>();
  private readonly positions = new Map<string, AgentPosition>();
  /** Windows published of each frame that the journal still holds. */
  private readonly published = new Map<number, Set<WindowKey>>();
  /** Frames whose segments may or may not be deleted yet; all their windows are published. */
  private released = new Set<number>();

  apply(record: LedgerRecord): void {
    switch (record.type) {
      case 'snapshot':
        this.clear();
        this.commit = record.commit;
        this.lastFrame = record.lastFrame;
        for (const position of record.positions) this.setPosition(position);
        this.released = new Set(record.released);
        this.addWindows(record.windows);
        this.addStores(record.stores);
        break;
      case 'publish':
        this.commit = record.commit;
        this.addWindows(record.windows);
        this.addStores(record.stores);
        break;
      case 'release':
        this.lastFrame = Math.max(this.lastFrame, record.lastFrame);
        for (const position of record.positions) this.setPosition(position);
        for (const frame of record.frames) this.published.delete(frame);
        this.released = new Set(record.frames);
    }
  }

  snapshot(): SnapshotRecord {
    const framesOf = new Map<WindowKey, number[]>();
    for (const [frame, keys] of this.published) {
      for (const key of keys) {
        const frames = framesOf.get(key);
        if (frames) frames.push(frame);
        else framesOf.set(key, [frame]);
      }
    }
    return {
      type: 'snapshot',
      commit: this.commit,
      lastFrame: this.lastFrame,
      positions: [...this.positions.values()],
      released: [...this.released],
      windows: [...this.statePaths].map(([key, { window, path }]) => ({ ...window, statePath: path, frames: framesOf.get(key) ?? [] })),
      stores: [...this.stores.values()].flatMap((windows) => [...windows.values()]),
    };
  }

  isPublished(frame: number, window: Window): boolean {
    return this.released.has(frame) || (this.published.get(frame)?.has(windowKey(window)) ?? false);
  }

  get agentPositions(): Iterable<AgentPosition> {
    return this.positions.values();
  }

  /** Every file that the state refers to, relative to the data directory. */
  files(): Set<string> {
    const paths = new Set([...this.statePaths.values()].map(({ path }) => path));
    for (const windows of this.stores.values()) for (const { path } of windows.values()) if (path !== null) paths.add(path);
    return paths;
  }

  private clear(): void {
    this.stores.clear();
    this.statePaths.clear();
    this.positions.clear();
    this.published.clear();
  }

  private setPosition(position: AgentPosition): void {
    this.positions.set(`${position[1]} ${position[0]}`, position);
  }

  private addWindows(windows: readonly PublishedWindow[]): void {
    for (const { start, seconds, frames, statePath } of windows) {
      const window = { start, seconds };
      const key = windowKey(window);
      this.statePaths.set(key, { window, path: statePath });
      for (const frame of frames) {
        this.lastFrame = Math.max(this.lastFrame, frame);
        const keys = this.published.get(frame);
        if (keys) keys.add(key);
        else this.published.set(frame, new Set([key]));
      }
    }
  }

  private addStores(stores: readonly StoreWindow[]): void {
    for (const store of stores) {
      let windows = this.stores.get(store.logStore);
      if (!windows) this.stores.set(store.logStore, (windows = new Map()));
      windows.set(windowKey(store), store);
    }
  }
}
