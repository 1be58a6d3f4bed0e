import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { addCounts, NO_COUNTS } from '../logstore/committed-catalog.ts';
import type { EniWindowCounts } from '../logstore/catalog.ts';
import { fileNamed, type NamedFile } from '../logstore/layout.ts';
import type { LedgerDoubt } from '../logstore/ledger-files.ts';
import type { StoreWindow } from '../logstore/ledger-record.ts';
import type { LedgerState } from '../logstore/ledger-state.ts';
import { storedFiles } from '../logstore/orphans.ts';
import { windowEnd, windowKey, type Window, type WindowKey } from '../logstore/window.ts';
import type { Router } from './routing.ts';
import { WindowState } from './window-state.ts';
import { eniCounts, statusOf } from './window-status.ts';

export interface CompletionParts {
  readonly root: string;
  /** Numbers of the frames that the journal holds. */
  readonly journalFrames: () => ReadonlySet<number>;
  readonly router: () => Router;
  /** Of Parquet files, in the order of the paths; null: the file cannot be read. */
  readonly countRows: (paths: readonly string[]) => Promise<readonly (number | null)[]>;
  readonly setAside: (path: string) => void;
  readonly tell: (text: string) => void;
}

/** The files of one publication. */
interface Publication {
  readonly number: number;
  readonly files: NamedFile[];
}

/**
 * Makes up for records that a ledger has lost, from the files of the publications.
 *
 * I1. A publication is taken as committed where a later one is known, where a file that it was to replace is gone, or
 *     where the journal holds no more what it has published: all that happens after the commit only. Publications are
 *     made one after the other, so those before a committed one are committed.
 * I2. One for which nothing of that is true may be or not; what it published is in the journal, and what it replaced is
 *     there. It is left out, and published again.
 */
export class LedgerCompletion {
  private readonly parts: CompletionParts;
  private readonly state: LedgerState;
  private readonly doubt: LedgerDoubt;
  private readonly states = new Map<string, WindowState>();

  constructor(parts: CompletionParts, state: LedgerState, doubt: LedgerDoubt) {
    this.parts = parts;
    this.state = state;
    this.doubt = doubt;
  }

  async run(): Promise<void> {
    const paths = storedFiles(this.parts.root);
    const present = new Set(paths);
    const unnamed = this.publicationsOf(paths, this.state.files());
    const committed = unnamed.slice(0, this.lastCommitted(unnamed, present) + 1);
    const files = committed.flatMap((publication) => publication.files);
    for (const file of files.filter(({ logStore }) => logStore === null)) this.takeSeals(file);
    await this.takeRows(files.filter(({ logStore }) => logStore !== null));
    if (this.doubt.damaged.some(({ isTail }) => !isTail)) this.takePositions();
    if (committed.length > 0) this.parts.tell(`${committed.length} publications that the ledger does not know are taken from their ${files.length} files`);
    this.tellGone(present);
  }

  /** Those later than what is known, in order. */
  private publicationsOf(paths: readonly string[], named: ReadonlySet<string>): Publication[] {
    const publications = new Map<string, Publication>();
    for (const path of paths) {
      const file = named.has(path) ? null : fileNamed(path);
      if (!file || file.generation.number <= this.doubt.commit) continue;
      const { number, run } = file.generation;
      const key = `${number} ${run}`;
      const known = publications.get(key);
      if (known) known.files.push(file);
      else publications.set(key, { number, files: [file] });
    }
    return [...publications.values()].sort((a, b) => a.number - b.number);
  }

  private lastCommitted(publications: readonly Publication[], present: ReadonlySet<string>): number {
    if (publications.length === 0) return -1;
    const journal = this.parts.journalFrames();
    return publications.findLastIndex(({ number, files }) => number < this.state.commit || files.some((file) => {
      const known = this.knownPath(file);
      if (known !== null && !present.has(known)) return true;
      const seals = file.logStore === null ? this.sealsAt(file.path) : null;
      return seals !== null && (seals.replaces.some((path) => !present.has(path)) || [...seals.frames].some((frame) => !journal.has(frame)));
    }));
  }

  private takeSeals(file: NamedFile): void {
    const seals = this.sealsAt(file.path);
    if (seals === null) return;
    const known = this.knownPath(file);
    this.state.apply({
      type: 'publish', commit: file.generation.number, stores: [],
      windows: [{ ...file.window, frames: [...seals.frames], statePath: isNewer(file, known) ? file.path : known }],
    });
  }

