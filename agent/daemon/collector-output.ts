import { join } from 'node:path';
import type { AgentCredential } from '../assignment/agent-credential.ts';
import type { CollectorSettings } from '../config/agent-configuration.ts';
import type { AgentMetrics } from '../metrics.ts';
import { BatchPacker } from '../ship/batch-packer.ts';
import { CollectorPost } from '../ship/collector-post.ts';
import { readCollectorTls } from '../ship/collector-tls.ts';
import { SpoolShipping } from '../ship/spool-shipping.ts';
import { MemoryDisk } from '../spool/memory-disk.ts';
import { DirectoryDisk } from '../spool/spool-disk.ts';
import { Spool, type SpoolOptions } from '../spool/spool.ts';
import type { LossSum } from '../spool/window-loss.ts';
import type { AgentOutput, OutputLog } from './agent-output.ts';

/** The same refusal of the disk is told no more often. */
const TROUBLE_EVERY_MS = 60_000;

export interface CollectorOutputOptions {
  readonly agentId: string;
  readonly settings: CollectorSettings;
  readonly credential: AgentCredential;
  /** null: what waits for the collector is kept in memory. */
  readonly stateDirectory: string | null;
  /** Larger than any epoch of this agent before. */
  readonly nextEpoch: () => number;
  readonly metrics: AgentMetrics;
  readonly log: OutputLog;
}

/** Rows and seals into the spool, and from there to the collector. */
export async function openCollectorOutput(options: CollectorOutputOptions): Promise<AgentOutput> {
  const { settings, credential, metrics, log } = options;
  const { url } = settings;
  const ending = new AbortController();
  const spool = await openSpool(options);
  const connection = new Connection(url, metrics, log);
  const collector = new CollectorPost({
    collector: url, logStore: settings.logStore, signal: ending.signal, tls: readCollectorTls(settings),
    get token() {
      return credential.token;
    },
  });
  const shipping = new SpoolShipping(spool, collector, ending.signal, connection);
  const running = shipping.run();
  let durable: Promise<unknown> = Promise.resolve();
  const packer = new BatchPacker(async (gzipped, contents) => {
    durable = Promise.all([durable, spool.append(gzipped, contents)]);
  });
  addGauges(spool, metrics);
  const isKept = directoryOf(options) !== null;
  return {
    sink: packer, destination: url, shipping: spool, sealed: spool.sealed, nextFrame: spool.nextFrame,
    reopen: () => credential.readAgain(),
    handedOn: async () => {
      await packer.sent();
      await durable;
    },
    close: async (withinMs) => {
      const untilMs = performance.now() + withinMs;
      await packer.sent();
      // what is on disk can wait for the next start; what is not has this one chance
      if (!isKept || !connection.isAway) await within(durable.then(() => shipping.drained()), untilMs - performance.now());
      ending.abort();
      await running;
      await spool.close();
      await collector.close();
      if (!isKept && spool.waitingBatches > 0) log.error(`${spool.waitingBatches} batches are lost: the agent stops, and ${url} did not take them in time`);
    },
  };
}

function directoryOf({ settings, stateDirectory }: CollectorOutputOptions): string | null {
  return settings.spoolDirectory ?? (stateDirectory === null ? null : join(stateDirectory, 'spool'));
}

async function openSpool(options: CollectorOutputOptions): Promise<Spool> {
  const { agentId, settings, nextEpoch, metrics, log } = options;
  let toldMs = -Infinity;
  const events: SpoolOptions['events'] = {
    lost: (sum, reason) => tellLoss(sum, reason, metrics, log),
    forgotten: (windows, reason) => {
      metrics.lostWindows.inc(windows);
      log.error(`of ${windows} windows not even the loss will be stated, the collector will miss them: ${reason}`);
    },
    trouble: ({ message }, retryMs) => {
      metrics.spoolFailures.inc();
      if (performance.now() - toldMs < TROUBLE_EVERY_MS) return;
      toldMs = performance.now();
      log.error(`the spool cannot be written: ${message}; batches wait in memory, next try in ${retryMs / 1000} s`);
    },
    recovered: () => {
      toldMs = -Infinity;
      log.info('the spool takes batches again');
    },
    written: () => {},
    found: (text) => log.warn(text),
  };
  const inMemory = { disk: new MemoryDisk(), limitBytes: settings.waitingBytes, agentId, nextEpoch, events };
  const directory = directoryOf(options);
  if (directory === null) return Spool.open(inMemory);
  try {
    return await Spool.open({ ...inMemory, disk: await DirectoryDisk.open(directory), limitBytes: settings.spoolBytes });
  } catch (error) {
    log.error(`the spool in ${directory} cannot be used, what waits for the collector is kept in memory: ${(error as Error).message}`);
    return Spool.open(inMemory);
  }
}

