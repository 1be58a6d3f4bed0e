import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WeirError } from '../../shared/errors.ts';
import { makeDirectory, replaceFile } from '../journal/durable.ts';
import { Problem } from '../api/problem.ts';
import { THE_COLLECTOR, type Actor, type AuditLog, type AuditEntry } from './audit-log.ts';
import { AuditLog as Log } from './audit-log.ts';
import { EMPTY_STATE, type ControlState, type KeptAnswer } from './control-state.ts';
import { RuleRevisions } from './rule-revisions.ts';
import { topologyDiff, type ResourceChange } from './topology-diff.ts';

/** A change worked out on the state as it is: the next state, and what the one who asked is told. */
export interface Outcome<T> {
  /** The same object where nothing changes. */
  readonly state: ControlState;
  readonly answer: T;
  /** Beyond what the topology shows by itself. */
  readonly changes?: readonly ResourceChange[];
}

/** A request that may come again with the same key, because its answer was lost. */
export interface Repeatable {
  readonly key: string;
  readonly fingerprint: string;
  readonly status: number;
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
  private readonly path: string;
  private current: ControlState;
  private readonly listeners: ((state: ControlState) => void)[] = [];
  private tail: Promise<unknown> = Promise.resolve();

  private constructor(path: string, state: ControlState, revisions: RuleRevisions, audit: AuditLog) {
    this.path = path;
    this.current = state;
    this.revisions = revisions;
    this.audit = audit;
  }

  static async open(directory: string): Promise<ControlStore> {
    await makeDirectory(directory);
    const path = join(directory, 'state.json');
    const state = existsSync(path) ? readState(path) : EMPTY_STATE;
    const revisions = await RuleRevisions.open(join(directory, 'rule-sets'), state.revision);
    return new ControlStore(path, state, revisions, await Log.open(join(directory, 'audit'), state.change));
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
  change<T>(actor: Actor, action: string, work: (state: ControlState, now: Date) => Outcome<T>, repeatable: Repeatable | null = null): Promise<T> {
    const done = this.tail.then(() => this.make(actor, action, work, repeatable));
    this.tail = done.catch(() => {});
    return done;
  }

  /** What `work` would change and answer. */
  preview<T>(work: (state: ControlState, now: Date) => Outcome<T>): T {
    return work(this.current, new Date()).answer;
  }

  async close(): Promise<void> {
    await this.tail;
    await this.audit.close();
  }

  private async make<T>(actor: Actor, action: string, work: (state: ControlState, now: Date) => Outcome<T>, repeatable: Repeatable | null): Promise<T> {
    const now = new Date();
    const known = repeatable && keptAnswer(this.current, repeatable, actor);
    if (known) return known.body as T;
    const { state, answer, changes = [] } = work(this.current, now);
    if (state === this.current && repeatable === null) return answer;
    const next = withAnswer({ ...state, change: this.current.change + 1 }, repeatable, actor, answer, now);
    const told = [...topologyDiff(this.current.topology, next.topology), ...changes];
    const isNews = told.length > 0;
    if (isNews) await this.audit.append(actor, action, told, next.change);
    await this.keep(next, now, actor);
    return answer;
  }

  private async keep(state: ControlState, now: Date, actor: Actor): Promise<void> {
    try {
      const revision = await this.revisions.revisionOf(state.topology, now.toISOString(), actor.tokenId ?? THE_COLLECTOR.name);
      const kept = { ...state, revision };
      await replaceFile(this.path, `${JSON.stringify(kept, null, 1)}\n`);
      this.current = kept;
      this.revisions.use(revision);
    } catch (cause) {
      throw new WeirError('STORAGE', `${this.path} could not be written, so nothing was changed: ${(cause as Error).message}`, { cause });
    }
    for (const listener of this.listeners) listener(this.current);
  }
}

function keptAnswer({ answers }: ControlState, { key, fingerprint }: Repeatable, { tokenId }: Actor): KeptAnswer | undefined {
  const known = answers.find((answer) => answer.key === key && answer.tokenId === tokenId);
  if (known && known.fingerprint !== fingerprint) {
    throw new Problem(422, 'the Idempotency-Key was used for another request before; use a new one for a new request', { type: 'urn:weir:problem:idempotency-key-reused' });
  }
  return known;
}

function withAnswer(state: ControlState, repeatable: Repeatable | null, { tokenId }: Actor, body: unknown, now: Date): ControlState {
  if (repeatable === null || tokenId === null) return state;
  const { key, fingerprint, status } = repeatable;
  const kept = state.answers.filter(({ atMs }) => atMs > now.getTime() - ANSWERS_KEPT_MS).slice(1 - ANSWERS_KEPT);
  return { ...state, answers: [...kept, { key, tokenId, fingerprint, status, body, atMs: now.getTime() }] };
}

function readState(path: string): ControlState {
  try {
    return { ...EMPTY_STATE, ...(JSON.parse(readFileSync(path, 'utf8')) as Partial<ControlState>) };
  } catch (cause) {
    throw new WeirError('CONFIGURATION', `${path} cannot be read: ${(cause as Error).message}; restore it from a backup, or move it away to begin without any resources`, { cause });
  }
}

export type { AuditEntry };
