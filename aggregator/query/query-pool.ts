import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientLeft, INTERNAL_DETAIL, QueryFailure } from './query-failure.ts';
import type { QuerySettings } from './query-settings.ts';
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
 * I1. At most `workers` jobs run and `queue` wait; one more is refused at once.
 * I2. A worker that was killed, died, or has done its share is replaced; one spare stands ready, so that no query waits
 *     for a process to start.
 */
export class QueryPool {
  readonly settings: QuerySettings;
  /** For metrics. */
  readonly counts = { answered: 0, failed: 0, refused: 0, killed: 0 };
  private readonly idle: WorkerProcess[] = [];
  private readonly busy = new Set<WorkerProcess>();
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private stopped = true;
  private readonly temporary: string;
  private directory = '';

  /** `temporary`: the folder in which queries get theirs, for what they spill and answer. */
  constructor(settings: QuerySettings, temporary = tmpdir()) {
    this.settings = settings;
    this.temporary = temporary;
  }

  start(): void {
    this.stopped = false;
    this.directory = mkdtempSync(join(this.temporary, 'weir-query-'));
    this.keepSpare();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const wake of this.waiting.splice(0)) wake();
    await Promise.all([...this.idle.splice(0), ...this.busy].map((worker) => worker.stop()));
    if (this.directory !== '') rmSync(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  get runningJobs(): number {
    return this.running;
  }

  get waitingJobs(): number {
    return this.waiting.length;
  }

  /** Process ids, for tests and metrics. */
  get workerPids(): number[] {
    return [...this.idle, ...this.busy].flatMap((worker) => worker.pid ?? []);
  }

  /** Throws StatementFailure where the statement is at fault, QueryFailure otherwise. */
  async run(job: PoolJob, signal?: AbortSignal): Promise<PoolAnswer> {
    await this.takeTurn(signal);
    try {
      return await this.runNow(job, signal);
    } catch (error) {
      this.counts.failed++;
      throw error;
    } finally {
      // The turn passes to the one who has waited longest, so nobody slips in between.
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }

  /** Resolves when the caller is one of the `workers` that run. */
  private async takeTurn(signal: AbortSignal | undefined): Promise<void> {
    if (this.stopped) throw new QueryFailure('busy', 'the collector is stopping');
    if (this.running >= this.settings.workers) {
      if (this.waiting.length >= this.settings.queue) {
        this.counts.refused++;
        throw new QueryFailure('busy', `${this.running} queries are running and ${this.waiting.length} are waiting: try again in a moment`);
      }
      return this.waitForTurn(signal);
    }
    this.running++;
  }

  private waitForTurn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (failure: QueryFailure) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
        const index = this.waiting.indexOf(wake);
        if (index >= 0) this.waiting.splice(index, 1);
        reject(failure);
      };
      const cancel = () => leave(clientLeft());
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
        if (this.stopped) reject(new QueryFailure('busy', 'the collector is stopping'));
        else resolve();
      };
      const timer = setTimeout(() => leave(new QueryFailure('busy', 'no query worker became free: try again in a moment')),
        this.settings.deadlineMs);
      this.waiting.push(wake);
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  private async runNow(job: PoolJob, signal: AbortSignal | undefined): Promise<PoolAnswer> {
    const directory = await mkdtemp(join(this.directory, 'job-'));
    // A worker that was just killed may still be writing there.
    const dispose = () => rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    const worker = this.idle.pop() ?? new WorkerProcess(this.settings);
    this.busy.add(worker);
    this.keepSpare();
    try {
      await worker.ready;
      const { memoryBytes, spillBytes, threads, deadlineMs } = this.settings;
      const reply = await worker.run({ ...job, directory, limits: { memoryBytes, spillBytes, threads } }, deadlineMs, signal);
      if (!reply.ok) throw failureOf(reply);
      this.counts.answered++;
      return { answer: reply, dispose };
    } catch (error) {
      await dispose();
      throw error;
    } finally {
      this.release(worker);
    }
  }

  private release(worker: WorkerProcess): void {
    this.busy.delete(worker);
    if (!worker.isAlive) this.counts.killed++;
    if (worker.isAlive && !this.stopped && worker.jobs < this.settings.jobsPerWorker) this.idle.push(worker);
    else worker.kill();
    this.keepSpare();
  }

  /** One process ready beyond those that work, within `workers` and one spare. */
  private keepSpare(): void {
    for (let index = this.idle.length - 1; index >= 0; index--) {
      if (!this.idle[index]!.isAlive) this.idle.splice(index, 1);
    }
    if (this.stopped || this.idle.length > 0 || this.busy.size >= this.settings.workers) return;
    this.idle.push(new WorkerProcess(this.settings));
  }
}

function failureOf(reply: WorkerFailure): Error {
  if (reply.reason === 'query') return new StatementFailure(reply);
  if (reply.reason === 'memory') {
    return new QueryFailure('memory', 'the query needs more memory than a query may use: narrow the time range, or group by fewer columns', { cause: reply.message });
  }
  return new QueryFailure('internal', INTERNAL_DETAIL, { cause: reply.message });
}
