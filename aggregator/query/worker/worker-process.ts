import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { clientLeft, QueryFailure } from '../query-failure.ts';
import type { QuerySettings } from '../query-settings.ts';
import { limitProcess } from './address-space.ts';
import { yieldToOthers } from './process-rank.ts';
import type { WorkerJob, WorkerReply } from './worker-job.ts';

const STARTUP_MS = 30_000;
const STDERR_CHARACTERS = 2000;
const HEAP_MEGABYTES = 256;

/** The worker's program: TypeScript in a checkout, JavaScript once built. */
const PROGRAM = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js', import.meta.url));

/**
 * One worker process, as the collector holds it.
 *
 * I1. It runs one job at a time. Whatever ends a job early (deadline, cancellation) ends the process, with SIGKILL.
 */
export class WorkerProcess {
  jobs = 0;
  /** Resolves when the worker can take a job; rejects if it ends before. */
  readonly ready: Promise<void>;
  private readonly child: ChildProcess;
  private readonly ended: Promise<string>;
  private alive = true;
  private stderr = '';

  /** `folder`: where jobs get theirs; if the collector dies, its workers take it away. */
  constructor(settings: QuerySettings, folder: string) {
    this.child = launch(folder);
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-STDERR_CHARACTERS);
    });
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => resolve(error.message));
      this.child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    void this.ended.then(() => { this.alive = false; });
    this.ready = this.becomeReady(settings);
    this.ready.catch(() => {}); // whoever runs a job hears of it
  }

  get isAlive(): boolean {
    return this.alive;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** The reply to one job. Kills the process at the deadline and when the signal aborts. */
  async run(job: WorkerJob, deadlineMs: number, signal: AbortSignal | undefined): Promise<WorkerReply> {
    if (signal?.aborted) throw clientLeft();
    this.jobs++;
    let stop!: (reason: QueryFailure) => void;
    // The one who asked hears at once; that a process with much memory is gone may take the kernel a moment.
    const stopped = new Promise<never>((_, reject) => {
      stop = (reason) => {
        this.kill();
        reject(reason);
      };
    });
    const cancel = () => stop(clientLeft());
    const timer = setTimeout(() => stop(new QueryFailure('deadline',
      `the query took longer than ${deadlineMs / 1000} s: narrow the time range or the search`)), deadlineMs);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const reply = await Promise.race([this.nextReply(job), this.ended, stopped]);
      if (typeof reply !== 'string') return reply;
      throw this.endedFailure(reply);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  }

  kill(): void {
    this.alive = false;
    this.child.kill('SIGKILL');
  }

  /** Kills the process and waits until it is gone. */
  async stop(): Promise<void> {
    this.kill();
    await this.ended;
  }

  private nextReply(job: WorkerJob): Promise<WorkerReply> {
    return new Promise((resolve) => {
      this.child.once('message', (message) => resolve(message as WorkerReply));
      this.child.send(job, () => {}); // a failure to send shows as the process's end
    });
  }

  private async becomeReady(settings: QuerySettings): Promise<void> {
    const ready = new Promise<null>((resolve) => this.child.once('message', () => resolve(null)));
    const timer = setTimeout(() => this.kill(), STARTUP_MS);
    const end = await Promise.race([ready, this.ended]);
    clearTimeout(timer);
    if (end !== null) throw new QueryFailure('internal', `a query worker did not start (${end})`, { cause: this.stderr.trim() });
    const { pid } = this.child;
    if (pid === undefined) return;
    yieldToOthers(pid, settings.niceness);
    await limitProcess(pid, settings.addressSpaceBytes, settings.spillBytes);
  }

  private endedFailure(end: string): QueryFailure {
    return new QueryFailure('ended',
      `the query's worker process ended (${end}), most likely for lack of memory: narrow the time range or the search`,
      { cause: this.stderr.trim() });
  }
}

function launch(folder: string): ChildProcess {
  const inherited = process.execArgv.filter((argument) => !argument.startsWith('--inspect') && !argument.startsWith('--test'));
  const command = [...inherited, `--max-old-space-size=${HEAP_MEGABYTES}`, PROGRAM, folder];
  return spawn(process.execPath, command, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
    env: workerEnvironment(),
  });
}

/** Nothing of the collector's environment but what finding programs and folders takes: it may hold tokens. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'SystemRoot', 'TSX_TSCONFIG_PATH'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}
