import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Records } from '../../shared/records.ts';
import { WorkerNumbers, type AgentContext } from './agent-context.ts';
import type { WorkerOrder, WorkerReport, WorkerSettings, WorkerStatistics } from './worker-messages.ts';

/** In the source tree modules are .ts, which Node 20 reads in a thread only after the thread has registered tsx itself. */
const IS_SOURCE_TREE = import.meta.url.endsWith('.ts');
const PROGRAM = new URL(IS_SOURCE_TREE ? './capture-worker.ts' : './capture-worker.js', import.meta.url);
const SOURCE_TREE_PROGRAM = `import('tsx/esm/api').then(({ register }) => { register(); return import('${PROGRAM.href}'); })`;

const NOTHING_YET: WorkerStatistics = { tableSize: 0, tableCapacity: 0, unmatchedPackets: 0, clockSteps: 0, taps: [] };

/** A capture worker, as the main thread holds it. */
export class CaptureThread {
  readonly index: number;
  statistics = NOTHING_YET;
  /** performance.now() of the last sign of life. */
  heardMs = performance.now();
  private readonly worker: Worker;
  private readonly numbers: WorkerNumbers;
  private readonly onReport: (report: WorkerReport, thread: CaptureThread) => void;
  private isStopped = false;

  /** Rows come to `onReport` in the numbers of the context. `onFailure`: the thread died of a bug of ours. */
  constructor(
    index: number, settings: WorkerSettings, context: AgentContext,
    onReport: (report: WorkerReport, thread: CaptureThread) => void, onFailure: (error: Error) => void,
  ) {
    this.index = index;
    this.numbers = new WorkerNumbers(context);
    this.onReport = onReport;
    this.worker = new Worker(IS_SOURCE_TREE ? SOURCE_TREE_PROGRAM : PROGRAM, { eval: IS_SOURCE_TREE, workerData: settings, name: `capture-${index}` });
    this.worker.on('message', (report: WorkerReport) => this.hear(report));
    this.worker.on('error', onFailure);
    this.worker.on('exit', (code) => {
      if (!this.isStopped) onFailure(new Error(`capture thread ${index} ended with code ${code}`));
    });
  }

  order(order: WorkerOrder): void {
    this.worker.postMessage(order);
  }

  /** Resolves when the thread has closed its windows and everything it had to say has been heard. */
  async stop(): Promise<void> {
    if (this.isStopped) return;
    const ended = once(this.worker, 'exit');
    this.order({ kind: 'stop' });
    await ended;
  }

  async kill(): Promise<void> {
    this.isStopped = true;
    await this.worker.terminate();
  }

  private hear(report: WorkerReport): void {
    this.heardMs = performance.now();
    if (report.kind === 'statistics') this.statistics = report.statistics;
    else if (report.kind === 'stopped') {
      this.statistics = report.statistics;
      this.isStopped = true;
    } else if (report.kind === 'rows') {
      const rows = Object.assign(Object.create(Records.prototype) as Records, report.rows);
      this.numbers.learn(report.names);
      this.numbers.translate(rows);
      this.onReport({ ...report, rows }, this);
      return;
    }
    this.onReport(report, this);
  }
}
