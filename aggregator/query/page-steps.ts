import type { LogStoreFile } from '../logstore/catalog.ts';

/** Files that a page of records is looked for in together. */
export interface PageStep {
  /** So many of the job's files, after those of the steps before. */
  readonly files: number;
  readonly rows: number;
  /** The window that all their records are of; null where they are of several. */
  readonly window: { readonly start: number; readonly end: number } | null;
}

/** About as many rows as are read in the time that one more statement takes. */
const FIRST_STEP_ROWS = 200_000;
/** A step has so many times the rows of all before it: few steps, should every one be needed. */
const GROWTH = 4;

/**
 * Files in the order in which their records come. Records of a file have the start and end of its window, and these stand
 * first in the order of records.
 */
export function inPageOrder(files: readonly LogStoreFile[], newestFirst: boolean): LogStoreFile[] {
  const sign = newestFirst ? -1 : 1;
  return files.toSorted((a, b) => sign * (a.windowStart - b.windowStart) || a.windowSeconds - b.windowSeconds);
}

/**
 * Cuts files in page order into steps, so that the records of one step come before those of the next. Mostly the first
 * step fills the page, and the other files are not even opened.
 */
export function pageSteps(ordered: readonly LogStoreFile[], firstRows = FIRST_STEP_ROWS): PageStep[] {
  const steps: PageStep[] = [];
  let rowsBefore = 0;
  let begin = 0;
  let rows = 0;
  ordered.forEach((file, index) => {
    rows += file.rows;
    const next = ordered[index + 1];
    if (next && (sameWindow(file, next) || rows < Math.max(firstRows, GROWTH * rowsBefore))) return;
    const first = ordered[begin]!;
    const window = sameWindow(first, file) ? { start: file.windowStart, end: file.windowStart + file.windowSeconds } : null;
    steps.push({ files: index + 1 - begin, rows, window });
    rowsBefore += rows;
    begin = index + 1;
    rows = 0;
  });
  return steps;
}

function sameWindow(a: LogStoreFile, b: LogStoreFile): boolean {
  return a.windowStart === b.windowStart && a.windowSeconds === b.windowSeconds;
}
