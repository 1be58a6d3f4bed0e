import { chmodSync } from 'node:fs';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { refusedBySystem } from '../shared/errors.ts';
import type { RegisteredRoute } from './api/openapi.ts';
import { createServer } from './api/server.ts';
import { Control } from './control/control.ts';
import { DEFAULT_FLOW_LOG_QUOTA } from './control/state-change.ts';
import { Tokens } from './control/tokens.ts';
import { makeDirectory } from './journal/durable.ts';
import { urlAt } from './listen-address.ts';
import { lockDataDirectory, type DataLock } from './logstore/data-lock.ts';
import type { TimePrecision } from './logstore/file-columns.ts';
import { dataLayout, type DataLayout } from './logstore/layout.ts';
import { LogStores } from './logstore/log-stores.ts';
import { Retention } from './logstore/retention.ts';
import { Metrics } from './metrics.ts';
import { CommittedCatalog, type Journal, PendingWindows, Publisher, PublishProcess, QueryPool, Receiver, RollCall } from './pipeline.ts';
import { CompletenessGrid } from './publish/completeness-grid.ts';
import { LeftOutRows } from './publish/left-out-rows.ts';
import { NOTHING_PLANNED, Router } from './publish/routing.ts';
import { DEFAULT_QUERY_SETTINGS, type QuerySettings } from './query/query-settings.ts';
import { progressOf, type BatchProgress } from './receive/batch-progress.ts';
import { DEFAULT_BODY_LIMITS, type BodyLimits } from './receive/inflate.ts';
import { DEFAULT_INTAKE_LIMITS, type IntakeLimits } from './receive/intake-limits.ts';
import { openStorage, type StorageOptions } from './storage.ts';
import { readTls, type TlsFiles } from './tls.ts';

export interface CollectorOptions extends StorageOptions {
  /** The data directory; made if it is not there. */
  readonly data: string;
  readonly host: string;
  /** 0: the system picks one. */
  readonly port: number;
  /** Without it, clear text. */
  readonly tls?: TlsFiles;
  readonly aggregationDelayMs?: number;
  /** Of first-seen and last-seen in LogStores: microseconds unless given. */
  readonly timePrecision?: TimePrecision;
  /** See PendingOptions. */
  readonly settleMs?: number;
  /** How long requests that run may take to end when the collector stops. */
  readonly stopGraceMs?: number;
  readonly limits?: BodyLimits;
  readonly intake?: IntakeLimits;
  /** In which a request must have arrived whole. */
  readonly requestTimeoutMs?: number;
  readonly query?: QuerySettings;
  /** Flow logs that there may be in a region. */
  readonly flowLogQuota?: number;
  /** Of the audit log; the oldest entries go. */
  readonly auditBytes?: number;
}

export interface Collector {
  /** The address that it is bound to. */
  readonly url: string;
  /** Where the first admin token was written. */
  readonly adminTokenFile: string;
  readonly routes: readonly RegisteredRoute[];
  /** Publishes all that is pending. */
  flush(): Promise<void>;
  /**
   * Reads the TLS files again, for connections that begin from now on; until when the certificate is valid. Throws
   * where a file cannot be used, and the old ones stay.
   */
  reloadTls(): Date | null;
  stop(): Promise<void>;
}

export const DEFAULT_AGGREGATION_DELAY_MS = 300_000;
const DEFAULT_SETTLE_MS = 1_000;
/** The data of a deleted LogStore that a disk would not let go. */
const DROP_RETRY_MS = 60_000;
const DEFAULT_STOP_GRACE_MS = 5_000;
const DEFAULT_REQUEST_TIMEOUT_MS = 60_000;

