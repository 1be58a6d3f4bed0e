import { closeSync, fstatSync, openSync, readdirSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { WeirError } from '../../shared/errors.ts';
import type { TextOutput } from '../output/text-output.ts';

const DAY_MS = 86_400_000;
/** What rotation appends to the file's name: the time of the rotation, UTC. */
const ROTATED = /^\.\d{8}T\d{9}Z$/;

export interface RecordFileOptions {
  readonly path: string;
  /** Stands at the top of each file. */
  readonly header: string;
  readonly rotateBytes: number;
  readonly rotatesDaily: boolean;
  readonly keepFiles: number;
  readonly warn: (text: string) => void;
  readonly now?: () => number;
}

/**
 * A file that records are appended to. When it is large enough, or a new day has begun (UTC), it is renamed and a new
 * one is begun. A full disk loses text, which is said and counted; it does not stop the agent.
 */
export class RecordFile implements TextOutput {
  /** Characters that the disk did not take. */
  lostCharacters = 0;
  private readonly options: RecordFileOptions;
  private readonly now: () => number;
  private descriptor: number;
  private bytes = 0;
  private day = 0;
  private isFailing = false;

  constructor(options: RecordFileOptions) {
    this.options = options;
    this.now = options.now ?? Date.now;
    this.descriptor = this.open();
  }

  write(text: string): void {
    try {
      if (this.isDue()) this.rotate();
      this.append(text);
      if (this.isFailing) this.options.warn(`${this.options.path} is written again`);
      this.isFailing = false;
    } catch (error) {
      this.lostCharacters += text.length;
      if (!this.isFailing) this.options.warn(`records are lost: ${this.options.path} cannot be written: ${(error as Error).message}`);
      this.isFailing = true;
    }
  }

  /** Goes on in a file of that name, after somebody else has renamed the old one. */
  reopen(): void {
    const descriptor = this.open();
    closeSync(this.descriptor);
    this.descriptor = descriptor;
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private open(): number {
    const { path } = this.options;
    let descriptor: number;
    try {
      descriptor = openSync(path, 'a', 0o640);
    } catch (error) {
      throw new WeirError('CONFIGURATION', `records cannot be written to ${path}: ${(error as Error).message}`, { cause: error });
    }
    const { size, mtimeMs } = fstatSync(descriptor);
    this.bytes = size;
    this.day = Math.floor((size > 0 ? mtimeMs : this.now()) / DAY_MS);
    return descriptor;
  }

  private isDue(): boolean {
    if (this.bytes === 0) return false;
    return this.bytes >= this.options.rotateBytes || (this.options.rotatesDaily && Math.floor(this.now() / DAY_MS) > this.day);
  }

  private rotate(): void {
    const { path } = this.options;
    const stamp = new Date(this.now()).toISOString().replaceAll(/[-:.]/g, '');
    renameSync(path, `${path}.${stamp}`);
    this.reopen();
    this.dropOldest();
  }

  private dropOldest(): void {
    const { path, keepFiles } = this.options;
    const name = basename(path);
    const rotated = readdirSync(dirname(path)).filter((file) => file.startsWith(name) && ROTATED.test(file.slice(name.length))).sort();
    for (const file of rotated.slice(0, Math.max(0, rotated.length - keepFiles))) unlinkSync(join(dirname(path), file));
  }

  private append(text: string): void {
    const bytes = Buffer.from(this.bytes === 0 ? this.options.header + text : text);
    this.day = Math.floor(this.now() / DAY_MS);
    for (let written = 0; written < bytes.length; ) {
      const count = writeSync(this.descriptor, bytes, written);
      written += count;
      this.bytes += count;
    }
  }
}

