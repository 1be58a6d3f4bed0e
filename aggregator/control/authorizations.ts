import type { Actor } from './audit-log.ts';
import { accountOf, type ControlState } from './control-state.ts';
import type { Outcome } from './control-store.ts';
import type { Resource } from './resource-kinds.ts';

/** Once per account: its flow logs may write to LogStores. */
export function authorize(actor: Actor) {
  return (state: ControlState, now: Date): Outcome<Resource> => {
    const accountId = accountOf(state.topology);
    if (state.authorizations.some((known) => known.accountId === accountId)) return { state, changes: [], answer: authorizationView(state) };
    const next = { ...state, authorizations: [...state.authorizations, { accountId, created: now.toISOString(), by: actor.tokenId ?? actor.name }] };
    return { state: next, changes: [{ kind: 'authorization', id: accountId, before: null, after: { authorized: true } }], answer: authorizationView(next) };
  };
}

export function withdrawAuthorization(state: ControlState): Outcome<null> {
  const accountId = accountOf(state.topology);
  const left = state.authorizations.filter((known) => known.accountId !== accountId);
  if (left.length === state.authorizations.length) return { state, changes: [], answer: null };
  return { state: { ...state, authorizations: left }, changes: [{ kind: 'authorization', id: accountId, before: { authorized: true }, after: null }], answer: null };
}

export function authorizationView(state: ControlState): Resource {
  const accountId = accountOf(state.topology);
  const known = state.authorizations.find((authorization) => authorization.accountId === accountId);
  return { 'account-id': accountId, 'authorized': known !== undefined, 'created': known?.created ?? null, 'by': known?.by ?? null };
}
