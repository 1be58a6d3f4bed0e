import { open, type FileHandle } from 'node:fs/promises';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { WeirError } from '../../shared/errors.ts';
import { makeDirectory, syncDirectory } from '../journal/durable.ts';
import type { ResourceChange } from './topology-diff.ts';

/** Who asked for a change. */
export interface Actor {
  /** null: the collector itself. */
  readonly tokenId: string | null;
  readonly name: string;
  /** Address that the request came from; null: none did. */
  readonly from: string | null;
}

export const THE_COLLECTOR: Actor = { tokenId: null, name: 'collector', from: null };

export interface AuditEntry {
  /** From 1, without gaps. */
  readonly number: number;
  readonly time: string;
  readonly actor: Actor;
  /** Such as `flow-log.create`. */
  readonly action: string;
  readonly changes: readonly ResourceChange[];
  /** Of the control state, if that is what changes. */
  readonly change: number | null;
  readonly remark?: string;
  /** Number of an entry whose change did not come to be. */
  readonly undoes?: number;
}

type NewEntry = Omit<AuditEntry, 'number' | 'time'>;

/** Changes that are told in more than this many bytes are told by their sizes alone, and not all of them. */
const MAX_CHANGES_BYTES = 256 * 1024;
const MAX_SIZES = 1000;
const MAX_FILE_BYTES = 4 * 1024 * 1024;
export const DEFAULT_AUDIT_BYTES = 256 * 1024 * 1024;
/** Some files, so that the newest entries always stay. */
export const LEAST_AUDIT_BYTES = 4 * MAX_FILE_BYTES;
/** Files are small where the disk refuses over and over. */
const MAX_FILES = 4096;
/** Of one answer. */
const MAX_READ_BYTES = 4 * 1024 * 1024;
const FILE_NAME = /^audit-(\d{10})\.ndjson$/;
const NUMBER = /^\{"number":(\d+),/;

/**
 * What was changed, by whom and when: one JSON object a line, a new file at 4 MiB, named by its first number.
 *
 * I1. An entry is durable before the change that it tells of is made: nothing changes without one.
 * I2. Where the change of the control state did not come to be, an entry says so, before the next change at the latest.
 * I3. All files together have about `maxBytes`: whole files go, the oldest first, after an entry is durable and never
 *     the file that it is in.
 */
export class AuditLog {
  private readonly directory: string;
  private readonly maxBytes: number;
  private file: FileHandle | null = null;
  private bytes = 0;
  private next = 1;
  private tail: Promise<unknown> = Promise.resolve();
  /** The last that announces a change of the control state. */
  private announced: Pick<AuditEntry, 'number' | 'change'> | null = null;
  /** What is still to be said of it. */
  private undone: NewEntry | null = null;

  private constructor(directory: string, maxBytes: number) {
    this.directory = directory;
    this.maxBytes = maxBytes;
  }

  static async open(directory: string, maxBytes = DEFAULT_AUDIT_BYTES): Promise<AuditLog> {
    await makeDirectory(directory);
    const log = new AuditLog(directory, maxBytes);
    const names = log.names();
    const last = names.at(-1);
    if (last === undefined) return log;
    const path = join(directory, last);
    cutTornLine(path);
    log.next = (entryBefore(directory, [last], () => true)?.number ?? Number(FILE_NAME.exec(last)![1]) - 1) + 1;
    const newest = entryBefore(directory, names, ({ change, undoes }) => change !== null || undoes !== undefined);
    if (newest && newest.change !== null) log.announced = newest;
    log.file = await open(path, 'r+');
    log.bytes = (await log.file.stat()).size;
    log.trim();
    return log;
  }

  /** Of the last change of the control state that was announced and not undone; 0: none was. */
  get lastChange(): number {
    return this.announced?.change ?? 0;
  }

  /** Resolves when the entry is durable. Throws STORAGE where the disk refuses; then nothing may be changed. */
  append(actor: Actor, action: string, changes: readonly ResourceChange[], change: number | null, remark?: string): Promise<void> {
    return this.inTurn(async () => {
      await this.sayUndone();
      await this.write({ actor, action, ...told(changes), change, ...(remark === undefined ? {} : { remark }) });
    });
  }

  /** The change of the control state that was announced last did not come to be. */
  undo(reason: string): Promise<void> {
    if (this.announced === null) return Promise.resolve();
    const { number } = this.announced;
    this.announced = null;
    this.undone = { actor: THE_COLLECTOR, action: 'undone', changes: [], change: null, remark: `entry ${number}: ${reason}`, undoes: number };
    // on a disk that refuses, the next entry brings it along
    return this.inTurn(() => this.sayUndone()).catch(() => {});
  }

  /** Newest first, below the number `before`: at most `limit` of them, and one at least if there is one. */
  read(before: number, limit: number): { readonly entries: readonly AuditEntry[]; readonly isMore: boolean } {
    const entries: AuditEntry[] = [];
    let bytes = 0;
    for (const name of this.names().toReversed()) {
      if (Number(FILE_NAME.exec(name)![1]) >= before) continue;
      for (const line of linesOf(join(this.directory, name)).toReversed()) {
        if (Number(NUMBER.exec(line)?.[1] ?? Infinity) >= before) continue;
        const entry = entryOf(line);
        if (!entry) continue;
        if (entries.length === limit || bytes > MAX_READ_BYTES) return { entries, isMore: true };
        entries.push(entry);
        bytes += line.length;
      }
    }
    return { entries, isMore: false };
  }

  async close(): Promise<void> {
    await this.tail;
    await this.file?.close();
    this.file = null;
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.tail.then(work);
    this.tail = done.catch(() => {});
    return done;
  }

  private async sayUndone(): Promise<void> {
    if (this.undone === null) return;
    await this.write(this.undone);
    this.undone = null;
  }

  private async write(entry: NewEntry): Promise<void> {
    try {
      const isNewFile = this.file === null || this.bytes >= MAX_FILE_BYTES;
      if (isNewFile) await this.beginFile();
      const number = this.next;
      const line = Buffer.from(`${JSON.stringify({ number, time: new Date().toISOString(), ...entry })}\n`);
      for (let done = 0; done < line.length;) done += (await this.file!.write(line, done, line.length - done, this.bytes + done)).bytesWritten;
      await this.file!.datasync();
      this.bytes += line.length;
      this.next++;
      if (entry.change !== null) this.announced = { number, change: entry.change };
      if (isNewFile) this.trim();
    } catch (cause) {
      await this.abandonFile();
      throw new WeirError('STORAGE', `the audit log in ${this.directory} could not be written, so nothing was changed: ${(cause as Error).message}`, { cause });
    }
  }

  /** Without what there may be of a line; the next one begins a new file. */
  private async abandonFile(): Promise<void> {
    const { file } = this;
    this.file = null;
    await file?.truncate(this.bytes).catch(() => {});
    await file?.close().catch(() => {});
  }

  private async beginFile(): Promise<void> {
    const path = join(this.directory, `audit-${String(this.next).padStart(10, '0')}.ndjson`);
    const file = await open(path, 'w', 0o600);
    try {
      await syncDirectory(this.directory);
    } catch (error) {
      await file.close();
      throw error;
    }
    await this.file?.close();
    this.file = file;
    this.bytes = 0;
  }

  private trim(): void {
    try {
      let bytes = 0;
      for (const [newer, name] of this.names().toReversed().entries()) {
        const path = join(this.directory, name);
        bytes += statSync(path).size;
        if (newer > 0 && (bytes > this.maxBytes || newer >= MAX_FILES)) rmSync(path);
      }
    } catch {
      // what the disk does not let go is tried again with the next file
    }
  }

  private names(): string[] {
    return readdirSync(this.directory).filter((name) => FILE_NAME.test(name)).sort();
  }
}

function told(changes: readonly ResourceChange[]): Pick<NewEntry, 'changes' | 'remark'> {
  if (JSON.stringify(changes).length <= MAX_CHANGES_BYTES) return { changes };
  const size = (resource: ResourceChange['before']): ResourceChange['before'] => resource && { bytes: JSON.stringify(resource).length };
  const sizes = changes.slice(0, MAX_SIZES).map(({ kind, id, before, after }) => ({ kind, id, before: size(before), after: size(after) }));
  return { changes: sizes, ...(changes.length > MAX_SIZES ? { remark: `and ${changes.length - MAX_SIZES} more` } : {}) };
}

function cutTornLine(path: string): void {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(10) + 1;
  if (end < bytes.length) truncateSync(path, end);
}

/** The newest entry in these files that is wanted. */
function entryBefore(directory: string, names: readonly string[], isWanted: (entry: AuditEntry) => boolean): AuditEntry | null {
  for (const name of names.toReversed()) {
    for (const line of linesOf(join(directory, name)).toReversed()) {
      const entry = entryOf(line);
      if (entry && isWanted(entry)) return entry;
    }
  }
  return null;
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n');
}

/** null: it cannot be read. The others are still worth reading. */
function entryOf(line: string): AuditEntry | null {
  try {
    return line === '' ? null : JSON.parse(line) as AuditEntry;
  } catch {
    return null;
  }
}
