import { randomBytes } from 'node:crypto';
import { Problem } from '../api/problem.ts';
import { ANY_AGENT, endsAtMs, type TokenEntry } from './token-entry.ts';
import { makeToken, tokenHash, type Scope } from './token-text.ts';

/** What someone asks for. */
export interface NewToken {
  readonly scope: Scope;
  readonly name?: string | undefined;
  readonly agentId?: string | undefined;
  readonly logStores?: readonly string[] | undefined;
  /** From now; null: it does not end. */
  readonly lifetimeMs?: number | null | undefined;
}

export interface MadeToken {
  /** Shown once, kept nowhere. */
  readonly token: string;
  readonly entry: TokenEntry;
}

/** A change worked out on the entries as they are; nothing is changed but by what is returned. */
export interface TokenChange<T> {
  readonly entries: readonly TokenEntry[];
  readonly answer: T;
}

type Entries = readonly TokenEntry[];

export const ENROL_LIFETIME_MS = 3_600_000;
/** How long the list still shows what has ended. */
const SHOWN_AFTER_END_MS = 30 * 86_400_000;

export function created(entries: Entries, asked: NewToken, nowMs: number): TokenChange<MadeToken> {
  checkLimits(asked);
  const made = newToken(asked, nowMs);
  return { entries: [...entries, made.entry], answer: made };
}

/** A new token with the same rights and lifetime; the old one goes on for the overlap. */
export function rotated(entries: Entries, id: string, overlapMs: number, nowMs: number): TokenChange<MadeToken> {
  const old = entryOf(entries, id);
  if (old.scope === 'enrol') throw new Problem(409, `${id} is a one-time token: make another one instead`);
  if (endsAtMs(old) <= nowMs) throw new Problem(409, `${id} has expired: make another one instead`);
  const beside = entries.find((entry) => (entry.rotatedFrom === id || entry.id === old.rotatedFrom) && endsAtMs(entry) > nowMs);
  if (beside?.rotatedFrom === id) throw new Problem(409, `${id} was rotated before, and ${beside.id} takes its place: rotate or revoke that one`);
  if (beside) throw new Problem(409, `${id} took the place of ${beside.id}, which goes on until ${new Date(endsAtMs(beside)).toISOString()}: two may overlap, so revoke that one first, or wait`);
  const lifetimeMs = old.expires === null ? null : Date.parse(old.expires) - Date.parse(old.created);
  const made = newToken({ scope: old.scope, name: old.name, agentId: old.agentId ?? undefined, logStores: old.logStores ?? undefined, lifetimeMs }, nowMs);
  const successor = { ...made.entry, rotatedFrom: id };
  const settledEntries = settled(entries, id);
  const left = overlapMs === 0
    ? settledEntries.filter((entry) => entry.id !== id)
    : settledEntries.map((entry) => (entry.id === id ? { ...entry, overlapUntil: new Date(Math.min(endsAtMs(old), nowMs + overlapMs)).toISOString() } : entry));
  return checkedForAdmin(entries, { entries: [...left, successor], answer: { token: made.token, entry: successor } });
}

export function revoked(entries: Entries, id: string): TokenChange<void> {
  entryOf(entries, id);
  return checkedForAdmin(entries, { entries: settled(entries, id).filter((entry) => entry.id !== id), answer: undefined });
}

/** Everything that would let the agent in, or in again. */
export function agentRevoked(entries: Entries, agentId: string): TokenChange<number> {
  const left = entries.filter((entry) => entry.agentId !== agentId && (entry.enrolledAs !== agentId || entry.usedUp));
  const count = entries.length - left.length;
  return { entries: count === 0 ? entries : left, answer: count };
}

/**
 * The one-time token makes an ingest token for the agent. The same may come again, because the answer was lost: as long
 * as the token it made was never used that one is void, and there is a new one. An agent that has a token already is
 * enrolled only by a one-time token that was made for it: one that any agent may use makes nobody another one.
 */
