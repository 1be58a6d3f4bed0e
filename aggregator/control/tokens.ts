import { timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WeirError } from '../../shared/errors.ts';
import { Problem } from '../api/problem.ts';
import { makeDirectory, replaceFile } from '../journal/durable.ts';
import { THE_COLLECTOR, type Actor, type AuditLog } from './audit-log.ts';
import {
  agentRevoked, created, enrolled, entryOf, revoked, rotated, settled, withoutForgotten, USED_UP, type MadeToken, type NewToken, type TokenChange,
} from './token-changes.ts';
import { endsAtMs, readTokenEntries, tokenDocument, type TokenEntry } from './token-entry.ts';
import { isWellFormedToken, tokenHash } from './token-text.ts';
import { TokenUse } from './token-use.ts';
import type { ResourceChange } from './topology-diff.ts';

/** The valid token's entry, or what its holder is told. */
export type TokenCheck = { readonly entry: TokenEntry } | { readonly entry: null; readonly reason: string };

interface Known {
  readonly entry: TokenEntry;
  readonly hash: Buffer;
  readonly endsAtMs: number;
}

type Work<T> = (entries: readonly TokenEntry[], nowMs: number) => TokenChange<T>;

interface WaitingChange {
  readonly actor: Actor;
  /** null: it is none that the audit log tells of. */
  readonly action: string | null;
  readonly work: Work<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Who may do what.
 *
 * I1. A change is durable before it is answered, and in the audit log before it is made. What waits while one is
 *     written is written together.
 * I2. Only hashes are kept.
 * I3. There is always an admin token that does not expire.
 */
export class Tokens {
  private readonly path: string;
  private readonly audit: Pick<AuditLog, 'append'>;
  private readonly use: TokenUse;
  private readonly now: () => number;
  private entries: readonly TokenEntry[] = [];
  /** By the first digits of the hash, which tell an attacker nothing about the token. */
  private byPrefix = new Map<string, Known[]>();
  private byId = new Map<string, Known>();
  private waiting: WaitingChange[] = [];
  private writing: Promise<void> | null = null;

  private constructor(directory: string, audit: Pick<AuditLog, 'append'>, now: () => number) {
    this.path = join(directory, 'tokens.json');
    this.audit = audit;
    this.use = TokenUse.open(join(directory, 'token-use.json'));
    this.now = now;
  }

  /** On the first start an admin token is made and written, once, to `adminTokenFile`. */
  static async open(directory: string, adminTokenFile: string, audit: Pick<AuditLog, 'append'>, now: () => number = Date.now): Promise<Tokens> {
    await makeDirectory(directory);
    const tokens = new Tokens(directory, audit, now);
    if (existsSync(tokens.path)) {
      tokens.take(readTokenEntries(tokens.path));
      return tokens;
    }
    const first = created([], { scope: 'admin', name: 'first admin' }, now());
    // before it is valid: who has to hand it on does so first
    await replaceFile(adminTokenFile, `${first.answer.token}\n`);
    await tokens.change(THE_COLLECTOR, 'token.create', () => first);
    return tokens;
  }

  create(actor: Actor, asked: NewToken): Promise<MadeToken> {
    return this.change(actor, 'token.create', (entries, nowMs) => created(entries, asked, nowMs));
  }

  /** `overlapMs` 0: the old one ends at once. */
  async rotate(actor: Actor, id: string, overlapMs: number): Promise<MadeToken> {
    if (overlapMs === 0 && id === actor.tokenId) throw new Problem(409, 'a token cannot end itself at once, because the answer with its successor may be lost: give an overlap');
    return this.change(actor, 'token.rotate', (entries, nowMs) => rotated(entries, id, overlapMs, nowMs));
  }

  async revoke(actor: Actor, id: string): Promise<void> {
    if (id === actor.tokenId) throw new Problem(409, 'a token cannot revoke itself; use another admin token');
    await this.change(actor, 'token.revoke', (entries) => revoked(entries, id));
  }

  /** Every token that lets the agent in, and one-time tokens for it; how many they were. */
  revokeAgent(actor: Actor, agentId: string): Promise<number> {
    return this.change(actor, 'token.revoke', (entries) => agentRevoked(entries, agentId));
  }

  /** What a one-time token is for: an ingest token of the agent. `oneTime` is the caller's own entry. */
  enrol(actor: Actor, oneTime: TokenEntry, agentId: string): Promise<MadeToken> {
    return this.change(actor, 'token.enrol', (entries, nowMs) => enrolled(entries, oneTime.id, agentId, nowMs));
  }

  list(): readonly TokenEntry[] {
    return this.entries;
  }

  get(id: string): TokenEntry {
    return entryOf(this.entries, id);
  }

