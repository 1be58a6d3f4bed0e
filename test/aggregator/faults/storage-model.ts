/**
 * The collector's storage without its network and without DuckDB: journal, ledger, publisher and recovery are the real
 * ones, and what a publication writes in place of Parquet is a list of the rows in it. So a life of it takes
 * milliseconds, and each row can be followed.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BatchHeader, JournalFrame } from '../../../aggregator/journal/batch-frame.ts';
import { makeDirectory, syncDirectory } from '../../../aggregator/journal/durable.ts';
import type { JournalDamage } from '../../../aggregator/journal/journal-recovery.ts';
import { Journal, journalFrames } from '../../../aggregator/journal/journal.ts';
import { Quarantine } from '../../../aggregator/journal/quarantine.ts';
import type { FrameBody } from '../../../aggregator/journal/segment.ts';
import { dataLayout } from '../../../aggregator/logstore/layout.ts';
import { Ledger } from '../../../aggregator/logstore/ledger.ts';
import type { LedgerDoubt } from '../../../aggregator/logstore/ledger-files.ts';
import { removeOrphans } from '../../../aggregator/logstore/orphans.ts';
import { Retention } from '../../../aggregator/logstore/retention.ts';
import { CompletenessGrid } from '../../../aggregator/publish/completeness-grid.ts';
import type { PublishJob, TargetResult } from '../../../aggregator/publish/job.ts';
import { LedgerCompletion } from '../../../aggregator/publish/ledger-completion.ts';
import { PendingWindows } from '../../../aggregator/publish/pending-windows.ts';
import { Publisher } from '../../../aggregator/publish/publisher.ts';
import type { PublishProcess } from '../../../aggregator/publish/publish-process.ts';
import { NOTHING_PLANNED, Router } from '../../../aggregator/publish/routing.ts';
import { AgentPositions } from '../../../aggregator/receive/agent-positions.ts';
import { progressOf, type BatchProgress } from '../../../aggregator/receive/batch-progress.ts';
import type { LogStore } from '../../../shared/topology/topology.ts';
import { SILENT } from '../collector-fixture.ts';
import { sealOf } from '../../shared/wire/wire-samples.ts';

export const WINDOW_SECONDS = 60;
/** So long ago that all of it is due, and lately enough for retention by days. */
export const FIRST_WINDOW = Math.floor(Date.now() / 1000 / 3600) * 3600 - 7200;
const ATTRIBUTES = { vswitchId: null, vmId: null, vpcId: null, accountId: null, region: null };

export interface Batch {
  readonly agent: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly logStore: string;
  /** Numbers of windows; one row in each, of the agent's ENI, and a seal. */
  readonly windows: readonly number[];
}

/** What a batch brings. */
export function rowsOf({ agent, epoch, sequence, windows }: Batch): string[] {
  return windows.map((window) => `${agent}/${epoch}/${sequence}@${FIRST_WINDOW + window * WINDOW_SECONDS}`);
}

export interface Settings {
  readonly segmentBytes: number;
  readonly compactBytes: number;
  /** For so long damaged batches may come again. */
  readonly wantedMs?: number;
  /** The disk takes so many publications. */
  readonly publications?: number;
  readonly jobBytes?: number;
  /** Whether the publishing process cannot do it. */
  readonly fails?: (job: Omit<PublishJob, 'id'>) => boolean;
}

export class StorageModel {
  readonly damage: JournalDamage[] = [];
  readonly told: string[] = [];
  doubt: LedgerDoubt | null = null;
  logStores: LogStore[] = [{ name: 'default', retentionDays: null, retentionBytes: null, search: true }];
  readonly ledger: Ledger;
  readonly journal: Journal;
  private readonly root: string;
  private readonly positions = new AgentPositions();
  private readonly publisher: Publisher;

