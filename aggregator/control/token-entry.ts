import { readFileSync } from 'node:fs';
import { WeirError } from '../../shared/errors.ts';
import type { Scope } from './token-text.ts';

export const ANY_AGENT = '*';

/** What is kept of a token: never the token itself. Times are ISO 8601. */
export interface TokenEntry {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  /** Ingest: the one agent that may use it, or `*`. Enrol: the one that may enrol with it, or null for any. */
  readonly agentId: string | null;
  /** Query: the LogStores that it may read; null: all. */
  readonly logStores: readonly string[] | null;
  readonly sha256: string;
  readonly created: string;
  /** null: never. */
  readonly expires: string | null;
  /** Of a token that was rotated: how long it goes on beside its successor. */
  readonly overlapUntil: string | null;
  /** Id of the token whose place it takes. */
  readonly rotatedFrom: string | null;
  /** Ingest, while it was never used: id of the one-time token that made it. */
  readonly enrolledBy: string | null;
  /** Enrol: the agent that it has made a token for. */
  readonly enrolledAs: string | null;
  /** Enrol: the token that it made was used, so it makes no other. */
  readonly usedUp: boolean;
}

const ABSENT = {
  name: '', agentId: null, logStores: null, expires: null, overlapUntil: null, rotatedFrom: null, enrolledBy: null, enrolledAs: null, usedUp: false,
};

/** When the token ends by itself, Unix milliseconds; Infinity: never. */
export function endsAtMs({ expires, overlapUntil }: TokenEntry): number {
  return Math.min(expires === null ? Infinity : Date.parse(expires), overlapUntil === null ? Infinity : Date.parse(overlapUntil));
}

/** In the spelling of the API, without anything that helps to guess the token. */
export function tokenDocument(entry: TokenEntry, nowMs: number): Readonly<Record<string, unknown>> {
  const ends = endsAtMs(entry);
  return {
    'id': entry.id, 'name': entry.name, 'scope': entry.scope, 'agent-id': entry.agentId ?? entry.enrolledAs, 'logstores': entry.logStores,
    'state': entry.usedUp ? 'used' : ends <= nowMs ? 'expired' : 'valid',
    'created': entry.created, 'expires': ends === Infinity ? null : new Date(ends).toISOString(), 'rotated-from': entry.rotatedFrom,
  };
}

export function readTokenEntries(path: string): TokenEntry[] {
  let problem: string;
  try {
    const entries: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (Array.isArray(entries) && entries.every(isEntry)) return entries.map((entry) => ({ ...ABSENT, ...entry }));
    problem = 'it is no list of tokens';
  } catch (error) {
    problem = (error as Error).message;
  }
  throw new WeirError('CONFIGURATION', `${path} cannot be read: ${problem}; restore it, or delete it to get a new admin token, which makes all others void`);
}

function isEntry(value: unknown): value is TokenEntry {
  const entry = value as Partial<TokenEntry> | null;
  return typeof entry?.id === 'string' && typeof entry.scope === 'string' && /^[0-9a-f]{64}$/.test(entry.sha256 ?? '') && typeof entry.created === 'string';
}
