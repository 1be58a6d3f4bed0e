import { columnName, findField } from '../../../../shared/fields.ts';
import { ApiProblem } from '../../api/client.ts';
import { ask, rangeOf, type Question, type SelectRows } from './question.ts';
import { termOf } from './query-terms.ts';

const MOST = 100;
const MAX_KEPT = 60;
const kept = new Map<string, Promise<readonly string[]>>();

/** Values that a field has in the range, the most usual first, as a query spells them. None where they cannot be had. */
export function usualValues({ logStore, from, to }: Question, name: string): Promise<readonly string[]> {
  const field = findField(name);
  if (!field || field.type === 'instant' || field.type === 'seconds') return Promise.resolve([]);
  const key = JSON.stringify([logStore, from, to, name]);
  let values = kept.get(key);
  if (!values) {
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(key, values = load({ logStore, from, to }, field.name, columnName(field)));
  }
  return values;
}

async function load({ logStore, from, to }: Omit<Question, 'query'>, name: string, column: string): Promise<readonly string[]> {
  try {
    const { rows } = await ask<SelectRows>(logStore, { query: `* | SELECT ${column}, count(*) AS n WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT ${MOST}`, ...rangeOf({ from, to }) });
    return rows.map(([value]) => termOf(name, value!)?.slice(name.length + 1)).filter((text) => text !== undefined);
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    return [];
  }
}
