import type { Value } from '../api/answers.ts';
import { FIELDS, columnName } from '../../../shared/fields.ts';

export const CHARTS = ['table', 'number', 'line', 'bar', 'pie', 'sankey'] as const;
export type ChartKind = (typeof CHARTS)[number];
export const CHART_TITLES: Readonly<Record<ChartKind, string>> = { table: 'Table', number: 'Number', line: 'Time series', bar: 'Bars', pie: 'Pie', sankey: 'Sankey' };

export interface ResultColumn { readonly name: string; readonly type: string }
export type ResultRow = readonly Value[];
export interface Result { readonly columns: readonly ResultColumn[]; readonly rows: readonly ResultRow[] }

/** What the columns of an answer are for, by their places. */
export interface ResultShape {
  /** Of the column that time goes by; null: none. */
  readonly time: number | null;
  /** What rows are about. */
  readonly dimensions: readonly number[];
  /** What is counted. */
  readonly measures: readonly number[];
}

const NUMBER_TYPE = /INT|DOUBLE|FLOAT|DECIMAL|REAL/i;
const TIME_TYPE = /TIMESTAMP|DATE/i;
/** Numbers that name something. */
const NAMING = new Set(FIELDS.filter(({ name, type }) => type.startsWith('uint') && !['packets', 'bytes', 'fragments', 'skipped-packets'].includes(name)).map(columnName));

export function shapeOf({ columns, rows }: Result): ResultShape {
  const isTime = ({ name, type }: ResultColumn): boolean => TIME_TYPE.test(type) || ((name === 'start' || name === 'end') && NUMBER_TYPE.test(type));
  const isNumber = ({ type }: ResultColumn): boolean => NUMBER_TYPE.test(type) && !/\[|STRUCT|MAP/i.test(type);
  const times = columns.flatMap((column, at) => (isTime(column) ? [at] : []));
  const numbers = columns.flatMap((column, at) => (isNumber(column) && !times.includes(at) ? [at] : []));
  let measures = numbers.filter((at) => !NAMING.has(columns[at]!.name));
  // numbers alone: the first says what, the others how much
  if (measures.length === 0) measures = numbers.slice(-1);
  const time = times.find((at) => rows.some((row) => row[at] !== null)) ?? null;
  let dimensions = columns.flatMap((_column, at) => (at === time || measures.includes(at) ? [] : [at]));
  if (time === null && dimensions.length === 0 && measures.length > 1 && rows.length > 1) [dimensions, measures] = [measures.slice(0, 1), measures.slice(1)];
  return { time, dimensions, measures };
}

export function possibleCharts(result: Result): ChartKind[] {
  const { time, dimensions, measures } = shapeOf(result);
  const { rows } = result;
  const isWhole = measures.length > 0 && rows.every((row) => (numberOf(row[measures[0]!]) ?? 0) >= 0);
  return CHARTS.filter((kind) => {
    switch (kind) {
      case 'table': return true;
      case 'number': return rows.length === 1 && measures.length > 0;
      case 'line': return time !== null && measures.length > 0 && rows.length > 0;
      case 'bar': return (dimensions.length > 0 || time !== null) && measures.length > 0 && rows.length > 0;
      case 'pie': return dimensions.length > 0 && isWhole && rows.length > 0 && rows.length <= 100;
      case 'sankey': return dimensions.length > 1 && isWhole && rows.length > 0;
    }
  });
}

/** What shows most of it where nobody has chosen. */
export function suggestedChart(result: Result): ChartKind {
  const possible = possibleCharts(result);
  const { columns } = result;
  const { dimensions, measures, time } = shapeOf(result);
  if (possible.includes('number') && measures.length === 1 && dimensions.length === 0) return 'number';
  if (possible.includes('line') && dimensions.length <= 1) return 'line';
  const isPath = dimensions.length === 2 && /^(?:src|source|from)/.test(columns[dimensions[0]!]!.name) && /^(?:dst|dest|to)/.test(columns[dimensions[1]!]!.name);
  if (possible.includes('sankey') && isPath) return 'sankey';
  if (possible.includes('bar') && dimensions.length <= 2 && measures.length === 1 && time === null && result.rows.length <= 50) return 'bar';
  return 'table';
}

/** The chosen chart where the answer can be shown so; else what suits it. */
export function chartFor(result: Result, chosen: string | null): ChartKind {
  return possibleCharts(result).find((kind) => kind === chosen) ?? (chosen === null ? suggestedChart(result) : 'table');
}

/** Whole numbers beyond 2^53 come as text. */
export function numberOf(value: Value | undefined): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && value !== '' && Number.isFinite(Number(value))) return Number(value);
  return null;
}

export function labelOf(row: ResultRow, dimensions: readonly number[]): string {
  return dimensions.map((at) => (row[at] === null || row[at] === undefined ? '–' : String(row[at]))).join(' · ');
}
