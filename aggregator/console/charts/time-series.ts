import type { Value } from '../api/answers.ts';
import { labelOf, numberOf, shapeOf, type Result } from './result-shape.ts';

export interface Series {
  readonly name: string;
  /** By time; null: nothing then. */
  readonly values: readonly (number | null)[];
  /** Of the period before, moved to this one. */
  readonly isPrevious: boolean;
}

export interface TimeSeries {
  /** Unix seconds, ascending. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** Series that there was no room for. */
  readonly leftOut: number;
}

const MAX_SERIES = 8;

/** A line for each measure, or for each value of the dimensions: then those that make most of it. */
export function timeSeriesOf(result: Result, previous: Result | null = null, shiftSeconds = 0): TimeSeries {
  const { lines, leftOut } = linesOf(result);
  const before = previous ? linesOf(previous).lines : new Map<string, Map<number, number>>();
  const times = [...new Set([...[...lines.values()].flatMap((line) => [...line.keys()]), ...[...before.values()].flatMap((line) => [...line.keys()].map((time) => time + shiftSeconds))])].sort((a, b) => a - b);
  const series = Array.from(lines, ([name, line]): Series => ({ name, values: times.map((time) => line.get(time) ?? null), isPrevious: false }));
  for (const [name, line] of before) {
    if (lines.has(name) || lines.size === 0) series.push({ name: `${name}, before`, values: times.map((time) => line.get(time - shiftSeconds) ?? null), isPrevious: true });
  }
  return { times, series, leftOut };
}

/** How long each point of the times lasts: the shortest step between two. null: one point alone does not tell. */
export function stepOf(times: readonly number[]): number | null {
  let step = Infinity;
  for (let at = 1; at < times.length; at++) step = Math.min(step, times[at]! - times[at - 1]!);
  return Number.isFinite(step) && step > 0 ? step : null;
}

function linesOf(result: Result): { lines: Map<string, Map<number, number>>; leftOut: number } {
  const { time, dimensions, measures } = shapeOf(result);
  const lines = new Map<string, Map<number, number>>();
  if (time === null) return { lines, leftOut: 0 };
  for (const row of result.rows) {
    const at = secondsOf(row[time]);
    if (at === null) continue;
    for (const measure of dimensions.length > 0 ? measures.slice(0, 1) : measures) {
      const name = dimensions.length > 0 ? labelOf(row, dimensions) : result.columns[measure]!.name.replaceAll('_', ' ');
      let line = lines.get(name);
      if (!line) lines.set(name, line = new Map());
      const value = numberOf(row[measure]);
      if (value !== null) line.set(at, (line.get(at) ?? 0) + value);
    }
  }
  if (lines.size <= MAX_SERIES) return { lines, leftOut: 0 };
  const weight = (line: ReadonlyMap<number, number>): number => [...line.values()].reduce((sum, value) => sum + Math.abs(value), 0);
  const heaviest = [...lines].sort(([, a], [, b]) => weight(b) - weight(a)).slice(0, MAX_SERIES);
  return { lines: new Map(heaviest), leftOut: lines.size - MAX_SERIES };
}

/** Unix seconds of a time that an answer holds. */
export function secondsOf(value: Value | undefined): number | null {
  if (typeof value === 'number') return value;
  const ms = Date.parse(String(value));
  return Number.isNaN(ms) ? null : ms / 1000;
}
