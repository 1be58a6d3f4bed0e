import type { AgentPosition, DropRecord, ExpireRecord, KnownSegments, LedgerRecord, PublishedWindow, PublishRecord, SnapshotRecord, StoreWindow } from './ledger-record.ts';
import { Usage } from './usage.ts';
import { windowEnd, windowKey, windowOf, type Window, type WindowKey } from './window.ts';

/** What the ledger says of one LogStore. */
export interface StoreState {
  readonly windows: Map<WindowKey, StoreWindow>;
  /** Of the files together. */
  bytes: number;
  /** Windows that end at or before this many Unix seconds were taken away, and are not taken in again. */
  keptFrom: number;
}

/** What the ledger's records add up to. */
export class LedgerState {
  /** Number of the last publication. */
  commit = 0;
  lastFrame = 0;
  segments: KnownSegments = { kept: [], newest: '' };
  readonly stores = new Map<string, StoreState>();
  readonly usage = new Usage();
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
        for (const [logStore, seconds] of record.keptFrom ?? []) this.store(logStore).keptFrom = seconds;
        for (const entry of record.usage ?? []) this.usage.set(entry);
        this.segments = record.segments ?? { kept: [], newest: '' };
        break;
      case 'publish':
        this.commit = Math.max(this.commit, record.commit);
        this.addWindows(record.windows);
        this.addStores(record.stores);
        this.noteUsage(record);
        break;
      case 'expire':
        this.expire(record);
        break;
      case 'drop':
        this.drop(record);
        break;
      case 'release':
        this.lastFrame = Math.max(this.lastFrame, record.lastFrame);
        for (const position of record.positions) this.setPosition(position);
        for (const frame of record.frames) this.published.delete(frame);
        this.released = new Set(record.frames);
        this.segments = record.segments ?? this.segments;
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
      windows: [...new Set([...this.statePaths.keys(), ...framesOf.keys()])]
        .map((key) => ({ ...windowOf(key), statePath: this.statePaths.get(key)?.path ?? null, frames: framesOf.get(key) ?? [] })),
      stores: [...this.stores.values()].flatMap(({ windows }) => [...windows.values()]),
      keptFrom: [...this.stores].filter(([, { keptFrom }]) => keptFrom > 0).map(([logStore, { keptFrom }]) => [logStore, keptFrom] as const),
      usage: this.usage.entries(),
      segments: this.segments,
    };
  }

  isPublished(frame: number, window: Window): boolean {
    return this.released.has(frame) || (this.published.get(frame)?.has(windowKey(window)) ?? false);
  }

  /** Whether something of the frame is published, and its segment not yet given up. */
  isHeld(frame: number): boolean {
    return this.published.has(frame);
  }

  /** What the journal calls this segment is wholly published. */
  isReleased(segment: string): boolean {
    return segment <= this.segments.newest && !this.segments.kept.includes(segment);
  }

  lastSequence(agent: string, epoch: number): number {
    return this.positions.get(positionKey(agent, epoch))?.[2] ?? 0;
  }

  /** What agents have sent beyond what is known. */
  advancePosition([agent, epoch, sequence]: AgentPosition): void {
    if (sequence > this.lastSequence(agent, epoch)) this.setPosition([agent, epoch, sequence]);
  }

  forgetSeals(window: Window): void {
    this.statePaths.delete(windowKey(window));
  }

  get agentPositions(): Iterable<AgentPosition> {
    return this.positions.values();
  }

  /** Every file that the state refers to, relative to the data directory. */
  files(): Set<string> {
    const paths = new Set([...this.statePaths.values()].map(({ path }) => path));
    for (const { windows } of this.stores.values()) for (const { path } of windows.values()) if (path !== null) paths.add(path);
    return paths;
  }

  private clear(): void {
    this.stores.clear();
    this.usage.clear();
    this.statePaths.clear();
    this.positions.clear();
    this.published.clear();
  }

  private setPosition(position: AgentPosition): void {
    this.positions.set(positionKey(position[0], position[1]), position);
  }

  private addWindows(windows: readonly PublishedWindow[]): void {
    for (const { start, seconds, frames, statePath } of windows) {
      const window = { start, seconds };
      const key = windowKey(window);
      if (statePath !== null) this.statePaths.set(key, { window, path: statePath });
      for (const frame of frames) {
        this.lastFrame = Math.max(this.lastFrame, frame);
        const keys = this.published.get(frame);
        if (keys) keys.add(key);
        else this.published.set(frame, new Set([key]));
      }
    }
  }

  private addStores(stores: readonly StoreWindow[]): void {
    for (const window of stores) {
      const store = this.store(window.logStore);
      const key = windowKey(window);
      store.bytes += window.bytes - (store.windows.get(key)?.bytes ?? 0);
      store.windows.set(key, window);
    }
  }

  private noteUsage({ atMs, ingested = [], stores }: PublishRecord): void {
    if (atMs === undefined) return;
    const taken = new Map(ingested.map((each) => [each.logStore, each]));
    for (const logStore of new Set([...taken.keys(), ...stores.map((window) => window.logStore)])) {
      const { rows = 0, bytes = 0 } = taken.get(logStore) ?? {};
      this.usage.note(logStore, atMs, rows, bytes, this.store(logStore).bytes);
    }
  }

  private expire({ atMs, stores, states }: ExpireRecord): void {
    for (const { logStore, windows } of stores) {
      const store = this.store(logStore);
      for (const window of windows) {
        const key = windowKey(window);
        store.bytes -= store.windows.get(key)?.bytes ?? 0;
        store.windows.delete(key);
        store.keptFrom = Math.max(store.keptFrom, windowEnd(window));
      }
      this.usage.note(logStore, atMs, 0, 0, store.bytes);
    }
    for (const window of states) this.statePaths.delete(windowKey(window));
  }

  private drop({ atMs, logStore }: DropRecord): void {
    this.stores.delete(logStore);
    this.usage.note(logStore, atMs, 0, 0, 0);
  }

  private store(logStore: string): StoreState {
    let store = this.stores.get(logStore);
    if (!store) this.stores.set(logStore, (store = { windows: new Map(), bytes: 0, keptFrom: 0 }));
    return store;
  }
}

function positionKey(agent: string, epoch: number): string {
  return `${epoch} ${agent}`;
}
