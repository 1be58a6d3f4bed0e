import { existsSync, readdirSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WeirError } from '../../shared/errors.ts';
import type { BatchHeader, BatchNumber, JournalFrame } from './batch-frame.ts';
import { makeDirectory, syncDirectory } from './durable.ts';
import { firstFrameOf, JournalRecovery, SEGMENT_NAME, type JournalDamage, type JournalExpectations } from './journal-recovery.ts';
import { Quarantine } from './quarantine.ts';
import { mendBody, scanSegment, Segment } from './segment.ts';
import { Unpublished } from './unpublished.ts';

export interface JournalOptions extends JournalExpectations {
  readonly directory: string;
  /** Where damaged bytes are kept; in a folder of the journal unless given. */
  readonly quarantine?: Quarantine;
  /** A segment takes no further frame beyond this. */
  readonly segmentBytes?: number;
  /** Called with every frame found at the start, in order. */
  readonly onFrame: (frame: JournalFrame) => void;
  /** Called with what the start had to leave out. */
  readonly onDamage: (damage: JournalDamage) => void;
  readonly onSync?: (milliseconds: number, frames: number) => void;
  /** Why nothing is taken in now; null: it is. */
  readonly refusal?: () => Error | null;
}

interface Waiting {
  readonly header: BatchHeader;
  readonly body: Uint8Array;
  readonly resolve: (frame: JournalFrame) => void;
  readonly reject: (error: Error) => void;
}

const SEGMENT_BYTES = 64 * 1024 * 1024;
/** One write takes at most so much, so that the first of many waiting need not wait for the last. */
const GROUP_BYTES = 32 * 1024 * 1024;
const GROUP_FRAMES = 256;

/**
 * The batches that were acknowledged and are not published yet, in files of frames.
 *
 * I1. `append` resolves only when the frame is durable; all that wait share one write and one fdatasync.
 * I2. Frame numbers rise; what a failed append may have left on the disk is cut off before anything else is written,
 *     so no batch is found twice.
 */
export class Journal {
  private readonly directory: string;
  private readonly segmentBytes: number;
  private readonly onSync: (milliseconds: number, frames: number) => void;
  /** Why nothing is taken in now; null: it is. */
  readonly refusal: () => Error | null;
  private segment: Segment | null = null;
  private failed = false;
  private nextFrame = 1;
  private waiting: Waiting[] = [];
  private writing: Promise<void> | null = null;
  /** Per segment file: its frames that are still needed. */
  private readonly needed = new Map<string, Set<number>>();
  private readonly frames = new Map<string, number[]>();
  readonly unpublished = new Unpublished();
  /** Batches that the start has left out as if they had not come. */
  struck: readonly BatchNumber[] = [];

  private constructor(options: JournalOptions) {
    this.directory = options.directory;
    this.segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.onSync = options.onSync ?? (() => {});
    this.refusal = options.refusal ?? (() => null);
  }

  /** `firstFrame`: no frame gets a lower number, for those below were published and deleted. */
  static async open(options: JournalOptions, firstFrame: number): Promise<Journal> {
    const journal = new Journal(options);
    journal.nextFrame = firstFrame;
    await makeDirectory(options.directory);
    const names = readdirSync(options.directory).filter((name) => SEGMENT_NAME.test(name));
    for (const name of names) {
      journal.needed.set(join(options.directory, name), new Set());
      journal.nextFrame = Math.max(journal.nextFrame, firstFrameOf(name) + 1);
    }
    const quarantine = options.quarantine ?? new Quarantine(join(options.directory, 'quarantine'));
    const recovery = new JournalRecovery({ ...options, keepAside: (path, stretch) => quarantine.copy(path, stretch) });
    const { frames, released, struck } = recovery.recover(names);
    journal.struck = struck;
    for (const frame of [...released, ...frames]) {
      journal.nextFrame = Math.max(journal.nextFrame, frame.frame + 1);
      journal.remember(frame);
    }
    for (const { frame } of released) journal.release(frame);
    for (const frame of frames) options.onFrame(frame);
    return journal;
  }