/** What the log tells of the collector. */
class Connection {
  isAway = false;
  private readonly url: string;
  private readonly metrics: AgentMetrics;
  private readonly log: OutputLog;

  constructor(url: string, metrics: AgentMetrics, log: OutputLog) {
    this.url = url;
    this.metrics = metrics;
    this.log = log;
  }

  sent({ frame }: { frame: { windowStart: number } }, bytes: number): void {
    this.metrics.shippedBatches.inc();
    this.metrics.shippedBytes.inc(bytes);
    if (this.isAway) this.log.info(`${this.url} takes batches again, from the window of ${timeText(frame.windowStart)} on`);
    this.isAway = false;
  }

  retry(reason: string, waitMs: number): void {
    this.metrics.shipFailures.inc();
    (this.isAway ? this.log.info : this.log.warn)(`${this.url} does not take batches: ${reason}; next try in ${(waitMs / 1000).toFixed(1)} s`);
    this.isAway = true;
  }

  refused(reason: string, waitMs: number): void {
    this.metrics.shipFailures.inc();
    this.isAway = true;
    this.log.error(`${this.url} refuses batches: ${reason}; next try in ${waitMs / 1000} s`);
  }

  renumbered(reason: string): void {
    this.log.warn(`${this.url} has another idea of what was sent before, a new epoch begins: ${reason}`);
  }

  sentAgain({ sequence }: { sequence: number }): void {
    this.metrics.sentAgain.inc();
    this.log.info(`${this.url} has damaged batch ${sequence}, and has it again`);
  }

  setAside(name: string | null, sum: LossSum, seals: number, reason: string): void {
    this.metrics.setAside.inc();
    tellLoss(sum, `${this.url} will never take them${seals > 0 ? `, nor ${seals} seals` : ''} (${reason}); ${name === null ? 'they could not be kept' : `weir spool inspect shows ${name}`}`,
      this.metrics, this.log);
  }
}

function tellLoss({ rows, packets, windows, firstStart, lastStart }: LossSum, reason: string, metrics: AgentMetrics, log: OutputLog): void {
  metrics.lostRows.inc(rows);
  metrics.lostPackets.inc(packets);
  metrics.lostWindows.inc(windows);
  const range = windows === 0 ? '' : ` of the windows from ${timeText(firstStart)}${lastStart > firstStart ? ` to ${timeText(lastStart)}` : ''}`;
  log.error(`lost on the way to the collector: ${rows} records with ${packets} packets${range}: ${reason}`);
}

function addGauges(spool: Spool, metrics: AgentMetrics): void {
  metrics.readGauge('weir_ship_waiting_batches', 'Batches that wait for the collector.', () => spool.waitingBatches);
  metrics.readGauge('weir_ship_waiting_bytes', 'Their compressed bytes.', () => spool.waitingBytes);
  metrics.readGauge('weir_ship_lag_seconds', 'Age of the oldest window that waits for the collector; 0 if none does.', () => shipLagSeconds(spool));
  metrics.readGauge('weir_ship_held_batches', 'Batches that the collector has and has not published, held should it ask for them again.', () => spool.heldBatches);
  metrics.readGauge('weir_spool_bytes', 'Bytes of the files in which batches wait or are held.', () => spool.bytes);
}

export function shipLagSeconds({ oldestWindowStart }: { readonly oldestWindowStart: number | null }): number {
  return oldestWindowStart === null ? 0 : Math.max(0, Date.now() / 1000 - oldestWindowStart);
}

function timeText(windowStart: number): string {
  return new Date(windowStart * 1000).toISOString().replace('.000Z', 'Z');
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, Math.max(0, ms))))]);
  clearTimeout(timer);
}
