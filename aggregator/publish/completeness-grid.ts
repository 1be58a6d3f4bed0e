import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { overlaps } from '../logstore/committed-catalog.ts';
import type { LedgerState } from '../logstore/ledger-state.ts';
import { windowKey, type Window, type WindowKey } from '../logstore/window.ts';
import type { Router } from './routing.ts';
import { WindowState } from './window-state.ts';
import { eniCounts, isNoData, rollUp, statusOf, type AgentStatus, type EniStatuses } from './window-status.ts';

/** Is this window of this ENI complete, and who says so? */
export interface Cell extends Window {
  readonly eniId: string;
  readonly state: 'COMPLETE' | 'PARTIAL' | 'MISSING';
  /** Packets that seals count as lost; beyond them, more may be where `isLossUnknown`. */
  readonly lostPackets: number;
  readonly isLossUnknown: boolean;
  /** All agents say that there was no traffic. */
  readonly isNoData: boolean;
  readonly agents: readonly AgentStatus[];
}

/** Cells are in this order: start, seconds, ENI. */
export type CellPlace = readonly [start: number, seconds: number, eniId: string];

export interface CellRequest {
  /** null: all that agents sealed, in their own windows, wherever it went. */
  readonly logStore: string | null;
  /** null: all. */
  readonly eniId: string | null;
  /** Unix seconds; windows that overlap [from, to). */
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  /** The last cell of the page before. */
  readonly after: CellPlace | null;
}

export interface CellPage {
  readonly cells: readonly Cell[];
  /** Where the next page begins; null: this is the last one. A page may be short, or empty, and not the last. */
  readonly next: CellPlace | null;
}

/** Files that one page reads at most: a filter may leave few cells of many windows. */
const MAX_WINDOWS_READ = 500;
const WHATEVER = { trafficType: null, isWhole: true } as const;
/** No ENI's id comes after it. */
const LAST_ENI = '\u{10ffff}';

/** The answers to "is this complete?" of each ENI and published window, read from the seals that were kept. */
export class CompletenessGrid {
  private readonly root: string;
  private readonly ledger: LedgerState;
  private readonly router: () => Router;

  constructor(root: string, ledger: LedgerState, router: () => Router) {
    this.root = root;
    this.ledger = ledger;
    this.router = router;
  }

  async page(request: CellRequest): Promise<CellPage> {
    const { after, limit } = request;
    const windows = this.windows(request);
    const read = windows.slice(0, MAX_WINDOWS_READ);
    const sources = request.logStore === null ? null : this.sourcesOf(read);
    const cells: Cell[] = [];
    for (const window of read) {
      const states = await this.states(sources?.get(windowKey(window)) ?? [window]);
      const statuses = request.logStore === null ? rollUp(states, window, () => WHATEVER) : statusOf(request.logStore, window, states, this.router());
      for (const cell of cellsOf(window, statuses, request.eniId)) {
        if (after && compare(placeOf(cell), after) <= 0) continue;
        if (cells.length === limit) return { cells, next: placeOf(cells.at(-1)!) };
        cells.push(cell);
      }
    }
    const last = read.at(-1);
    return { cells, next: last && read.length < windows.length ? [last.start, last.seconds, LAST_ENI] : null };
  }

  /** From the one on that `after` lies in, in order. */
  private windows({ logStore, from, to, after }: CellRequest): Window[] {
    const all: Iterable<Window> = logStore === null ? [...this.ledger.statePaths.values()].map(({ window }) => window) : this.ledger.stores.get(logStore)?.windows.values() ?? [];
    const isLeft = ({ start, seconds }: Window): boolean => after === null || start > after[0] || (start === after[0] && seconds >= after[1]);
    return [...all].filter((window) => overlaps(window, from, to) && isLeft(window)).sort((a, b) => a.start - b.start || a.seconds - b.seconds);
  }

  /** The windows as agents sent them, by the LogStore's window that they lie in. */
  private sourcesOf(targets: readonly Window[]): Map<WindowKey, Window[]> {
    const sources = new Map<WindowKey, Window[]>(targets.map((target) => [windowKey(target), []]));
    const widths = [...new Set(targets.map(({ seconds }) => seconds))];
    for (const { window } of this.ledger.statePaths.values()) {
      for (const seconds of widths) {
        if (window.seconds <= seconds) sources.get(windowKey({ start: window.start - (window.start % seconds), seconds }))?.push(window);
      }
    }
    return sources;
  }

  private async states(windows: readonly Window[]): Promise<WindowState[]> {
    const states: WindowState[] = [];
    for (const window of windows.toSorted((a, b) => a.start - b.start)) {
      const known = this.ledger.statePaths.get(windowKey(window));
      if (known) states.push(WindowState.parseOrEmpty(await readFile(join(this.root, known.path), 'utf8').catch(() => ''), window));
    }
    return states;
  }
}

function cellsOf({ start, seconds }: Window, statuses: EniStatuses, onlyEni: string | null): Cell[] {
  const named = [...statuses].filter(([eniId]) => onlyEni === null || eniId === onlyEni);
  return named.sort(([a], [b]) => compareTexts(a, b)).map(([eniId, agents]) => {
    const { complete, partial, lostPackets, lossUnknown } = eniCounts(agents);
    const state = complete > 0 ? 'COMPLETE' : partial > 0 ? 'PARTIAL' : 'MISSING';
    return { eniId, start, seconds, state, lostPackets, isLossUnknown: lossUnknown > 0, isNoData: isNoData(agents), agents };
  });
}

function placeOf({ start, seconds, eniId }: Cell): CellPlace {
  return [start, seconds, eniId];
}

function compare(a: CellPlace, b: CellPlace): number {
  return a[0] - b[0] || a[1] - b[1] || compareTexts(a[2], b[2]);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