  append(header: BatchHeader, body: Uint8Array): Promise<JournalFrame> {
    const refusal = this.refusal();
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.waiting.push({ header, body, resolve, reject });
      this.writing ??= this.writeWaiting();
    });
  }

  /**
   * Puts the rows of a damaged batch back where they were, so that no later start finds any damage; null: these are
   * others.
   */
  async mend({ damaged }: JournalFrame, body: Uint8Array): Promise<JournalFrame | null> {
    const { frame, stretch } = damaged!;
    if (!await mendBody(frame.body.path, stretch, body)) return null;
    this.unpublished.replace(frame);
    return frame;
  }

  /** The frame is published: nothing needs it any more. */
  release(frame: number): void {
    const released = this.unpublished.remove(frame);
    if (released) this.needed.get(released.body.path)?.delete(frame);
  }

  /** Segments that hold no needed frame and take no further one. */
  get removable(): string[] {
    return [...this.needed].filter(([path, frames]) => frames.size === 0 && path !== this.segment?.path).map(([path]) => path);
  }

  /** Numbers of all frames in a segment, needed or not. */
  framesOf(path: string): readonly number[] {
    return this.frames.get(path) ?? [];
  }

  /** Numbers up to this one are used up by these segments, by their names too. */
  lastFrameOf(paths: readonly string[]): number {
    return paths.flatMap((path) => [firstFrameOf(basename(path)), ...this.framesOf(path)]).reduce((a, b) => Math.max(a, b), 0);
  }

  /** Names of the segments that stay when these are removed, and of the newest that there is; '' where there is none. */
  segmentsWithout(paths: readonly string[]): { readonly kept: string[]; readonly newest: string } {
    const names = [...this.needed.keys()].map((path) => basename(path)).sort();
    const removed = new Set(paths.map((path) => basename(path)));
    return { kept: names.filter((name) => !removed.has(name)), newest: names.at(-1) ?? '' };
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      await unlink(path);
      this.needed.delete(path);
      this.frames.delete(path);
    }
    if (paths.length > 0) await syncDirectory(this.directory);
  }

  get unpublishedFrames(): number {
    return this.unpublished.size;
  }

  async close(): Promise<void> {
    await this.writing;
    await this.segment?.close();
    this.segment = null;
  }

  private async writeWaiting(): Promise<void> {
    // One turn of the event loop: what arrives together is written together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const group = this.takeGroup();
      try {
        const frames = await this.writeGroup(group);
        group.forEach(({ resolve }, i) => resolve(frames[i]!));
      } catch (cause) {
        const error = new WeirError('STORAGE', `the journal in ${this.directory} could not be written: ${(cause as Error).message}`, { cause });
        for (const { reject } of group) reject(error);
      }
    }
    this.writing = null;
  }

  private takeGroup(): Waiting[] {
    let count = 0;
    for (let bytes = 0; count < this.waiting.length && count < GROUP_FRAMES && (count === 0 || bytes < GROUP_BYTES); count++) {
      bytes += this.waiting[count]!.body.length;
    }
    return this.waiting.splice(0, count);
  }

  private async writeGroup(group: readonly Waiting[]): Promise<JournalFrame[]> {
    const segment = await this.writableSegment();
    const numbered = group.map(({ header, body }) => ({ header: { frame: this.nextFrame++, ...header }, body }));
    const begun = performance.now();
    let bodies;
    try {
      bodies = await segment.append(numbered);
    } catch (error) {
      this.failed = true;
      throw error;
    }
    this.onSync(performance.now() - begun, group.length);
    const frames = numbered.map(({ header }, i) => ({ ...header, body: bodies[i]! }));
    for (const frame of frames) this.remember(frame);
    return frames;
  }

  private async writableSegment(): Promise<Segment> {
    if (this.segment && (this.failed || this.segment.bytes >= this.segmentBytes)) {
      if (this.failed) await this.segment.truncateToDurable();
      await this.segment.close();
      this.segment = null;
      this.failed = false;
    }
    if (!this.segment) {
      while (this.needed.has(this.pathOf(this.nextFrame))) this.nextFrame++;
      this.segment = await Segment.create(this.pathOf(this.nextFrame));
      this.needed.set(this.segment.path, new Set());
    }
    return this.segment;
  }

  private pathOf(firstFrame: number): string {
    return join(this.directory, `batches-${String(firstFrame).padStart(16, '0')}.log`);
  }

  private remember(frame: JournalFrame): void {
    const { path } = frame.body;
    this.unpublished.add(frame);
    this.needed.get(path)!.add(frame.frame);
    const frames = this.frames.get(path);
    if (frames) frames.push(frame.frame);
    else this.frames.set(path, [frame.frame]);
  }
}

/** Numbers of the frames that a journal holds, read without touching anything. */
export function journalFrames(directory: string): Set<number> {
  const numbers = new Set<number>();
  if (!existsSync(directory)) return numbers;
  for (const name of readdirSync(directory).filter((file) => SEGMENT_NAME.test(file))) {
    scanSegment(join(directory, name), (header) => void numbers.add((header as JournalFrame).frame));
  }
  return numbers;
}
