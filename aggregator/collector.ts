import { chmodSync, rmSync } from 'node:fs';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import type { Logger } from 'winston';
import { refusedBySystem } from '../shared/errors.ts';
import type { RegisteredRoute } from './api/openapi.ts';
import { createServer } from './api/server.ts';
import { Control } from './control/control.ts';
import { DEFAULT_FLOW_LOG_QUOTA } from './control/state-change.ts';
import { Tokens } from './control/tokens.ts';
import type { JournalFrame } from './journal/batch-frame.ts';
import { DiskRoom } from './journal/disk-room.ts';
import { makeDirectory } from './journal/durable.ts';
import { journalFrames } from './journal/journal.ts';
import { Quarantine } from './journal/quarantine.ts';
import { urlAt } from './listen-address.ts';
import { lockDataDirectory, type DataLock } from './logstore/data-lock.ts';
import type { TimePrecision } from './logstore/file-columns.ts';
import { dataLayout, type DataLayout } from './logstore/layout.ts';
import { LogStores } from './logstore/log-stores.ts';
import { removeOrphans } from './logstore/orphans.ts';
import { Retention } from './logstore/retention.ts';
import { StorageReport } from './logstore/storage-report.ts';
import { Metrics } from './metrics.ts';
import { CommittedCatalog, Journal, Ledger, PendingWindows, Publisher, PublishProcess, QueryPool, Receiver, RollCall } from './pipeline.ts';
import { CompletenessGrid } from './publish/completeness-grid.ts';
import { LedgerCompletion } from './publish/ledger-completion.ts';
import { LeftOutRows } from './publish/left-out-rows.ts';
import { NOTHING_PLANNED, Router } from './publish/routing.ts';
import { DEFAULT_QUERY_SETTINGS, type QuerySettings } from './query/query-settings.ts';
import { AgentPositions } from './receive/agent-positions.ts';
import { progressOf, type BatchProgress } from './receive/batch-progress.ts';
import { DEFAULT_BODY_LIMITS, type BodyLimits } from './receive/inflate.ts';
import { DEFAULT_INTAKE_LIMITS, type IntakeLimits } from './receive/intake-limits.ts';
import { readTls, type TlsFiles } from './tls.ts';

export interface CollectorOptions {
  /** The data directory; made if it is not there. */
  readonly data: string;
  readonly host: string;
  /** 0: the system picks one. */
  readonly port: number;
  readonly log: Logger;
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
  readonly journalSegmentBytes?: number;
  readonly ledgerCompactBytes?: number;
  /** With less room than this on the disk nothing is taken in; unless given, 1 GiB or a twentieth of the disk, whichever is less. */
  readonly diskFloorBytes?: number;
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

interface Storage {
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly positions: AgentPositions;
  /** What the journal holds. */
  readonly frames: readonly JournalFrame[];
  readonly room: DiskRoom;
  readonly report: StorageReport;
}

/** Brings the directory to the state of the last acknowledgement and the last publication, whatever has happened to its files. */
async function openStorage(options: CollectorOptions, layout: DataLayout, metrics: Metrics, router: () => Router, publishing: PublishProcess): Promise<Storage> {
  const { log } = options;
  const quarantine = new Quarantine(layout.quarantine);
  const room = new DiskRoom(layout.root, options.diskFloorBytes ?? null, (isLow) => {
    const rest = `${room.freeBytes} bytes are left on the disk of ${layout.root}, ${Math.round(room.floorBytes)} are kept free`;
    if (isLow) log.error(`${rest}: batches are refused until there is more room`);
    else log.info(`${rest}: batches are taken again`);
  });
  const report = new StorageReport(room, quarantine);
  await room.start();
  metrics.gauge('weir_disk_free_bytes', 'Room on the disk of the data directory.', () => room.freeBytes);
  metrics.gauge('weir_disk_floor_bytes', 'Room below which no batches are taken.', () => room.floorBytes);
  await emptyTemporary(layout, log);
  const ledger = await openLedger(options, layout, quarantine, report, router, publishing);
  try {
    const orphans = removeOrphans(layout.root, ledger.state.files());
    if (orphans > 0) log.info(`removed ${orphans} files of publications that were cut off or replaced`);
  } catch (error) {
    log.warn(`files of publications that were cut off or replaced are still there: ${(error as Error).message}`);
  }
  const frames: JournalFrame[] = [];
  const { state } = ledger;
  const journal = await Journal.open({
    directory: layout.journal, quarantine,
    ...(options.journalSegmentBytes === undefined ? {} : { segmentBytes: options.journalSegmentBytes }),
    onFrame: (frame) => void frames.push(frame),
    lastSequence: (agent, epoch) => state.lastSequence(agent, epoch),
    isPublished: (frame) => state.isHeld(frame),
    isReleased: (name) => state.isReleased(name),
    segments: state.segments.kept,
    onDamage: (damage) => {
      const text = `${damage.path}: ${damage.bytes} bytes at ${damage.offset}: ${damage.text}`;
      if (damage.kind === 'tail' || damage.kind === 'repeated') log.warn(text);
      else log.error(text);
      report.note({ kind: damage.kind, path: damage.path, text: damage.text });
    },
    onSync: (milliseconds, group) => {
      metrics.journalSync.observe(milliseconds / 1000);
      metrics.journalGroup.observe(group);
    },
    refusal: () => room.refusal(),
  }, state.lastFrame + 1);
  const positions = new AgentPositions();
  for (const position of state.agentPositions) positions.advance(...position);
  for (const { agent, epoch, sequence } of frames) positions.advance(agent, epoch, sequence);
  // an epoch whose first batch was left out is known all the same, so that it may come
  for (const { agent, epoch } of journal.struck) positions.advance(agent, epoch, 0);
  return { ledger, journal, positions, frames, room, report };
}

async function emptyTemporary(layout: DataLayout, log: Logger): Promise<void> {
  try {
    rmSync(layout.temporary, { recursive: true, force: true });
    await makeDirectory(layout.temporary);
  } catch (error) {
    log.warn(`${layout.temporary} cannot be made anew: ${(error as Error).message}; publications and large queries wait until it can`);
  }
}

/** The damaged parts of a ledger are made up for from the files that publications have left. */
function openLedger({ log, ledgerCompactBytes }: CollectorOptions, layout: DataLayout, quarantine: Quarantine, report: StorageReport, router: () => Router, publishing: PublishProcess): Promise<Ledger> {
  const tell = (kind: string, path: string, text: string): void => {
    log.error(text);
    report.note({ kind, path, text });
  };
  return Ledger.open(layout.ledger, ledgerCompactBytes, {
    complete: async (state, doubt) => {
      for (const { path, offset, bytes, isTail } of doubt.damaged) {
        if (isTail) log.warn(`${path}: ${bytes} bytes at ${offset}, a record that was being written, are left out`);
        else tell('ledger', path, `${path}: ${bytes} bytes at ${offset} are damaged; what was noted there is taken from the files of the publications, but for usage by day, and what was deleted within the last two minutes may be back`);
      }
      await new LedgerCompletion({
        root: layout.root,
        journalFrames: () => journalFrames(layout.journal),
        router,
        countRows: (paths) => publishing.countRows(paths.map((path) => resolve(layout.root, path))),
        setAside: (path) => quarantine.take(path),
        tell: (text) => tell('file', layout.root, text),
      }, state, doubt).run();
    },
    setAside: (path) => quarantine.take(path),
  });
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
