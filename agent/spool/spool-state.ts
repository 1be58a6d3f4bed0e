import { HeldBatches } from './held-batches.ts';
import { IdSet } from './id-set.ts';
import type { SpoolDisk } from './spool-disk.ts';
import { PositionFiles, type BoundBatch, type Position } from './spool-position.ts';
import type { SpoolSegment, WaitingFrame } from './spool-segment.ts';

/** A batch is live for so long after it was written: then it has missed its turn, and waits with the backlog. */
const LIVE_MS = 60_000;

/** What a spool holds and how far it is sent; the durable part of it is written as a whole. */
export class SpoolState {
  readonly disk: SpoolDisk;
  readonly agentId: string;
  /** Oldest first. */
  readonly segments: SpoolSegment[] = [];
  readonly done: IdSet;
  readonly voided: IdSet;
  readonly held = new HeldBatches();
  /** The last one that takes frames. */
  active: SpoolSegment | null = null;
  nextId: number;
  epoch: number;
  sequence: number;
  bound: BoundBatch | null;
  confirmed: number;
  sealedThrough: Position['sealedThrough'];
  private generation: number;
  private readonly positions: PositionFiles;
  private persisting: Promise<void> = Promise.resolve();
  /** Segments without any frame that waits or is held, still on the disk. */
  private readonly empty = new Set<SpoolSegment>();
  private readonly live: WaitingFrame[] = [];
  private readonly backlog: WaitingFrame[] = [];

  constructor(disk: SpoolDisk, position: Position, done: IdSet, nextId: number) {
    this.disk = disk;
    this.agentId = position.agentId;
    this.epoch = position.epoch;
    this.sequence = position.sequence;
    this.bound = position.bound;
    this.confirmed = position.confirmed;
    this.sealedThrough = position.sealedThrough;
    this.generation = position.generation;
    this.positions = new PositionFiles(disk);
    this.done = done;
    this.voided = new IdSet(position.voided);
    this.nextId = nextId;
  }

  /** On the disk, what is to be removed included. */
  get bytes(): number {
    return [...this.segments, ...this.empty].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get waitingBatches(): number {
    return this.segments.reduce((sum, { waiting }) => sum + waiting.size, 0);
  }

  get waitingBytes(): number {
    let bytes = 0;
    for (const { waiting } of this.segments) for (const { bodyLength } of waiting.values()) bytes += bodyLength;
    return bytes;
  }

  /** Unix seconds of the oldest window that waits. */
  get waitingSince(): number | null {
    for (const { waiting } of this.segments) for (const { windowStart } of waiting.values()) return windowStart;
    return null;
  }

  /** Of segments that are there only because the collector may ask for what is in them. */
  get heldBytes(): number {
    return this.heldSegments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Of these, so many bytes may stay; the oldest go first, with the next `removeEmpty`. */
  letGo(mostBytes: number): void {
    let bytes = this.heldBytes;
    for (const segment of this.heldSegments) {
      if (bytes <= mostBytes) return;
      this.held.forget(segment);
      bytes -= segment.bytes;
    }
  }

  private get heldSegments(): SpoolSegment[] {
    return this.segments.filter((one) => one.waiting.size === 0 && one !== this.active);
  }

  waitingFrame(id: number): WaitingFrame | null {
    for (const { waiting } of this.segments) {
      const frame = waiting.get(id);
      if (frame) return frame;
    }
    return null;
  }

  enqueue(frame: WaitingFrame): void {
    (frame.writtenMs === -Infinity ? this.backlog : this.live).push(frame);
  }

  /** The oldest live batch, else, if it may be, the oldest of all. */
  choose(nowMs: number, takesBacklog: boolean): WaitingFrame | null {
    while (this.live[0] && this.live[0].writtenMs < nowMs - LIVE_MS) this.backlog.push(this.live.shift()!);
    return this.firstOf(this.live) ?? (takesBacklog ? this.firstOf(this.backlog) : null);
  }

  isBacklog(frame: WaitingFrame): boolean {
    return !this.live.includes(frame);
  }

  get hasBacklog(): boolean {
    return this.firstOf(this.backlog) !== null;
  }

  /** The frame need not be sent any more. */
  settle(frame: WaitingFrame): void {
    frame.segment.waiting.delete(frame.id);
    this.done.add(frame.id);
  }

  /** Durable: everything that has been changed before. */
  persist(): Promise<void> {
    const written = this.persisting.catch(() => {}).then(() => this.positions.write(this.position()));
    this.persisting = written;
    return written;
  }

  /** Takes segments off the disk of which nothing waits nor is held, after the position that says so. */
  async removeEmpty(): Promise<void> {
    for (const segment of this.heldSegments.filter((one) => !this.held.isIn(one))) {
      this.segments.splice(this.segments.indexOf(segment), 1);
      this.empty.add(segment);
    }
    if (this.empty.size === 0) return;
    await this.persist();
    for (const segment of this.empty) {
      await this.disk.remove(segment.name).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
      this.empty.delete(segment);
    }
    await this.disk.syncNames();
  }

  async close(): Promise<void> {
    await this.persist().catch(() => {});
    await this.active?.close();
    await this.positions.close();
  }

  private firstOf(frames: WaitingFrame[]): WaitingFrame | null {
    while (frames[0] && !frames[0].segment.waiting.has(frames[0].id)) frames.shift();
    return frames.find((frame) => frame.isSealed && !frame.isDropped && frame.segment.waiting.has(frame.id)) ?? null;
  }

  private position(): Position {
    const doneBelow = [...this.segments, ...this.empty].reduce((least, { firstId }) => Math.min(least, firstId), this.confirmed + 1);
    const done = new IdSet(this.done.spans);
    done.cutBelow(doneBelow);
    const voided = new IdSet(this.voided.spans);
    voided.cutBelow(doneBelow);
    const { agentId, epoch, sequence, bound, confirmed, sealedThrough, waitingSince } = this;
    return { generation: ++this.generation, agentId, epoch, sequence, bound, confirmed, sealedThrough, waitingSince, doneBelow, done: done.spans, voided: voided.spans };
  }
}
