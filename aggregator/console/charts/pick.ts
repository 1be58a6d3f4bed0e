import type { Value } from '../api/answers.ts';

/** What somebody points at in a chart. */
export interface Pick {
  readonly label: string;
  /** By place of the column. */
  readonly values: readonly (readonly [column: number, value: Value])[];
}

/** Lets one do something with what a chart shows. */
export interface Picking {
  /** Places of columns whose values somebody can do something with. */
  readonly columns: ReadonlySet<number>;
  readonly onPick: (pick: Pick, box: DOMRect) => void;
  /** A part of the time was drawn over. Unix seconds, [from, to). */
  readonly onTime: (from: number, to: number) => void;
}

/** The pick without what nobody can do anything with; null: nothing is left. */
export function pickOf(picking: Picking | undefined, label: string, values: Pick['values']): Pick | null {
  const known = values.filter(([column]) => picking?.columns.has(column));
  return known.length > 0 ? { label, values: known } : null;
}
