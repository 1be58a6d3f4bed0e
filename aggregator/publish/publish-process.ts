import { fork, type ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { WeirError } from '../../shared/errors.ts';
import type { TimePrecision } from '../logstore/file-columns.ts';
import type { CountAnswer, CountJob, PublishAnswer, PublishJob, TargetResult } from './job.ts';

/** In the source tree modules are .ts, in a build .js. */
const WORKER = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './publish-worker.ts' : './publish-worker.js', import.meta.url));

/** The process that writes Parquet files: started when it is needed, and again when it has died. One job at a time. */
export class PublishProcess {
  private child: ChildProcess | null = null;
  private stopped = false;
  private nextId = 1;
  private readonly precision: TimePrecision;

  constructor(precision: TimePrecision = 'us') {
    this.precision = precision;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts the process before there is work for it: loading DuckDB takes a moment. */
  warm(): void {
    if (!this.stopped) this.child ??= this.start();
  }

  async run(job: Omit<PublishJob, 'id'>): Promise<readonly TargetResult[]> {
    const answer = await this.ask<PublishAnswer>(job);
    if ('error' in answer) throw new WeirError('STORAGE', `the publishing process could not write: ${answer.error}`);
    return answer.targets;
  }

  /** Of Parquet files; null: it cannot be read. */
  async countRows(files: readonly string[]): Promise<readonly (number | null)[]> {
    return (await this.ask<CountAnswer>({ files })).rows;
  }

  private async ask<T extends PublishAnswer | CountAnswer>(job: Omit<PublishJob, 'id'> | Omit<CountJob, 'id'>): Promise<T> {
    if (this.stopped) throw new WeirError('STORAGE', 'the publisher is stopping');
    const child = (this.child ??= this.start());
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      const onMessage = (message: T): void => {
        if (message.id !== id) return;
        child.off('message', onMessage).off('exit', onExit);
        resolve(message);
      };
      const onExit = (code: number | null, signal: string | null): void => {
        child.off('message', onMessage);
        reject(new WeirError('STORAGE', `the publishing process ended with ${signal ?? `exit code ${code}`}`));
      };
      child.on('message', onMessage).once('exit', onExit);
      child.send({ ...job, id }, (error) => error && child.kill('SIGKILL'));
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    const child = this.child;
    if (!child) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }

  private start(): ChildProcess {
    const child = fork(WORKER, [this.precision], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: {} });
    child.once('exit', () => {
      if (this.child === child) this.child = null;
    });
    if (child.pid !== undefined) giveWay(child.pid);
    // reported by `exit` as well
    child.on('error', () => {});
    return child;
  }
}

/** Receiving goes before publishing, and publishing before queries. Its threads come later and take this over. */
function giveWay(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL / 2);
  } catch {
    // it has ended, or the system forbids it
  }
}
