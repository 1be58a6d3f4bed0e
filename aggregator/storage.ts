import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger } from 'winston';
import type { JournalFrame } from './journal/batch-frame.ts';
import { DiskRoom } from './journal/disk-room.ts';
import { makeDirectory } from './journal/durable.ts';
import { journalFrames } from './journal/journal.ts';
import { Quarantine } from './journal/quarantine.ts';
import type { DataLayout } from './logstore/layout.ts';
import { removeOrphans } from './logstore/orphans.ts';
import { StorageReport } from './logstore/storage-report.ts';
import type { Metrics } from './metrics.ts';
import { Journal, Ledger, type PublishProcess } from './pipeline.ts';
import { LedgerCompletion } from './publish/ledger-completion.ts';
import type { Router } from './publish/routing.ts';
import { AgentPositions } from './receive/agent-positions.ts';

export interface StorageOptions {
  readonly log: Logger;
  readonly journalSegmentBytes?: number;
  readonly ledgerCompactBytes?: number;
  /** With less room than this on the disk nothing is taken in; unless given, 1 GiB or a twentieth of the disk, whichever is less. */
  readonly diskFloorBytes?: number;
}

/** What the data directory holds, as it is when the collector begins. */
export interface Storage {
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly positions: AgentPositions;
  /** What the journal holds. */
  readonly frames: readonly JournalFrame[];
  readonly room: DiskRoom;
  readonly report: StorageReport;
}

/** Brings the directory to the state of the last acknowledgement and the last publication, whatever has happened to its files. */
export async function openStorage(options: StorageOptions, layout: DataLayout, metrics: Metrics, router: () => Router, publishing: PublishProcess): Promise<Storage> {
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
  for (const { agent, epoch, sequence } of journal.struck) positions.strike(agent, epoch, sequence);
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
function openLedger({ log, ledgerCompactBytes }: StorageOptions, layout: DataLayout, quarantine: Quarantine, report: StorageReport, router: () => Router, publishing: PublishProcess): Promise<Ledger> {
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
