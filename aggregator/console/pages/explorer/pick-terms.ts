import { columnName, FIELDS } from '../../../../shared/fields.ts';
import type { Pick } from '../../charts/pick.ts';
import { shapeOf, type Result } from '../../charts/result-shape.ts';
import { secondsOf, stepOf } from '../../charts/time-series.ts';
import { splitQuery, termOf } from './query-terms.ts';

/** What a search can say of what somebody points at. */
export interface PickedSearch {
  readonly terms: readonly string[];
  /** Unix seconds; null: it says nothing of time. */
  readonly range: { readonly from: number; readonly to: number } | null;
}

/** Fields that the columns of an answer hold, by place of the column: what a search can ask for. */
export function searchableColumns(query: string, result: Result): ReadonlyMap<number, string> {
  const select = splitQuery(query).select ?? '';
  const found = new Map<number, string>();
  for (const at of shapeOf(result).dimensions) {
    const field = fieldOf(result.columns[at]!.name, select);
    if (field !== null) found.set(at, field);
  }
  return found;
}

/** How long each time of the answer lasts; null where it has none, or one alone. */
export function timeStep(result: Result): number | null {
  const { time } = shapeOf(result);
  if (time === null) return null;
  const times = [...new Set(result.rows.map((row) => secondsOf(row[time])))].filter((seconds) => seconds !== null);
  return stepOf(times.sort((a, b) => a - b));
}

/** null: it holds a value that no search can. */
export function searchFor(pick: Pick, query: string, result: Result): PickedSearch | null {
  const fields = searchableColumns(query, result);
  const { time } = shapeOf(result);
  const step = timeStep(result);
  const terms: string[] = [];
  let range: PickedSearch['range'] = null;
  for (const [column, value] of pick.values) {
    const field = fields.get(column);
    const from = column === time ? secondsOf(value) : null;
    if (from !== null && step !== null) range = { from, to: from + step };
    if (field === undefined) continue;
    const term = termOf(field, value);
    if (term === null) return null;
    terms.push(term);
  }
  return { terms, range };
}

const NAMED = /([\w.]+(?:\([^()]*\))?|[)'"])\s+AS\s+"?(\w+)"?/gi;
const PROTOCOL_NAME = /^protocol_name\(\s*protocol\s*\)$/i;

/** The field whose values the column has, as far as the statement plainly says; null: something that was worked out. */
function fieldOf(name: string, select: string): string | null {
  const meant = [...select.matchAll(NAMED)].filter((match) => match[2]!.toLowerCase() === name.toLowerCase()).map((match) => match[1]!);
  const columns = new Set((meant.length > 0 ? meant : [name]).map((text) => (PROTOCOL_NAME.test(text) ? 'protocol' : text.replace(/^log\./i, '').toLowerCase())));
  const [only] = columns;
  return columns.size === 1 ? FIELDS.find((field) => columnName(field) === only)?.name ?? null : null;
}