  private constructor(root: string, ledger: Ledger, journal: Journal, publisher: (model: StorageModel) => Publisher) {
    this.root = root;
    this.ledger = ledger;
    this.journal = journal;
    this.publisher = publisher(this);
  }

  static async open(root: string, { segmentBytes, compactBytes, wantedMs = 0, publications = Infinity, jobBytes = 128 * 1024 * 1024, fails = () => false }: Settings): Promise<StorageModel> {
    const layout = dataLayout(root);
    const quarantine = new Quarantine(layout.quarantine);
    const router = new Router(NOTHING_PLANNED);
    const told: string[] = [];
    const damage: JournalDamage[] = [];
    let doubt: LedgerDoubt | null = null;
    const ledger = await Ledger.open(layout.ledger, compactBytes, {
      complete: async (state, found) => {
        doubt = found;
        await new LedgerCompletion({
          root, router: () => router, journalFrames: () => journalFrames(layout.journal), tell: (text) => void told.push(text), setAside: (path) => quarantine.take(path),
          countRows: async (paths) => paths.map((path) => rowsIn(join(root, path))?.length ?? null),
        }, state, found).run();
      },
      setAside: (path) => quarantine.take(path),
    });
    removeOrphans(root, ledger.state.files());
    const frames: JournalFrame[] = [];
    const { state } = ledger;
    const journal = await Journal.open({
      directory: layout.journal, quarantine, segmentBytes, onFrame: (frame) => void frames.push(frame), onDamage: (found) => void damage.push(found),
      lastSequence: (agent, epoch) => state.lastSequence(agent, epoch), isReleased: (name) => state.isReleased(name), segments: state.segments.kept,
      isPublished: (frame) => state.isHeld(frame),
    }, state.lastFrame + 1);
    const model = new StorageModel(root, ledger, journal, (self) => new Publisher({
      layout, journal, ledger, pending: new PendingWindows({ aggregationDelayMs: 0, settleMs: 0 }), wantedMs, jobBytes, process: new RowLists(publications, fails) as unknown as PublishProcess,
      router: () => router, retention: new Retention(state, () => self.logStores), positions: () => self.positions.list(), log: SILENT,
    }));
    model.doubt = doubt;
    model.told.push(...told);
    model.damage.push(...damage);
    for (const position of state.agentPositions) model.positions.advance(...position);
    for (const { agent, epoch, sequence } of journal.struck) model.positions.strike(agent, epoch, sequence);
    for (const frame of frames) {
      model.positions.advance(frame.agent, frame.epoch, frame.sequence);
      model.publisher.add(frame);
    }
    return model;
  }

  /** What the collector answers: true, the batch is stored; else the agent has to begin a new epoch. */
  async send(batch: Batch): Promise<boolean> {
    if (this.publisher.isWanted(batch)) {
      await this.publisher.mend(batch, bodyOfBatch(batch));
      return true;
    }
    const place = this.positions.place(batch.agent, batch.epoch, batch.sequence);
    if (place.kind === 'duplicate') return true;
    if (place.kind !== 'next') return false;
    const eniId = `eni-${batch.agent}`;
    const windows = batch.windows.map((window) => ({ start: FIRST_WINDOW + window * WINDOW_SECONDS, seconds: WINDOW_SECONDS, enis: [[eniId, 1]] as const }));
    const header: BatchHeader = {
      ...batch, receivedMs: Date.now(), windows,
      seals: windows.map(({ start }) => ({ ...ATTRIBUTES, ...sealOf({ agentId: batch.agent, eniId, windowStart: start, windowSeconds: WINDOW_SECONDS }) })),
    };
    const frame = await this.journal.append(header, bodyOfBatch(batch));
    this.positions.advance(batch.agent, batch.epoch, batch.sequence);
    this.publisher.add(frame);
    return true;
  }

  /** What the agent is asked for. */
  wanted(agent: string): BatchProgress['wanted'] {
    return progressOf(agent, { positions: this.positions, journal: this.journal, wanted: () => this.publisher.wantedBatches }).wanted;
  }