/** Resolves when requests are served. What an earlier run left unpublished is taken up. */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const layout = dataLayout(resolve(options.data));
  try {
    await makeDirectory(layout.root);
    chmodSync(layout.root, 0o700);
  } catch (error) {
    throw refusedBySystem('STORAGE', `the data directory ${layout.root} cannot be used; it must be a folder, or a place for one, of the user who runs the collector`, error);
  }
  const lock = await lockDataDirectory(layout.root);
  try {
    return await assemble(options, layout, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function assemble(options: CollectorOptions, layout: DataLayout, lock: DataLock): Promise<Collector> {
  const { log } = options;
  const adminTokenFile = resolve(layout.root, 'admin-token');
  const metrics = new Metrics();
  const tls = options.tls ? readTls(options.tls) : null;
  const control = await Control.open(layout.control, { flowLogQuota: options.flowLogQuota ?? DEFAULT_FLOW_LOG_QUOTA }, log, options.auditBytes);
  const tokens = await Tokens.open(layout.control, adminTokenFile, control.store.audit);
  const router = routerOf(control);
  const process_ = new PublishProcess(options.timePrecision);
  const { ledger, journal, positions, frames, room, report } = await openStorage(options, layout, metrics, router, process_);
  const aggregationDelayMs = options.aggregationDelayMs ?? DEFAULT_AGGREGATION_DELAY_MS;
  const pending = new PendingWindows({ aggregationDelayMs, settleMs: options.settleMs ?? DEFAULT_SETTLE_MS });
  const retention = new Retention(ledger.state, () => control.store.state.topology.logStores);
  const leftOut = new LeftOutRows(metrics.leftOutRows, log);
  const publisher = new Publisher({
    layout, journal, ledger, pending, process: process_, router, retention, positions: () => positions.list(), log, wantedMs: aggregationDelayMs,
    onPublished: (milliseconds, windows, rows) => {
      metrics.publication.observe(milliseconds / 1000);
      metrics.publishedWindows.inc(windows);
      metrics.publishedRows.inc(rows);
    },
    onLeftOut: (rows) => leftOut.note(rows),
    onMended: () => report.mendedBatches++,
    onFailure: () => metrics.publishFailures.inc(),
  });
  for (const frame of frames) publisher.add(frame);
  const catalog = new CommittedCatalog(
    layout.root, ledger.state, () => control.store.state.topology.logStores.map(({ name }) => name),
    (logStore, from, to) => pending.count(from, to, (eniId, window, frame) =>
      router().routes(eniId, window, frame.logStore === null ? [] : [frame.logStore]).some((route) => route.logStore === logStore)),
  );
  const logStores = new LogStores(catalog, ledger.state, (logStore) => publisher.drop(logStore));
  control.drop = (logStore) => logStores.drop(logStore);
  const grid = new CompletenessGrid(layout.root, ledger.state, router);
  const rollCall = new RollCall({ journal, positions, watches: () => control.recordingPlan.watches, onCalled: (frame) => publisher.add(frame), log });
  const limits = options.limits ?? DEFAULT_BODY_LIMITS;
  report.wanted = () => publisher.wantedBatches;
  const batchProgress = (agent: string): BatchProgress => progressOf(agent, { positions, journal, wanted: () => publisher.wantedBatches });
  const receiver = new Receiver(journal, positions, limits, options.intake ?? DEFAULT_INTAKE_LIMITS, publisher, (frame) => publisher.add(frame));
  const pool = new QueryPool(options.query ?? DEFAULT_QUERY_SETTINGS, layout.temporary);
  readGauges(metrics, pending, journal, receiver, pool);
  let stopping: Promise<void> | null = null;
  let dropTimer: NodeJS.Timeout | undefined;
  const dropLogStores = (): Promise<void> => control.dropLogStores().catch((error: Error) => {
    log.error(`data of deleted LogStores is still there, and it is tried again: ${error.message}`);
    if (!stopping) dropTimer = setTimeout(() => void dropLogStores(), DROP_RETRY_MS).unref();
  });
  const server = createServer({
    receiver, batchProgress, limits, requestTimeoutMs: options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS, control, tokens, catalog, logStores, grid, publisher, pool, metrics, report, log, unready: () => (stopping ? 'the collector is stopping' : null), tls,
  });
  const shutDown = async (): Promise<void> => {
    // Node watches over slow senders no more once a server closes: one of them could keep it open for ever
    const grace = setTimeout(() => server.server.closeAllConnections(), options.stopGraceMs ?? DEFAULT_STOP_GRACE_MS);
    control.board.close();
    clearTimeout(dropTimer);
    await server.close();
    clearTimeout(grace);
    await rollCall.stop();
    await publisher.stop();
    await pool.stop();
    await tokens.close();
    await control.close();
    await journal.close();
    await ledger.close();
    room.stop();
    await lock.release();
  };
  const stop = (): Promise<void> => (stopping ??= shutDown());
  pool.start();
  publisher.start();
  await rollCall.start();
  await dropLogStores();
  try {
    await server.listen({ host: options.host, port: options.port });
    return {
      url: urlAt(server.server.address() as AddressInfo, tls !== null), adminTokenFile, routes: server.registeredRoutes(), flush: () => publisher.flush(), stop,
      reloadTls: () => {
        if (!options.tls) return null;
        const renewed = readTls(options.tls);
        (server.server as Server).setSecureContext(renewed.options);
        return renewed.validUntil;
      },
    };
  } catch (cause) {
    await stop();
    throw refusedBySystem('NETWORK', `the collector cannot listen on ${options.host}:${options.port}`, cause);
  }
}

/** The routes of the plan as it is now; worked out again when it changes. */
function routerOf(control: Control): () => Router {
  let plan = NOTHING_PLANNED;
  let router = new Router(plan);
  return () => {
    if (control.recordingPlan !== plan) {
      plan = control.recordingPlan;
      router = new Router(plan);
    }
    return router;
  };
}

function readGauges(metrics: Metrics, pending: PendingWindows, journal: Journal, receiver: Receiver, pool: QueryPool): void {
  metrics.gauge('weir_pending_windows', 'Windows that wait for publication.', () => pending.size);
  metrics.gauge('weir_journal_frames', 'Batches in the journal that are not wholly published.', () => journal.unpublishedFrames);
  metrics.gauge('weir_unpublished_bytes', 'Memory that batches take which are not wholly published, about.', () => journal.unpublished.bytes);
  metrics.gauge('weir_batch_memory_bytes', 'Memory that batches take which are not in the journal yet.', () => receiver.heldBytes);
  metrics.gauge('weir_batches_waiting', 'Batches that wait for that memory.', () => receiver.waitingBatches);
  metrics.gauge('weir_queries_running', 'Queries that run.', () => pool.runningJobs);
  metrics.gauge('weir_queries_waiting', 'Queries that wait for a worker.', () => pool.waitingJobs);
  for (const name of ['answered', 'failed', 'refused', 'killed'] as const) {
    metrics.gauge(`weir_queries_${name}`, `Queries ${name} since the start.`, () => pool.counts[name]);
  }
}
