import type { CompletenessCell, CompletenessPage, CompletenessSummary } from '../api/answers.ts';
import { request } from '../api/client.ts';

export type CellState = 'COMPLETE' | 'PARTIAL' | 'MISSING' | 'NODATA';

export interface GridColumn {
  readonly start: number;
  readonly seconds: number;
}

export interface GridRow {
  readonly eniId: string;
  /** By column; null: the ENI was not expected in that window, and nothing came of it. */
  readonly cells: readonly (CompletenessCell | null)[];
}

export interface Grid {
  /** Of all ENIs and windows of the range; null without a LogStore. */
  readonly summary: CompletenessSummary | null;
  readonly columns: readonly GridColumn[];
  readonly rows: readonly GridRow[];
  /** Windows of the range before the first column that are not shown. */
  readonly earlierWindows: number;
  /** There are more cells than are shown. */
  readonly isCut: boolean;
}

export interface GridRequest {
  /** null: all that agents sealed. */
  readonly logStore: string | null;
  readonly eni: string | null;
  readonly from: number;
  readonly to: number;
  readonly signal: AbortSignal;
}

/** More than fit side by side are too many to look at. */
const MAX_COLUMNS = 300;
const PAGE_CELLS = 10_000;
const MAX_PAGES = 10;

export function stateOf(cell: CompletenessCell): CellState {
  return cell.state === 'COMPLETE' && cell.nodata ? 'NODATA' : cell.state;
}

/** The newest windows of the range, with a cell for each ENI that anything is known of. */
export async function loadGrid({ logStore, eni, from, to, signal }: GridRequest): Promise<Grid> {
  const page = (since: number, limit: number, cursor: string | null): Promise<CompletenessPage> =>
    request('GET', '/v1/completeness', { parameters: { logstore: logStore, eni, from: since, to, limit, cursor }, signal });
  let since = from;
  let earlierWindows = 0;
  let summary: CompletenessSummary | null = null;
  if (logStore !== null) {
    const first = await page(from, 1, null);
    const windows = first.windows.toSorted(byTime);
    summary = first.summary;
    earlierWindows = Math.max(0, windows.length - MAX_COLUMNS);
    since = windows.at(earlierWindows)?.start ?? from;
    if (windows.length === 0) return { summary, columns: [], rows: [], earlierWindows, isCut: false };
  }
  const cells: CompletenessCell[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const answer = await page(since, PAGE_CELLS, cursor);
    cells.push(...answer.cells);
    cursor = answer.next;
    pages++;
  } while (cursor !== null && pages < MAX_PAGES);
  return { summary, ...arranged(cells.filter(({ start }) => start >= since || logStore === null)), earlierWindows, isCut: cursor !== null };
}

function arranged(cells: readonly CompletenessCell[]): Pick<Grid, 'columns' | 'rows'> {
  const columns = [...new Map(cells.map(({ start, seconds }) => [keyOf(start, seconds), { start, seconds }])).values()].sort(byTime).slice(-MAX_COLUMNS);
  const place = new Map(columns.map(({ start, seconds }, at) => [keyOf(start, seconds), at]));
  const rows = new Map<string, (CompletenessCell | null)[]>();
  for (const cell of cells) {
    const at = place.get(keyOf(cell.start, cell.seconds));
    if (at === undefined) continue;
    let row = rows.get(cell['eni-id']);
    if (!row) rows.set(cell['eni-id'], row = Array.from<CompletenessCell | null>({ length: columns.length }).fill(null));
    row[at] = cell;
  }
  return { columns, rows: [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([eniId, own]) => ({ eniId, cells: own })) };
}

function keyOf(start: number, seconds: number): string {
  return `${start}/${seconds}`;
}

function byTime(a: GridColumn, b: GridColumn): number {
  return a.start - b.start || a.seconds - b.seconds;
}

export type Totals = Readonly<Record<CellState, number>>;

export function totalsOf(rows: readonly GridRow[]): Totals {
  const totals = { COMPLETE: 0, PARTIAL: 0, MISSING: 0, NODATA: 0 };
  for (const { cells } of rows) for (const cell of cells) if (cell) totals[stateOf(cell)]++;
  return totals;
}