  /** The entry as the API shows it. */
  document(entry: TokenEntry): Readonly<Record<string, unknown>> {
    return { ...tokenDocument(entry, this.now()), 'last-used': this.use.last(entry.id) };
  }

  check(token: string): TokenCheck {
    if (!isWellFormedToken(token)) return { entry: null, reason: 'this is no token, or not a whole one: its check digits do not fit' };
    const digest = tokenHash(token);
    const known = this.byPrefix.get(prefixOf(digest))?.find(({ hash }) => timingSafeEqual(hash, digest));
    return known ? this.whileValid(known) : { entry: null, reason: 'the token is not valid: it was revoked, or made by another collector' };
  }

  /** Of a token that was checked before. */
  checkId(id: string): TokenCheck {
    const known = this.byId.get(id);
    return known ? this.whileValid(known) : { entry: null, reason: 'the token was revoked' };
  }

  private whileValid(known: Known): TokenCheck {
    const { entry } = known;
    if (entry.scope === 'enrol' && (entry.usedUp || known.endsAtMs <= this.now())) return { entry: null, reason: USED_UP };
    if (known.endsAtMs <= this.now()) return { entry: null, reason: `the token ${entry.id} expired at ${new Date(known.endsAtMs).toISOString()}: ask for another one` };
    return { entry };
  }

  /** To be called before a request is served: the first use of an agent's token is durable, others are only remembered. */
  async noteUse(entry: TokenEntry): Promise<void> {
    this.use.note(entry.id, this.now());
    if (entry.enrolledBy === null) return;
    await this.change(THE_COLLECTOR, null, (entries) => {
      if (!entries.some(({ id }) => id === entry.id)) throw new Problem(401, 'the token is void: the agent has enrolled once more since');
      return { entries: settled(entries, entry.id), answer: undefined };
    });
  }

  async close(): Promise<void> {
    await this.writing;
    await this.use.close();
  }

  private change<T>(actor: Actor, action: string | null, work: Work<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ actor, action, work, resolve: resolve as (answer: unknown) => void, reject });
      this.writing ??= this.writeWaiting();
    });
  }

  private async writeWaiting(): Promise<void> {
    while (this.waiting.length > 0) {
      const changes = this.waiting;
      this.waiting = [];
      const made: { change: WaitingChange; answer: unknown }[] = [];
      const nowMs = this.now();
      let next = this.entries;
      for (const change of changes) {
        try {
          const { entries, answer } = change.work(next, nowMs);
          if (change.action !== null && entries !== next) await this.audit.append(change.actor, change.action, differences(next, entries, nowMs), null);
          next = entries;
          made.push({ change, answer });
        } catch (error) {
          change.reject(error);
        }
      }
      await this.write(withoutForgotten(next, nowMs)).then(
        () => made.forEach(({ change, answer }) => change.resolve(answer)),
        (error: unknown) => made.forEach(({ change }) => change.reject(error)),
      );
    }
    // in the same turn as the look at what waits: nothing comes between
    this.writing = null;
  }

  private async write(entries: readonly TokenEntry[]): Promise<void> {
    if (entries === this.entries) return;
    try {
      await replaceFile(this.path, `${JSON.stringify(entries, null, 1)}\n`);
    } catch (cause) {
      const text = `${this.path} could not be written, so nothing was changed: ${(cause as Error).message}`;
      await this.audit.append(THE_COLLECTOR, 'undone', [], null, text).catch(() => {});
      throw new WeirError('STORAGE', text, { cause });
    }
    this.take(entries);
  }

  private take(entries: readonly TokenEntry[]): void {
    this.entries = entries;
    this.byPrefix = new Map();
    this.byId = new Map();
    for (const entry of entries) {
      const hash = Buffer.from(entry.sha256, 'hex');
      const known = { entry, hash, endsAtMs: endsAtMs(entry) };
      this.byId.set(entry.id, known);
      const others = this.byPrefix.get(prefixOf(hash));
      if (others) others.push(known);
      else this.byPrefix.set(prefixOf(hash), [known]);
    }
    this.use.forgetOthers(new Set(entries.map(({ id }) => id)));
  }
}

function prefixOf(hash: Buffer): string {
  return hash.toString('hex', 0, 4);
}

/** For the audit log. */
function differences(before: readonly TokenEntry[], after: readonly TokenEntry[], nowMs: number): ResourceChange[] {
  const old = new Map(before.map((entry) => [entry.id, entry]));
  const now = new Map(after.map((entry) => [entry.id, entry]));
  const shown = (entry: TokenEntry | undefined) => (entry ? tokenDocument(entry, nowMs) : null);
  return [...new Set([...old.keys(), ...now.keys()])].filter((id) => old.get(id) !== now.get(id))
    .map((id) => ({ kind: 'token', id, before: shown(old.get(id)), after: shown(now.get(id)) }));
}
