import { readdirSync } from 'node:fs';
import { rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '../../shared/errors.ts';
import { makeDirectory, syncDirectory } from '../journal/durable.ts';
import { Segment } from '../journal/segment.ts';
import { FILE_NAME, readLedgers, type LedgerDoubt } from './ledger-files.ts';
import type { LedgerRecord } from './ledger-record.ts';
import { LedgerState } from './ledger-state.ts';

const EMPTY = new Uint8Array(0);
/** Compact when the records after the snapshot have grown to this, and to twice the snapshot. */
const COMPACT_BYTES = 4 * 1024 * 1024;

export interface LedgerRecovery {
  /** Adds to the state what the files tell that publications have left, and the ledger does not know. */
  complete(state: LedgerState, doubt: LedgerDoubt): Promise<void>;
  /** A file that is damaged, and that nothing needs any more. */
  setAside(path: string): void;
}

const NO_RECOVERY: LedgerRecovery = { complete: async () => {}, setAside: () => {} };

/**
 * The log of what is published: a snapshot, then a record for each change.
 *
 * I1. `state` holds what is durable, nothing more.
 * I2. The file with the highest number is the ledger. The one before it stays: it says all that the snapshot says, should
 *     that be damaged.
 */
export class Ledger {
  readonly state: LedgerState;
  private readonly directory: string;
  private number: number;
  private segment: Segment | null = null;
  private snapshotBytes = 0;
  /** A write failed: its record may lie in the file, so nothing is appended before a new file takes over. */
  private failed = false;
  private closed = false;
  private readonly compactBytes: number;
  /** Appends are done one after the other. */
  private last: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, state: LedgerState, number: number, compactBytes: number) {
    this.directory = directory;
    this.state = state;
    this.number = number;
    this.compactBytes = compactBytes;
  }

  /** Whatever the files look like; what they do not tell, `recovery` is asked for. */
  static async open(directory: string, compactBytes = COMPACT_BYTES, recovery: LedgerRecovery = NO_RECOVERY): Promise<Ledger> {
    await makeDirectory(directory);
    const { state, doubt, number } = readLedgers(directory);
    await recovery.complete(state, doubt);
    const ledger = new Ledger(directory, state, number, compactBytes);
    try {
      await ledger.compact();
      for (const { path, isTail } of doubt.damaged) if (!isTail) recovery.setAside(path);
    } catch {
      // a full disk: what there is stays in force, and the first record makes the new file
      ledger.failed = true;
    }
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
    this.closed = true;
    await this.segment?.close();
    this.segment = null;
  }

  private async write(record: LedgerRecord): Promise<void> {
    if (this.closed) throw new WeirError('STORAGE', `the ledger in ${this.directory} is closed`);
    try {
      if (this.failed || !this.segment) await this.compact();
      await this.segment!.append([{ header: record, body: EMPTY }]);
    } catch (cause) {
      this.failed = true;
      throw new WeirError('STORAGE', `the ledger in ${this.directory} could not be written: ${(cause as Error).message}`, { cause });
    }
    this.state.apply(record);
    // the record is durable: a compaction that fails is made up for by the next record
    if (this.segment!.bytes - this.snapshotBytes > Math.max(this.compactBytes, 2 * this.snapshotBytes)) await this.compact().catch(() => { this.failed = true; });
  }

  /** Goes over to a new file that begins with what is known now. */
  private async compact(): Promise<void> {
    const name = nameOf(++this.number);
    const path = join(this.directory, name);
    const next = await Segment.create(`${path}.new`);
    try {
      await next.append([{ header: this.state.snapshot(), body: EMPTY }]);
      await rename(`${path}.new`, path);
      await syncDirectory(this.directory);
    } catch (error) {
      await next.close();
      throw error;
    }
    await this.segment?.close().catch(() => {});
    this.segment = next;
    this.failed = false;
    this.snapshotBytes = next.bytes;
    const files = readdirSync(this.directory).filter((file) => file !== name);
    const before = files.filter((file) => FILE_NAME.test(file)).sort().at(-1);
    // one that stays behind does no harm
    for (const file of files) if (file !== before) await unlink(join(this.directory, file)).catch(() => {});
  }
}

function nameOf(number: number): string {
  return `ledger-${String(number).padStart(10, '0')}.log`;
}