  private async takeRows(files: readonly NamedFile[]): Promise<void> {
    const newest = new Map<string, NamedFile>();
    for (const file of files) {
      const isKept = windowEnd(file.window) > (this.state.stores.get(file.logStore!)?.keptFrom ?? 0);
      if (isKept && isNewer(file, this.knownPath(file))) newest.set(`${file.logStore} ${windowKey(file.window)}`, file);
    }
    const taken = [...newest.values()];
    const rows = taken.length > 0 ? await this.parts.countRows(taken.map(({ path }) => path)) : [];
    const stores = taken.map((file, i) => this.storeWindow(file, rows[i] ?? null));
    this.state.apply({ type: 'publish', commit: Math.max(this.state.commit, ...files.map(({ generation }) => generation.number)), windows: [], stores });
  }

  private storeWindow({ path, window, logStore, generation }: NamedFile, rows: number | null): StoreWindow {
    const counts = this.countsOf(logStore!, window);
    if (rows !== null) return { ...window, logStore: logStore!, path, rows, bytes: statSync(join(this.parts.root, path)).size, counts };
    this.parts.tell(`${path} of publication ${generation.number} cannot be read and is set aside: the rows of ${timeText(window)} in LogStore ${logStore} are lost, and its windows say that nobody knows how many`);
    this.parts.setAside(join(this.parts.root, path));
    return { ...window, logStore: logStore!, path: null, rows: 0, bytes: 0, counts: withUnknownLoss(counts) };
  }

  private countsOf(logStore: string, target: Window): EniWindowCounts {
    const inside = [...this.state.statePaths.values()].filter(({ window }) => window.start >= target.start && windowEnd(window) <= windowEnd(target));
    const states = inside.flatMap(({ path }) => this.sealsAt(path) ?? []);
    return [...statusOf(logStore, target, states, this.parts.router()).values()].map(eniCounts).reduce(addCounts, NO_COUNTS);
  }

  /** Seals name the last batch of every agent in them, and the frames that are published. */
  private takePositions(): void {
    for (const { window, path } of this.state.statePaths.values()) {
      const seals = this.sealsAt(path);
      if (seals === null) continue;
      this.state.apply({ type: 'publish', commit: this.state.commit, stores: [], windows: [{ ...window, frames: [...seals.frames], statePath: path }] });
      for (const byAgent of seals.enis.values()) for (const { agentId, last } of byAgent.values()) if (last) this.state.advancePosition([agentId, ...last]);
    }
  }

  /** Files that the ledger names and that are not there. */
  private tellGone(present: ReadonlySet<string>): void {
    for (const { windows } of this.state.stores.values()) {
      for (const window of windows.values()) {
        if (window.path === null || present.has(window.path)) continue;
        this.parts.tell(`${window.path} is gone: ${window.rows} rows of ${timeText(window)} in LogStore ${window.logStore} are lost, and its windows say that nobody knows how many`);
        this.state.apply({ type: 'publish', commit: this.state.commit, windows: [], stores: [{ ...window, path: null, rows: 0, bytes: 0, counts: withUnknownLoss(window.counts) }] });
      }
    }
    for (const { window, path } of this.state.statePaths.values()) {
      if (present.has(path)) continue;
      this.parts.tell(`${path} is gone: who has sealed the window at ${timeText(window)} is not known any more`);
      this.state.forgetSeals(window);
    }
  }

  private knownPath({ logStore, window }: NamedFile): string | null {
    const key: WindowKey = windowKey(window);
    return (logStore === null ? this.state.statePaths.get(key)?.path : this.state.stores.get(logStore)?.windows.get(key)?.path) ?? null;
  }

  private sealsAt(path: string): WindowState | null {
    const known = this.states.get(path);
    if (known) return known;
    try {
      const seals = WindowState.parse(readFileSync(join(this.parts.root, path), 'utf8'));
      this.states.set(path, seals);
      return seals;
    } catch {
      return null;
    }
  }
}

function isNewer({ generation }: NamedFile, known: string | null): boolean {
  return known === null || generation.number > (fileNamed(known)?.generation.number ?? 0);
}

function withUnknownLoss({ complete, partial, ...rest }: EniWindowCounts): EniWindowCounts {
  return { ...rest, complete: 0, partial: Math.max(1, partial + complete), lossUnknown: Math.max(1, rest.lossUnknown + complete) };
}

function timeText({ start, seconds }: Window): string {
  return `${new Date(start * 1000).toISOString()}, ${seconds} s,`;
}