  async publish(): Promise<void> {
    await this.publisher.flush();
  }

  async drop(logStore: string): Promise<void> {
    await this.publisher.drop(logStore);
  }

  /** All rows of the LogStores, those of one row twice where they stand twice. */
  rows(): string[] {
    return [...this.ledger.state.stores.values()].flatMap(({ windows }) => [...windows.values()].flatMap(({ path }) => (path === null ? [] : rowsIn(join(this.root, path)) ?? [])));
  }

  /** Windows of an agent's ENI that do not say that they are whole. */
  async incomplete(): Promise<Set<string>> {
    return this.windowsThat((state) => state !== 'COMPLETE');
  }

  async complete(): Promise<Set<string>> {
    return this.windowsThat((state) => state === 'COMPLETE');
  }

  private async windowsThat(are: (state: string) => boolean): Promise<Set<string>> {
    const grid = new CompletenessGrid(this.root, this.ledger.state, () => new Router(NOTHING_PLANNED));
    const { cells } = await grid.page({ logStore: null, eniId: null, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100_000, after: null });
    return new Set(cells.filter(({ state }) => are(state)).map(({ eniId, start }) => `${eniId.slice(4)} ${start}`));
  }

  /** What the ledger says of rows, bytes and files is what there is. */
  faults(): string[] {
    return [...this.ledger.state.stores.values()].flatMap(({ windows }) => [...windows.values()].flatMap(({ path, rows }) => {
      const there = path === null ? 0 : rowsIn(join(this.root, path))?.length ?? null;
      return there === rows ? [] : [`${path} has ${there} rows, the ledger says ${rows}`];
    }));
  }

  async close(): Promise<void> {
    await this.publisher.stop();
    await this.journal.close();
    await this.ledger.close();
  }
}

/** In the place of the process that writes Parquet. */
class RowLists {
  private left: number;
  private readonly fails: (job: Omit<PublishJob, 'id'>) => boolean;

  constructor(publications: number, fails: (job: Omit<PublishJob, 'id'>) => boolean) {
    this.left = publications;
    this.fails = fails;
  }

  async run(job: Omit<PublishJob, 'id'>): Promise<TargetResult[]> {
    const { root, frames, targets, routes } = job;
    if (this.left-- === 0 || this.fails(job)) throw new Error('no further publication');
    const results: TargetResult[] = [];
    for (const [target, { path, previousPath }] of targets.entries()) {
      const fresh = routes.filter((route) => route.target === target).map((route) => `${bodyOf(frames[route.frame]!)}@${route.window.start}`);
      const previous = previousPath === null ? [] : rowsIn(join(root, previousPath))!;
      const text = JSON.stringify([...previous, ...fresh]);
      await makeDirectory(dirname(join(root, path)));
      writeDurably(join(root, path), text);
      await syncDirectory(dirname(join(root, path)));
      results.push({ rows: previous.length + fresh.length, bytes: text.length, ingestedRows: fresh.length, ingestedBytes: 0 });
    }
    return results;
  }

  async stop(): Promise<void> {}
}

function bodyOfBatch({ agent, epoch, sequence }: Batch): Buffer {
  return Buffer.from(`${agent}/${epoch}/${sequence}`);
}

function bodyOf({ path, offset, length }: FrameBody): string {
  const bytes = Buffer.alloc(length);
  const descriptor = openSync(path, 'r');
  readSync(descriptor, bytes, 0, length, offset);
  closeSync(descriptor);
  return bytes.toString();
}

function writeDurably(path: string, text: string): void {
  const descriptor = openSync(path, 'w');
  try {
    writeSync(descriptor, Buffer.from(text));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** null: it cannot be read. */
function rowsIn(path: string): string[] | null {
  try {
    return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) as string[] : null;
  } catch {
    return null;
  }
}
