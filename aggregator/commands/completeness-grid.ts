import type { CompletenessCell } from '../api/completeness-answer.ts';

/** What a cell says: its sign, its name in the legend, and the terminal's colour for it. */
const SIGNS = {
  complete: ['.', 'complete', 32],
  nodata: ['-', 'complete, no traffic', 32],
  partial: ['P', 'partial, loss known', 33],
  unknown: ['U', 'partial, loss unknown', 33],
  missing: ['M', 'missing', 31],
} as const satisfies Record<string, readonly [string, string, number]>;
type Sign = keyof typeof SIGNS;
const NOTHING = ' ';

const LEGEND = `${Object.values(SIGNS).map(([sign, name]) => `${sign} ${name}`).join('   ')}\n`;
/** A time stands over every so manieth window. */
const TICK_WINDOWS = 10;
const MAX_ID_WIDTH = 32;
const LEAST_WINDOWS = 10;

export interface GridStyle {
  readonly width: number;
  readonly hasColour: boolean;
}

/** Counts over all cells, of which the picture may show only some. */
export interface CellTotals {
  cells: number;
  complete: number;
  nodata: number;
  partial: number;
  missing: number;
  lostPackets: number;
  lossUnknown: number;
}

/** Cells of windows of one width, ENI by ENI. */
class WidthGrid {
  readonly seconds: number;
  /** By ENI, then the window's start. */
  readonly enis = new Map<string, Map<number, Sign>>();
  readonly starts = new Set<number>();

  constructor(seconds: number) {
    this.seconds = seconds;
  }

  add(cell: CompletenessCell): void {
    this.starts.add(cell.start);
    let row = this.enis.get(cell['eni-id']);
    if (!row) this.enis.set(cell['eni-id'], (row = new Map()));
    row.set(cell.start, signOf(cell));
  }

  picture({ width, hasColour }: GridStyle): string {
    const rows = [...this.enis].sort(([a], [b]) => (a < b ? -1 : 1));
    const idWidth = Math.min(MAX_ID_WIDTH, Math.max(...rows.map(([id]) => id.length)));
    const room = Math.max(LEAST_WINDOWS, width - idWidth - 2 - ' 100.0%'.length);
    // a window without any cell has its place, as a gap
    const starts = [...this.starts].sort((a, b) => a - b);
    const last = starts.at(-1)!;
    const shownFrom = Math.max(starts[0]!, last - (room - 1) * this.seconds);
    const count = (last - shownFrom) / this.seconds + 1;
    const hidden = starts.filter((start) => start < shownFrom).length;
    const indent = ' '.repeat(idWidth + 2);
    const lines = [
      `windows of ${this.seconds} s, from ${timeText(shownFrom)}${hidden > 0 ? `; ${hidden} older ones do not fit` : ''}`,
      indent + ticks(shownFrom, this.seconds, count),
      ...rows.map(([id, cells]) => {
        const signs = Array.from({ length: count }, (_, at) => signText(cells.get(shownFrom + at * this.seconds), hasColour));
        const good = [...cells.values()].filter((sign) => sign === 'complete' || sign === 'nodata').length;
        return `${shortened(id, idWidth).padEnd(idWidth)}  ${signs.join('')} ${percent(good, cells.size)}`;
      }),
    ];
    return lines.map((line) => `${line.trimEnd()}\n`).join('');
  }
}

/** Takes cells as they come, and draws them: a row for each ENI, a sign for each window, newest to the right. */
export class CompletenessPicture {
  readonly totals: CellTotals = { cells: 0, complete: 0, nodata: 0, partial: 0, missing: 0, lostPackets: 0, lossUnknown: 0 };
  private readonly grids = new Map<number, WidthGrid>();

  add(cell: CompletenessCell): void {
    let grid = this.grids.get(cell.seconds);
    if (!grid) this.grids.set(cell.seconds, (grid = new WidthGrid(cell.seconds)));
    grid.add(cell);
    const { totals } = this;
    totals.cells++;
    totals[cell.state === 'COMPLETE' ? 'complete' : cell.state === 'PARTIAL' ? 'partial' : 'missing']++;
    if (cell.state === 'COMPLETE' && cell.nodata) totals.nodata++;
    totals.lostPackets += cell['lost-packets'];
    if (cell['loss-unknown']) totals.lossUnknown++;
  }

  draw(style: GridStyle): string {
    const grids = [...this.grids.values()].sort((a, b) => a.seconds - b.seconds);
    return grids.length === 0 ? '' : `${[...grids.map((grid) => grid.picture(style)), LEGEND].join('\n')}`;
  }
}

function signOf({ state, nodata, 'loss-unknown': isUnknown }: CompletenessCell): Sign {
  if (state === 'MISSING') return 'missing';
  if (state === 'PARTIAL') return isUnknown ? 'unknown' : 'partial';
  return nodata ? 'nodata' : 'complete';
}

function signText(sign: Sign | undefined, hasColour: boolean): string {
  if (sign === undefined) return NOTHING;
  const [text, , colour] = SIGNS[sign];
  return hasColour ? `\u001b[${colour}m${text}\u001b[0m` : text;
}

function ticks(from: number, seconds: number, count: number): string {
  let line = '';
  for (let at = 0; at < count; at += TICK_WINDOWS) {
    const text = new Date((from + at * seconds) * 1000).toISOString().slice(11, seconds < 60 ? 19 : 16);
    line += text.padEnd(TICK_WINDOWS);
  }
  return line.trimEnd();
}

export function timeText(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

function percent(part: number, all: number): string {
  // 99.96 % are not all
  return `${(Math.floor((part / all) * 1000) / 10).toFixed(1)}%`.padStart(6);
}

/** Ids differ at their end as often as at their beginning. */
function shortened(id: string, width: number): string {
  if (id.length <= width) return id;
  const head = Math.ceil((width - 1) / 2);
  return `${id.slice(0, head)}~${id.slice(id.length - (width - 1 - head))}`;
}
