import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientLeft, INTERNAL_DETAIL, QueryFailure } from './query-failure.ts';
import type { QuerySettings } from './query-settings.ts';
import { Turns } from './turns.ts';
import type { WorkerAnswer, WorkerFailure, WorkerJob } from './worker/worker-job.ts';
import { WorkerProcess } from './worker/worker-process.ts';

/** A job before the pool gives it a folder and limits. */
export type PoolJob = Omit<WorkerJob, 'directory' | 'limits'>;

/** An answer; `dispose` when the body has been used, for it may stand in a file. */
export interface PoolAnswer { readonly answer: WorkerAnswer; dispose(): Promise<void> }

/** The statement of a job was wrong: for the one who wrote it. */
export class StatementFailure extends Error {
  readonly failure: WorkerFailure;

  constructor(failure: WorkerFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * Disposable processes that answer queries.
 *
 * I1. At most `workers` jobs run and `queue` wait, and of one token `workersPerToken` and `queuePerToken`; one more is
 *     refused at once. Who has waited gets his turn by token, so that many queries of one delay those of no other.
 * I2. A worker that was killed, died, or has done its share is replaced; one spare stands ready, so that no query waits
 *     for a process to start.
 * I3. The turn of a worker that was killed is free when the process is gone, for until then it has its memory.
 */
export class QueryPool {
  readonly settings: QuerySettings;
  /** For metrics. */
  readonly counts = { answered: 0, failed: 0, refused: 0, killed: 0 };
  private readonly idle: WorkerProcess[] = [];
  private readonly busy = new Set<WorkerProcess>();
  private readonly turns: Turns;
  /** Answers in files that are not disposed of, by token. */
  private readonly openAnswers = new Map<string, number>();
  private stopped = true;
  private readonly temporary: string;
  private directory = '';

  /** `temporary`: the folder in which queries get theirs, for what they spill and answer. */
  constructor(settings: QuerySettings, temporary = tmpdir()) {
    this.settings = settings;
    this.temporary = temporary;
    const { workers, workersPerToken, queue, queuePerToken } = settings;
    this.turns = new Turns({ atOnce: workers, perHolder: Math.min(workers, workersPerToken), waiting: queue, waitingPerHolder: queuePerToken });
  }

  start(): void {
    this.stopped = false;
    this.directory = mkdtempSync(join(this.temporary, 'weir-query-'));
    this.keepSpare();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.turns.dismiss();
    await Promise.all([...this.idle.splice(0), ...this.busy].map((worker) => worker.stop()));
    if (this.directory !== '') rmSync(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  get runningJobs(): number {
    return this.turns.holding;
  }

  get waitingJobs(): number {
    return this.turns.waiting;
  }

  /** Process ids, for tests and metrics. */
  get workerPids(): number[] {
    return [...this.idle, ...this.busy].flatMap((worker) => worker.pid ?? []);
  }

  /** `token`: whose query it is. Throws StatementFailure where the statement is at fault, QueryFailure otherwise. */
  async run(job: PoolJob, signal?: AbortSignal, token = ''): Promise<PoolAnswer> {
    await this.takeTurn(token, signal);
    let worker: WorkerProcess | null = null;
    try {
      worker = this.idle.pop() ?? this.newWorker();
      this.busy.add(worker);
      this.keepSpare();
      return await this.runOn(worker, job, signal, token);
    } catch (error) {
      this.counts.failed++;
      throw error;
    } finally {
      void this.release(worker).then(() => this.turns.giveBack(token));
    }
  }

  private async takeTurn(token: string, signal: AbortSignal | undefined): Promise<void> {
    if (this.stopped) throw new QueryFailure('busy', 'the collector is stopping');
    this.checkOpenAnswers(token);
    if (!this.turns.tryTake(token)) await this.waitForTurn(token, signal);
  }

  private checkOpenAnswers(token: string): void {
    const { openAnswers, openAnswersPerToken } = this.settings;
    const all = [...this.openAnswers.values()].reduce((sum, count) => sum + count, 0);
    if (all < openAnswers && (this.openAnswers.get(token) ?? 0) < openAnswersPerToken) return;
    this.counts.refused++;
    throw new QueryFailure('busy', `${all} large answers are still being read, ${this.openAnswers.get(token) ?? 0} of them with your token: read these first`);
  }

  private waitForTurn(token: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (failure: QueryFailure | null) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
        if (failure) reject(failure);
        else resolve();
      };
      const leave = this.turns.wait(token, () => settle(this.stopped ? new QueryFailure('busy', 'the collector is stopping') : null));
      const cancel = () => {
        leave?.();
        settle(clientLeft());
      };
      const timer = setTimeout(() => {
        leave?.();
        settle(new QueryFailure('busy', 'no query worker became free: try again in a moment'));
      }, this.settings.deadlineMs);
      signal?.addEventListener('abort', cancel, { once: true });
      if (leave) return;
      this.counts.refused++;
      settle(new QueryFailure('busy', `${this.turns.holding} queries are running and ${this.turns.waiting} are waiting, ${
        this.turns.waitingOf(token)} of them with your token: try again in a moment`));
    });
  }

  private async runOn(worker: WorkerProcess, job: PoolJob, signal: AbortSignal | undefined, token: string): Promise<PoolAnswer> {
    const directory = await mkdtemp(join(this.directory, 'job-'));
    const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    try {
      await worker.ready;
      const { memoryBytes, spillBytes, answerBytes, threads, deadlineMs } = this.settings;
      const reply = await worker.run({ ...job, directory, limits: { memoryBytes, spillBytes, answerBytes, threads } }, deadlineMs, signal);
      if (!reply.ok) throw failureOf(reply);
      this.counts.answered++;
      if (reply.path === null) return { answer: reply, dispose: remove };
      this.countOpen(token, 1);
      let isOpen = true;
      const dispose = async () => {
        if (isOpen) this.countOpen(token, -1);
        isOpen = false;
        await remove();
      };
      return { answer: reply, dispose };
    } catch (error) {
      // one that was killed may still be writing there
      void (worker.isAlive ? Promise.resolve() : worker.stop()).then(remove).catch(() => {});
      throw error;
    }
  }

  private countOpen(token: string, change: number): void {
    const count = (this.openAnswers.get(token) ?? 0) + change;
    if (count > 0) this.openAnswers.set(token, count);
    else this.openAnswers.delete(token);
  }

  /** Resolves when the worker takes no more of the machine than one that waits. */
  private async release(worker: WorkerProcess | null): Promise<void> {
    if (worker === null) return;
    if (!worker.isAlive) this.counts.killed++;
    if (worker.isAlive && !this.stopped && worker.jobs < this.settings.jobsPerWorker) this.idle.push(worker);
    else await worker.stop();
    this.busy.delete(worker);
    this.keepSpare();
  }

  /** One process ready beyond those that work, within `workers` and one spare. */
  private keepSpare(): void {
    for (let index = this.idle.length - 1; index >= 0; index--) {
      if (!this.idle[index]!.isAlive) this.idle.splice(index, 1);
    }
    if (this.stopped || this.idle.length > 0 || this.busy.size >= this.settings.workers) return;
    this.idle.push(this.newWorker());
  }

  private newWorker(): WorkerProcess {
    return new WorkerProcess(this.settings, this.directory);
  }
}

function failureOf(reply: WorkerFailure): Error {
  if (reply.reason === 'query') return new StatementFailure(reply);
  if (reply.reason === 'memory') {
    return new QueryFailure('memory', 'the query needs more memory than a query may use: narrow the time range, or group by fewer columns', { cause: reply.message });
  }
  return new QueryFailure('internal', INTERNAL_DETAIL, { cause: reply.message });
}
