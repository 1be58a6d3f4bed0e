import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WeirError } from '../../shared/errors.ts';
import { makeDirectory, replaceFile } from '../journal/durable.ts';
import { Problem } from '../api/problem.ts';
import { AuditLog, THE_COLLECTOR, type Actor } from './audit-log.ts';
import { EMPTY_STATE, type ControlState, type KeptAnswer } from './control-state.ts';
import { RuleRevisions } from './rule-revisions.ts';
import { readState, stateText } from './state-file.ts';
import type { ResourceChange } from './topology-diff.ts';

/** A change worked out on the state as it is: the next state, and what the one who asked is told. */
export interface Outcome<T> {
  /** The same object where nothing changes. */
  readonly state: ControlState;
  /** For the audit log. */
  readonly changes: readonly ResourceChange[];
  readonly answer: T;
}

export type Work<T> = (state: ControlState, now: Date) => Outcome<T> | Promise<Outcome<T>>;

/** A request that may come again with the same key, because its answer was lost. */
export interface Repeatable {
  readonly key: string;
  readonly fingerprint: string;
}

const ANSWERS_KEPT = 1000;
const ANSWERS_KEPT_MS = 24 * 3600 * 1000;

/**
 * The control state on disk.
 *
 * I1. Changes are made one after the other. Each is durable as a whole before it is answered: after a crash at any
 *     moment there is the state before it or the one after it.
 * I2. `state` is what is durable. It is never changed, only replaced.
 */
export class ControlStore {
  readonly audit: AuditLog;
  readonly revisions: RuleRevisions;
  /** Of `state`. */
  readonly path: string;
  private current: ControlState;
  private readonly listeners: ((state: ControlState) => void)[] = [];
  private tail: Promise<unknown> = Promise.resolve();

  private constructor(path: string, state: ControlState, revisions: RuleRevisions, audit: AuditLog) {
    this.path = path;
    this.current = state;
    this.revisions = revisions;
    this.audit = audit;
  }

  static async open(directory: string, auditBytes?: number): Promise<ControlStore> {
    await makeDirectory(directory);
    const path = join(directory, 'state.json');
    const ruleSets = join(directory, 'rule-sets');
    const audit = await AuditLog.open(join(directory, 'audit'), auditBytes);
    // where the state was moved away, its numbers stay used
    const state = existsSync(path) ? readState(path) : { ...EMPTY_STATE, change: audit.lastChange, revision: RuleRevisions.lastIn(ruleSets) };
    const revisions = await RuleRevisions.open(ruleSets, state.revision, state.topology);
    const store = new ControlStore(path, state, revisions, audit);
    if (audit.lastChange > state.change) await audit.undo('the collector ended before the change was made');
    if (!existsSync(path)) await store.write(state);
    return store;
  }

  get state(): ControlState {
    return this.current;
  }

  /** After each change. */
  onChange(listener: (state: ControlState) => void): void {
    this.listeners.push(listener);
  }

  /**
   * Makes a change, or throws what `work` throws and changes nothing. A repeated request gets the answer of the first
   * one; `work` then does not run.
   */
  change<T>(actor: Actor, action: string, work: Work<T>, repeatable: Repeatable | null = null): Promise<T> {
    return this.inTurn(() => this.make(actor, action, work, repeatable));
  }

  /** What `work` would change and answer. */
  preview<T>(work: Work<T>): Promise<T> {
    return this.inTurn(async () => (await work(this.current, new Date())).answer);
  }

  async close(): Promise<void> {
    await this.tail;
    await this.audit.close();
  }

  private inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.tail.then(task);
    this.tail = done.catch(() => {});
    return done;
  }

  private async make<T>(actor: Actor, action: string, work: Work<T>, repeatable: Repeatable | null): Promise<T> {
    const now = new Date();
    const known = repeatable && keptAnswer(this.current, repeatable, actor, now);
    if (known) return known.body as T;
    const { state, changes, answer } = await work(this.current, now);
    if (state === this.current && repeatable === null) return answer;
    const next = withAnswer({ ...state, change: this.current.change + 1 }, repeatable, actor, answer, now);
    if (changes.length > 0) await this.audit.append(actor, action, changes, next.change);
    try {
      await this.keep(next, now, actor);
    } catch (cause) {
      const text = `the control state could not be written, so nothing was changed: ${(cause as Error).message}`;
      // a failure may have come after the file was replaced
      await this.write(this.current).catch(() => {});
      if (changes.length > 0) await this.audit.undo(text);
      throw new WeirError('STORAGE', text, { cause });
    }
    for (const listener of this.listeners) listener(this.current);
    return answer;
  }

  private async keep(state: ControlState, now: Date, actor: Actor): Promise<void> {
    const revision = await this.revisions.revisionOf(state.topology, now.toISOString(), actor.tokenId ?? THE_COLLECTOR.name);
    const kept = { ...state, revision };
    await this.write(kept);
    this.current = kept;
    this.revisions.use(revision, kept.topology);
  }

  private async write(state: ControlState): Promise<void> {
    await replaceFile(this.path, stateText(state));
  }
}

function keptAnswer({ answers }: ControlState, { key, fingerprint }: Repeatable, { tokenId }: Actor, now: Date): KeptAnswer | undefined {
  const known = answers.find((answer) => answer.key === key && answer.tokenId === tokenId && isKept(answer, now));
  if (known && known.fingerprint !== fingerprint) {
    throw new Problem(422, 'the Idempotency-Key was used for another request before; use a new one for a new request', { type: 'urn:weir:problem:idempotency-key-reused' });
  }
  return known;
}

function withAnswer(state: ControlState, repeatable: Repeatable | null, { tokenId }: Actor, body: unknown, now: Date): ControlState {
  if (repeatable === null || tokenId === null) return state;
  const { key, fingerprint } = repeatable;
  const kept = state.answers.filter((answer) => isKept(answer, now)).slice(1 - ANSWERS_KEPT);
  return { ...state, answers: [...kept, { key, tokenId, fingerprint, body, atMs: now.getTime() }] };
}

function isKept({ atMs }: KeptAnswer, now: Date): boolean {
  return atMs > now.getTime() - ANSWERS_KEPT_MS;
}
