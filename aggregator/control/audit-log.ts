import { open, type FileHandle } from 'node:fs/promises';
import { existsSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
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
}

/** A change that is told in more than this many bytes is told by its size alone. */
const MAX_CHANGES_BYTES = 256 * 1024;
const FILE_BYTES = 4 * 1024 * 1024;
const FILE_NAME = /^audit-(\d{10})\.ndjson$/;

/**
 * What was changed, by whom and when: one JSON object a line, a new file at 4 MiB, named by its first number.
 *
 * I1. An entry is durable before the change that it tells of is made: nothing changes without one.
 */
export class AuditLog {
  private readonly directory: string;
  private file: FileHandle | null = null;
  private bytes = 0;
  private next = 1;
  private tail: Promise<unknown> = Promise.resolve();

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** `change`: of the control state. What the last entry announces beyond it did not happen, and the log says so. */
  static async open(directory: string, change: number): Promise<AuditLog> {
    await makeDirectory(directory);
    const log = new AuditLog(directory);
    const name = log.names().at(-1);
    if (name === undefined) return log;
    const path = join(directory, name);
    cutTornLine(path);
    const entries = readEntries(path);
    const last = entries.at(-1);
    log.next = (last?.number ?? Number(FILE_NAME.exec(name)![1]) - 1) + 1;
    log.file = await open(path, 'r+');
    log.bytes = (await log.file.stat()).size;
    if (last && last.change !== null && last.change > change) {
      await log.append(THE_COLLECTOR, 'undone', [], null, `entry ${last.number}: the collector ended before the change was made`);
    }
    return log;
  }

  /** Resolves when the entry is durable. Throws STORAGE where the disk refuses; then nothing may be changed. */
  append(actor: Actor, action: string, changes: readonly ResourceChange[], change: number | null, remark?: string): Promise<void> {
    const done = this.tail.then(() => this.write(actor, action, changes, change, remark));
    this.tail = done.catch(() => {});
    return done;
  }

  /** Newest first, below the number `before`. */
  read(before: number, limit: number): AuditEntry[] {
    const found: AuditEntry[] = [];
    for (const name of this.names().toReversed()) {
      if (Number(FILE_NAME.exec(name)![1]) >= before) continue;
      for (const entry of readEntries(join(this.directory, name)).toReversed()) {
        if (entry.number < before) found.push(entry);
        if (found.length === limit) return found;
      }
    }
    return found;
  }

  async close(): Promise<void> {
    await this.tail;
    await this.file?.close();
    this.file = null;
  }

  private async write(actor: Actor, action: string, changes: readonly ResourceChange[], change: number | null, remark: string | undefined): Promise<void> {
    try {
      if (this.file === null || this.bytes >= FILE_BYTES) await this.beginFile();
      const text = JSON.stringify(changes);
      const told = text.length <= MAX_CHANGES_BYTES ? changes : changes.map(({ kind, id, before, after }) => ({
        kind, id, before: before && { bytes: JSON.stringify(before).length }, after: after && { bytes: JSON.stringify(after).length },
      }));
      const entry = { number: this.next, time: new Date().toISOString(), actor, action, changes: told, change, ...(remark === undefined ? {} : { remark }) };
      const line = Buffer.from(`${JSON.stringify(entry)}\n`);
      await this.file!.write(line, 0, line.length, this.bytes);
      await this.file!.datasync();
      this.bytes += line.length;
      this.next++;
    } catch (cause) {
      // the next line goes over what there may be of this one
      await this.file?.truncate(this.bytes).catch(() => {});
      throw new WeirError('STORAGE', `the audit log in ${this.directory} could not be written, so nothing was changed: ${(cause as Error).message}`, { cause });
    }
  }

  private async beginFile(): Promise<void> {
    const path = join(this.directory, `audit-${String(this.next).padStart(10, '0')}.ndjson`);
    const file = await open(path, 'w', 0o600);
    await syncDirectory(this.directory);
    await this.file?.close();
    this.file = file;
    this.bytes = 0;
  }

  private names(): string[] {
    return existsSync(this.directory) ? readdirSync(this.directory).filter((name) => FILE_NAME.test(name)).sort() : [];
  }
}

function cutTornLine(path: string): void {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(10) + 1;
  if (end < bytes.length) truncateSync(path, end);
}

/** A line that cannot be read is left out: the others are still worth reading. */
function readEntries(path: string): AuditEntry[] {
  return readFileSync(path, 'utf8').split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as AuditEntry];
    } catch {
      return [];
    }
  });
}
