import { randomBytes } from 'node:crypto';
import { Problem } from '../api/problem.ts';
import type { ControlState, SavedQuery } from './control-state.ts';
import type { Outcome } from './control-store.ts';

/** They stand in the control state, which is written as a whole. */
const MAX_SAVED_QUERIES = 2_000;

/** `check` throws where the query cannot be asked. */
export function saveQuery(id: string | null, given: Omit<SavedQuery, 'id'>, check: (query: Omit<SavedQuery, 'id'>) => void) {
  const savedId = id ?? `sq-${randomBytes(8).toString('hex')}`;
  return (state: ControlState): Outcome<SavedQuery> => {
    check(given);
    const known = state.savedQueries.find((query) => query.id === savedId);
    if (id !== null && !known) throw noSuch(id);
    if (state.savedQueries.length >= MAX_SAVED_QUERIES && !known) throw new Problem(409, `there are ${MAX_SAVED_QUERIES} saved queries; delete some`);
    const query = { id: savedId, ...given };
    const savedQueries = known ? state.savedQueries.map((other) => (other === known ? query : other)) : [...state.savedQueries, query];
    return { state: { ...state, savedQueries }, changes: [{ kind: 'saved-query', id: savedId, before: known ? { ...known } : null, after: { ...query } }], answer: query };
  };
}

export function deleteSavedQuery(id: string) {
  return (state: ControlState): Outcome<null> => {
    const known = state.savedQueries.find((query) => query.id === id);
    if (!known) throw noSuch(id);
    return {
      state: { ...state, savedQueries: state.savedQueries.filter((query) => query !== known) },
      changes: [{ kind: 'saved-query', id, before: { ...known }, after: null }], answer: null,
    };
  };
}

function noSuch(id: string): Problem {
  return new Problem(404, `there is no saved query ${JSON.stringify(id.slice(0, 100))}`);
}
