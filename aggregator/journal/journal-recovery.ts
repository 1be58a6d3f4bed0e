import { closeSync, fdatasyncSync, openSync, truncateSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { BatchHeader, BatchNumber, JournalFrame } from './batch-frame.ts';
import { batchBetween, callBetween, withoutRows } from './lost-batch.ts';
import { scanSegment, type Stretch } from './segment.ts';

export const SEGMENT_NAME = /^batches-(\d{16})\.log$/;

/** What the segment is named after. The number is used up even where nothing was written: the ledger gives up segments by name. */
export function firstFrameOf(name: string): number {
  return Number(SEGMENT_NAME.exec(name)![1]);
}

/** What the start had to leave out, and what that means. */
export interface JournalDamage {
  /**
   * `tail`: the end of the newest segment, or a batch there, that nobody had been told was stored, unless it was damaged
   * later. `rows`: rows of a batch whose windows are known. `unreadable`: bytes of which nothing is known. `missing`:
   * batches that should be there. `repeated`: frames that are there twice, or from before; nothing is lost.
   */
  readonly kind: 'tail' | 'rows' | 'unreadable' | 'missing' | 'repeated';
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  readonly text: string;
}

/** What is known of the journal without reading it. */
export interface JournalExpectations {
  /** Number of the agent's last batch that is known to be received; 0: none is. */
  readonly lastSequence?: (agent: string, epoch: number) => number;
  /** Something of the frame is published. */
  readonly isPublished?: (frame: number) => boolean;
  /** The segment's frames are all published, and its file should be gone. */
  readonly isReleased?: (name: string) => boolean;
  /** Segments that should be there. */
  readonly segments?: Iterable<string>;
}

export interface RecoveryOptions extends JournalExpectations {
  readonly directory: string;
  /** Keeps the bytes; false: they were kept before. */
  readonly keepAside: (path: string, stretch: Stretch) => boolean;
  readonly onDamage: (damage: JournalDamage) => void;
}

export interface Recovered {
  /** In order; each number once. */
  readonly frames: readonly JournalFrame[];
  /** Of segments whose frames are all published. */
  readonly released: readonly JournalFrame[];
  /** Left out as if they had not come: whoever still has them may send them. */
  readonly struck: readonly BatchNumber[];
}

interface Entry {
  readonly frame: JournalFrame;
  readonly stretch: Stretch;
  readonly isDamaged: boolean;
}

interface FoundSegment {
  readonly path: string;
  readonly entries: Entry[];
  readonly unreadable: Stretch[];
}

/**
 * Reads what a journal holds, whatever has happened to its files.
 *
 * I1. No batch is given out twice, however often it lies there.
 * I2. An agent sends its next batch only when this one is acknowledged. So a damaged batch after which the agent has sent
 *     another was stored, as was one of which something is published. Unless its rows come again they are lost, and its
 *     windows say so. One that is the agent's last may never have been acknowledged:
 *     it is struck out as if it had not come, and the agent that still has it sends it again.
 */
export class JournalRecovery {
  private readonly options: RecoveryOptions;
  private readonly seen = new Set<number>();
  /** Numbers of the batches that are whole, by agent and epoch. */
  private readonly sequences = new Map<string, Set<number>>();
  /** By agent and epoch, of all batches, damaged or not. */
  private readonly newest = new Map<string, number>();
  private readonly struck: BatchNumber[] = [];

  constructor(options: RecoveryOptions) {
    this.options = options;
  }

  recover(names: readonly string[]): Recovered {
    const sorted = names.filter((name) => SEGMENT_NAME.test(name)).sort();
    const segments = sorted.map((name, i) => this.read(join(this.options.directory, name), i === sorted.length - 1));
    const isReleased = ({ path }: FoundSegment): boolean => this.options.isReleased?.(basename(path)) ?? false;
    const kept = segments.filter((segment) => !isReleased(segment));
    for (const { frame, isDamaged } of kept.flatMap(({ entries }) => entries)) {
      const key = `${frame.epoch} ${frame.agent}`;
      this.newest.set(key, Math.max(frame.sequence, this.newest.get(key) ?? 0));
      if (!isDamaged) this.note(frame);
    }
    const frames = kept.flatMap((segment) => this.judge(segment));
    this.tellMissing(sorted);
    return { frames, struck: this.struck, released: segments.filter(isReleased).flatMap(({ entries }) => entries.map(({ frame }) => frame)) };
  }

  private read(path: string, isNewest: boolean): FoundSegment {
    const first = firstFrameOf(basename(path));
    const entries: Entry[] = [];
    let repeated = 0;
    const scan = scanSegment(path, (header, { place, stretch, isBodyDamaged }) => {
      const frame: JournalFrame = { ...(header as Omit<JournalFrame, 'body'>), body: place };
      if (frame.frame < first || this.seen.has(frame.frame)) repeated++;
      else {
        // of two of one number, the one that is whole
        if (!isBodyDamaged) this.seen.add(frame.frame);
        entries.push({ frame, stretch, isDamaged: isBodyDamaged });
      }
    });
    if (repeated > 0) this.tell('repeated', path, { offset: 0, bytes: 0 }, `${repeated} batches are there a second time and are left out`);
    const unreadable = [...scan.damaged];
    const tail = { offset: scan.goodBytes, bytes: scan.fileBytes - scan.goodBytes };
    const isAllUnreadable = unreadable[0]?.bytes === scan.fileBytes;
    if (tail.bytes > 0 && !isAllUnreadable) {
      if (isNewest) this.cut(path, tail);
      else unreadable.push(tail);
    }
    return { path, entries, unreadable };
  }

  private cut(path: string, tail: Stretch): void {
    if (this.options.keepAside(path, tail)) this.tell('tail', path, tail, 'the end is cut off: a write that nobody was told was done, unless it was damaged later');
    try {
      truncateSync(path, tail.offset);
    } catch {
      // nothing is written behind it, and the next start tries again
    }
  }

  private note({ agent, epoch, sequence }: JournalFrame): void {
    const key = `${epoch} ${agent}`;
    const known = this.sequences.get(key);
    if (known) known.add(sequence);
    else this.sequences.set(key, new Set([sequence]));
  }

  private judge(segment: FoundSegment): JournalFrame[] {
    const frames: JournalFrame[] = [];
    for (const { frame, stretch, isDamaged } of segment.entries) {
      if (!isDamaged) frames.push(frame);
      else if (this.wasReceived(frame)) {
        if (this.options.keepAside(segment.path, stretch)) this.tell('rows', segment.path, stretch, lossText(frame));
        frames.push(withoutRows(frame, stretch));
        this.note(frame);
      } else this.strike(segment.path, stretch, frame);
    }
    for (const stretch of segment.unreadable) frames.push(...this.replace(segment, stretch));
    return frames.sort((a, b) => a.frame - b.frame);
  }

  private wasReceived({ frame, agent, epoch, sequence }: JournalFrame): boolean {
    const key = `${epoch} ${agent}`;
    return !this.sequences.get(key)?.has(sequence)
      && (this.options.isPublished?.(frame) || (this.newest.get(key) ?? 0) > sequence || (this.options.lastSequence?.(agent, epoch) ?? 0) >= sequence);
  }

  /** No later start is to take it for a batch: its agent may have sent it again by then. */
  private strike(path: string, stretch: Stretch, frame: JournalFrame): void {
    if (this.options.keepAside(path, stretch)) {
      this.tell('tail', path, stretch, `batch ${frame.sequence} of agent ${frame.agent} is damaged and left out; if the agent still has it, it sends it again`);
    }
    const { agent, epoch, sequence } = frame;
    this.struck.push({ agent, epoch, sequence });
    const descriptor = openSync(path, 'r+');
    try {
      writeSync(descriptor, Buffer.alloc(4), 0, 4, stretch.offset);
      fdatasyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  /** What can be told of the batches that lay there, as batches without rows. */
  private replace({ path, entries }: FoundSegment, stretch: Stretch): JournalFrame[] {
    const after = entries.findIndex((entry) => entry.stretch.offset > stretch.offset);
    const before = entries.slice(0, after < 0 ? entries.length : after).map(({ frame }) => frame).toReversed();
    const later = after < 0 ? [] : entries.slice(after).map(({ frame }) => frame);
    const replaced: JournalFrame[] = [];
    const body = { path, offset: stretch.offset, length: 0 };
    let number = before[0]?.frame ?? Infinity;
    for (const header of lostBetween(before, later)) {
      if (this.sequences.get(`${header.epoch} ${header.agent}`)?.has(header.sequence)) continue;
      while (this.seen.has(++number));
      if (number >= later[0]!.frame) break;
      replaced.push({ ...header, frame: number, body });
    }
    for (const frame of replaced) this.note(frame);
    if (this.options.keepAside(path, stretch)) this.tell('unreadable', path, stretch, unreadableText(before[0], later[0], replaced));
    return replaced;
  }

  /** Numbers that agents have given, that came after all that is known otherwise, and that are nowhere. */
  private tellMissing(names: readonly string[]): void {
    for (const name of this.options.segments ?? []) {
      if (!names.includes(name)) this.tell('missing', join(this.options.directory, name), { offset: 0, bytes: 0 }, 'the segment is gone, with batches that were not published yet');
    }
    for (const [key, sequences] of this.sequences) {
      const [epoch, agent] = [Number(key.slice(0, key.indexOf(' '))), key.slice(key.indexOf(' ') + 1)];
      if (agent.startsWith('!')) continue;
      let next = (this.options.lastSequence?.(agent, epoch) ?? 0) + 1;
      for (const sequence of [...sequences].sort((a, b) => a - b)) {
        if (sequence > next) this.tell('missing', this.options.directory, { offset: 0, bytes: 0 }, `batches ${next} to ${sequence - 1} of agent ${agent}, epoch ${epoch}, are gone`);
        next = Math.max(next, sequence + 1);
      }
    }
  }

  private tell(kind: JournalDamage['kind'], path: string, { offset, bytes }: Stretch, text: string): void {
    this.options.onDamage({ kind, path, offset, bytes, text });
  }
}

type LostHeader = Omit<JournalFrame, 'frame' | 'body'>;

/** `before` begins with the nearest, and so does `after`. */
function lostBetween(before: readonly JournalFrame[], after: readonly JournalFrame[]): LostHeader[] {
  const lost: LostHeader[] = [];
  const done = new Set<string>();
  for (const last of before) {
    const key = `${last.epoch} ${last.agent}`;
    if (done.has(key)) continue;
    done.add(key);
    const next = after.find(({ agent, epoch }) => agent === last.agent && epoch === last.epoch);
    if (next === undefined || next.sequence - last.sequence < 2) continue;
    lost.push(...(last.rollCall && next.rollCall ? lostCalls(last, next) : [{ ...batchBetween(last, next), sequence: next.sequence - 1 }]));
  }
  return lost;
}

function lostCalls(last: JournalFrame, next: JournalFrame): LostHeader[] {
  const common: Omit<BatchHeader, 'sequence'> = { agent: last.agent, epoch: last.epoch, logStore: null, receivedMs: next.receivedMs, windows: [], seals: [] };
  return Array.from({ length: next.sequence - last.sequence - 1 }, (_, i) => {
    const sequence = last.sequence + 1 + i;
    return { ...common, sequence, rollCall: callBetween(sequence, last.rollCall!, next.rollCall!) };
  });
}

function lossText({ agent, sequence, windows }: JournalFrame): string {
  const rows = windows.reduce((sum, { enis }) => sum + enis.reduce((total, [, count]) => total + count, 0), 0);
  const starts = windows.map(({ start }) => timeText(start * 1000));
  return `${rows} rows of batch ${sequence} of agent ${agent} are damaged${starts.length > 0 ? `, of the windows at ${starts.join(', ')}` : ''}; unless the agent sends them again, these say that they are lost`;
}

function unreadableText(before: JournalFrame | undefined, after: JournalFrame | undefined, replaced: readonly JournalFrame[]): string {
  const range = `received ${before ? `after ${timeText(before.receivedMs)}` : 'at first'}${after ? ` and before ${timeText(after.receivedMs)}` : ''}`;
  const agents = [...new Set(replaced.filter(({ rollCall }) => !rollCall).map(({ agent }) => agent))];
  return `nothing is known of the batches that lay there, ${range}${agents.length > 0 ? `; the windows that agents ${agents.join(', ')} sent about then say that rows may be missing` : ''}`;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
