import { readdirSync, truncateSync } from 'node:fs';
import { rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '../../shared/errors.ts';
import { makeDirectory, syncDirectory } from '../journal/durable.ts';
import { scanSegment, Segment } from '../journal/segment.ts';
import type { LedgerRecord } from './ledger-record.ts';
import { LedgerState } from './ledger-state.ts';

const FILE_NAME = /^ledger-(\d{10})\.log$/;
const EMPTY = new Uint8Array(0);
/** Compact when the records after the snapshot have grown to this, and to twice the snapshot. */
const COMPACT_BYTES = 4 * 1024 * 1024;

/**
 * The log of what is published: a snapshot, then a record for each change.
 *
 * I1. `state` holds what is durable, nothing more.
 * I2. The file with the highest number that begins with a whole snapshot is the ledger; older ones are leftovers.
 */
export class Ledger {
  readonly state: LedgerState;
  private readonly directory: string;
  private number: number;
  private segment: Segment | null = null;
  private snapshotBytes = 0;
  /** A write failed: its record may lie in the file, so nothing is appended before a new file takes over. */
  private failed = false;
  private readonly compactBytes: number;
  /** Appends are done one after the other. */
  private last: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, state: LedgerState, number: number, compactBytes: number) {
    this.directory = directory;
    this.state = state;
    this.number = number;
    this.compactBytes = compactBytes;
  }

  static async open(directory: string, compactBytes = COMPACT_BYTES): Promise<Ledger> {
    await makeDirectory(directory);
    const names = readdirSync(directory).filter((name) => FILE_NAME.test(name)).sort().reverse();
    let state: LedgerState | null = null;
    for (const name of names) if ((state = readLedger(join(directory, name)))) break;
    if (!state && names.length > 0) {
      throw new WeirError('STORAGE', `none of ${names.join(', ')} in ${directory} can be read; restore one from a backup, or move them away to begin with empty LogStores`);
    }
    const ledger = new Ledger(directory, state ?? new LedgerState(), Number(names[0]?.match(FILE_NAME)?.[1] ?? 0), compactBytes);
    await ledger.compact();
    return ledger;
  }

  /** Resolves when the record is durable and part of `state`. */
  append(record: LedgerRecord): Promise<void> {
    const done = this.last.then(() => this.write(record));
    this.last = done.catch(() => {});
    return done;
  }

  async close(): Promise<void> {
    await this.last;
    await this.segment?.close();
    this.segment = null;
  }

  private async write(record: LedgerRecord): Promise<void> {
    if (!this.segment) throw new WeirError('STORAGE', `the ledger in ${this.directory} is closed`);
    try {
      if (this.failed) await this.compact();
      await this.segment.append([{ header: record, body: EMPTY }]);
    } catch (cause) {
      this.failed = true;
      throw new WeirError('STORAGE', `the ledger in ${this.directory} could not be written: ${(cause as Error).message}`, { cause });
    }
    this.state.apply(record);
    if (this.segment.bytes - this.snapshotBytes > Math.max(this.compactBytes, 2 * this.snapshotBytes)) await this.compact();
  }

  /** Goes over to a new file that begins with what is known now. */
  private async compact(): Promise<void> {
    const path = join(this.directory, `ledger-${String(++this.number).padStart(10, '0')}.log`);
    const next = await Segment.create(`${path}.new`);
    await next.append([{ header: this.state.snapshot(), body: EMPTY }]);
    await rename(`${path}.new`, path);
    await syncDirectory(this.directory);
    await this.segment?.close();
    this.segment = next;
    this.failed = false;
    this.snapshotBytes = next.bytes;
    for (const name of readdirSync(this.directory)) if (join(this.directory, name) !== path) await unlink(join(this.directory, name));
  }
}

/** null: the file does not begin with a whole snapshot. */
function readLedger(path: string): LedgerState | null {
  const state = new LedgerState();
  let started = false;
  const scan = scanSegment(path, (header) => {
    const record = header as LedgerRecord;
    started ||= record.type === 'snapshot';
    if (started) state.apply(record);
  });
  if (!started) return null;
  if (scan.damaged.length > 0) {
    const { offset, bytes } = scan.damaged[0]!;
    throw new WeirError('STORAGE', `${path} is damaged at byte ${offset} (${bytes} bytes): publications noted there are unknown; restore the file from a backup`);
  }
  if (scan.goodBytes < scan.fileBytes) truncateSync(path, scan.goodBytes);
  return state;
}
