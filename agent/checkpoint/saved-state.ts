import type { Records } from '../../shared/records.ts';
import type { SavedVerdict } from '../../shared/verdict/verdict-list.ts';
import type { WindowPlace } from '../seal/window-account.ts';
import type { WidthChange } from '../seal/window-widths.ts';

/** An open window, as plain data. Arrays are by ENI. */
export interface SavedWindow extends WindowPlace {
  /** All of its packets had come. */
  readonly isClosing: boolean;
  readonly needsMerge: boolean;
  readonly counters: Readonly<Record<string, Float64Array>>;
  readonly watch: Uint8Array;
  readonly held: Uint8Array;
  /** Rows that have left the table and were not handed on; typed arrays of exactly `count` rows. */
  readonly rows: Readonly<Record<string, NumberColumn>> & { readonly count: number };
}

export type NumberColumn = Float64Array | Int32Array | Uint16Array | Uint8Array;

export interface SavedWindows {
  readonly widths: readonly WidthChange[];
  readonly latestUs: number;
  /** End of the last window that has closed. */
  readonly closedUntilUs: number;
  /** Of the window after the newest. */
  readonly nextOrdinal: number;
  readonly open: readonly SavedWindow[];
}

/** Flow table entries that have changed: their places in the pool, and of each its words and prefixes as FlowTable.save leaves them. */
export interface SavedEntries {
  readonly places: Int32Array;
  readonly words: Int32Array;
}

/** One checkpoint of a pipeline. All but the entries is whole in each; entries add up over checkpoints. */
export interface SavedPipeline {
  /** ENI ids by index. */
  readonly eniIds: readonly string[];
  readonly verdicts: readonly SavedVerdict[];
  readonly windows: SavedWindows;
  readonly entries: SavedEntries;
}

/** The columns of the rows, cut to what is used. */
export function saveRows(rows: Records): SavedWindow['rows'] {
  const columns: Record<string, NumberColumn> = {};
  for (const [name, column] of Object.entries(rows)) {
    if (!ArrayBuffer.isView(column)) continue;
    const perRow = (column as NumberColumn).length / rows.eni.length;
    columns[name] = (column as NumberColumn).slice(0, rows.count * perRow);
  }
  return { ...columns, count: rows.count } as SavedWindow['rows'];
}

/** Appends saved rows; `eniNumbers` and `verdictNumbers` translate, and rows of ENIs that are no more (negative) stay behind. */
export function restoreRows(saved: SavedWindow['rows'], rows: Records, eniNumbers: Int32Array, verdictNumbers: Int32Array): void {
  const from = { ...saved, windowStart: rows.windowStart, windowSeconds: rows.windowSeconds } as unknown as Records;
  for (let row = 0; row < saved.count; row++) {
    const eni = eniNumbers[from.eni[row]!]!;
    if (eni < 0) continue;
    const added = rows.add();
    rows.copyRow(added, from, row);
    rows.eni[added] = eni;
    rows.verdict[added] = verdictNumbers[from.verdict[row]!]!;
  }
}