export function enrolled(entries: Entries, oneTimeId: string, agentId: string, nowMs: number): TokenChange<MadeToken> {
  const oneTime = entries.find(({ id, scope }) => id === oneTimeId && scope === 'enrol');
  if (!oneTime || oneTime.usedUp || endsAtMs(oneTime) <= nowMs) throw new Problem(401, USED_UP);
  if (agentId === ANY_AGENT) throw new Problem(400, `${ANY_AGENT} is no agent's id`);
  const only = oneTime.agentId ?? oneTime.enrolledAs;
  if (only !== null && only !== agentId) throw new Problem(403, `the one-time token is for the agent ${only}, not for ${agentId}: make another one with weir token create --scope enrol`);
  const isTaken = entries.some((entry) => entry.scope === 'ingest' && entry.agentId === agentId && entry.enrolledBy !== oneTimeId && endsAtMs(entry) > nowMs);
  if (isTaken && oneTime.agentId === null) {
    throw new Problem(409, `there is an agent ${agentId} with a token of its own, and the one-time token is not for it: give the agent another agent-id, or, if it is the same one, make a one-time token for it with weir token create --scope enrol --agent-id ${agentId}`);
  }
  const made = newToken({ scope: 'ingest', name: oneTime.name, agentId, lifetimeMs: null }, nowMs);
  const credential = { ...made.entry, enrolledBy: oneTimeId };
  const left = entries.filter(({ enrolledBy }) => enrolledBy !== oneTimeId).map((entry) => (entry === oneTime ? { ...entry, enrolledAs: agentId } : entry));
  return { entries: [...left, credential], answer: { token: made.token, entry: credential } };
}

export const USED_UP = 'the one-time token was used, or has expired: make another one with weir token create --scope enrol';

/** The token is in use, so the one-time token that made it makes no other. */
export function settled(entries: Entries, id: string): Entries {
  const enrolledBy = entries.find((entry) => entry.id === id)?.enrolledBy;
  if (!enrolledBy) return entries;
  return entries.map((entry) => (entry.id === id ? { ...entry, enrolledBy: null } : entry.id === enrolledBy ? { ...entry, usedUp: true } : entry));
}

/** Without what ended long ago. */
export function withoutForgotten(entries: Entries, nowMs: number): Entries {
  const isShown = (entry: TokenEntry): boolean => endsAtMs(entry) > nowMs - SHOWN_AFTER_END_MS;
  return entries.every(isShown) ? entries : entries.filter(isShown);
}

function newToken({ scope, name = '', agentId, logStores, lifetimeMs = scope === 'enrol' ? ENROL_LIFETIME_MS : null }: NewToken, nowMs: number): MadeToken {
  const token = makeToken(scope);
  return {
    token,
    entry: {
      id: `tok-${randomBytes(6).toString('hex')}`, name, scope, agentId: agentId ?? null, logStores: logStores ?? null,
      sha256: tokenHash(token).toString('hex'), created: new Date(nowMs).toISOString(), expires: lifetimeMs === null ? null : new Date(nowMs + lifetimeMs).toISOString(),
      overlapUntil: null, rotatedFrom: null, enrolledBy: null, enrolledAs: null, usedUp: false,
    },
  };
}

function checkLimits({ scope, agentId, logStores, lifetimeMs }: NewToken): void {
  if (scope === 'ingest' && agentId === undefined) throw new Problem(400, `an ingest token belongs to one agent: name it with agent-id, or give ${ANY_AGENT} to let it speak for all of them`);
  if (scope === 'enrol' && agentId === ANY_AGENT) throw new Problem(400, 'leave agent-id out for a one-time token that any agent may use');
  if (agentId !== undefined && scope !== 'ingest' && scope !== 'enrol') throw new Problem(400, `agent-id is for tokens with the scope ingest or enrol, not ${scope}`);
  if (logStores !== undefined && scope !== 'query') throw new Problem(400, `logstores is for tokens with the scope query, not ${scope}`);
  if (scope === 'enrol' && lifetimeMs === null) throw new Problem(400, 'a one-time token cannot be valid for ever');
}

export function entryOf(entries: Entries, id: string): TokenEntry {
  const entry = entries.find((known) => known.id === id);
  // what was given may be a token by mistake: it is not repeated
  if (!entry) throw new Problem(404, 'there is no token with this id; weir token list shows those there are');
  return entry;
}

function checkedForAdmin<T>(before: Entries, change: TokenChange<T>): TokenChange<T> {
  const lasting = ({ scope, expires, overlapUntil }: TokenEntry): boolean => scope === 'admin' && expires === null && overlapUntil === null;
  if (before.some(lasting) && !change.entries.some(lasting)) {
    throw new Problem(409, 'this is the last admin token that does not expire, and without one the collector could be locked for good: make another one first, with weir token create --scope admin');
  }
  return change;
}
