import { FIELDS, FLOW_STATES, INITIATORS, type Field } from '../../../shared/fields.ts';
import type { FieldValue } from '../../../shared/record-values.ts';

type Row = Record<string, FieldValue>;

/** The merge rules of the field table once more, in the plainest way: what the publisher's SQL must agree with. */
export function mergeRows(rows: readonly Row[]): Row[] {
  const groups = new Map<string, Row>();
  for (const row of rows) {
    const key = JSON.stringify(FIELDS.filter(({ merge }) => merge === 'key').map(({ name }) => row[name]));
    const known = groups.get(key);
    groups.set(key, known ? Object.fromEntries(FIELDS.map((field) => [field.name, combine(field, known[field.name]!, row[field.name]!)])) : row);
  }
  return [...groups.values()];
}

function combine({ merge }: Field, a: FieldValue, b: FieldValue): FieldValue {
  if (a === null || b === null) return a ?? b;
  switch (merge) {
    case 'sum': return Number(a) + Number(b);
    case 'min': return Math.min(Number(a), Number(b));
    case 'max': return Math.max(Number(a), Number(b));
    case 'or': return Number(a) | Number(b);
    case 'flow-state': return FLOW_STATES.find((state) => state === a || state === b)!;
    case 'initiator': return INITIATORS.find((initiator) => initiator === a || initiator === b)!;
    default: return a;
  }
}

/** Rows as a set: each as text, sorted. */
export function asSet(rows: readonly Row[]): string[] {
  return rows.map((row) => JSON.stringify(FIELDS.map(({ name }) => row[name]))).sort();
}
