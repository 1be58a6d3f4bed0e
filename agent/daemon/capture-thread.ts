import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { Records } from '../../shared/records.ts';
import { programThread } from '../program-thread.ts';
import { WorkerNumbers, type AgentContext } from './agent-context.ts';
import type { WorkerOrder, WorkerReport, WorkerSettings, WorkerStatistics } from './worker-messages.ts';

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
  private onStopped: () => void = () => {};

  /** Rows come to `onReport` in the numbers of the context. `onFailure`: the thread died of a bug of ours. */
  constructor(
    index: number, settings: WorkerSettings, context: AgentContext,
    onReport: (report: WorkerReport, thread: CaptureThread) => void, onFailure: (error: Error) => void,
  ) {
    this.index = index;
    this.numbers = new WorkerNumbers(context);
    this.onReport = onReport;
    this.worker = programThread(new URL('./capture-worker.ts', import.meta.url), { workerData: settings, name: `capture-${index}` });
    this.worker.on('message', (report: WorkerReport) => this.hear(report));
    this.worker.on('error', onFailure);
    this.worker.on('exit', (code) => {
      if (!this.isStopped) onFailure(new Error(`capture thread ${index} ended with code ${code}`));
    });
  }

  order(order: WorkerOrder): void {
    this.worker.postMessage(order);
  }

  /** Resolves when the thread has closed its windows and everything that these gave has been heard. */
  async stop(): Promise<void> {
    if (this.isStopped) return;
    const stopped = new Promise<void>((resolve) => (this.onStopped = resolve));
    this.order({ kind: 'stop' });
    await stopped;
  }

  /** After `stop`, when all of it was handed on: what the next process needs is written. */
  async end(): Promise<void> {
    if (!this.isStopped) return;
    const ended = once(this.worker, 'exit');
    this.order({ kind: 'end' });
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
      this.onStopped();
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
