import { setTimeout as sleep } from 'node:timers/promises';
import type { WireSeal } from '../../shared/wire/wire-seal.ts';
import type { BatchContents } from '../ship/batch-packer.ts';
import { DueLoss } from './due-loss.ts';
import type { IdSet } from './id-set.ts';
import { NewFrames, bytesOf, type NewFrame } from './new-frames.ts';
import { BLOCK_BYTES, paddedBytes, type FrameWindow } from './spool-frame.ts';
import { SpoolFull, SpoolRoom } from './spool-room.ts';
import { SpoolSegment, placeOf, type WaitingFrame } from './spool-segment.ts';
import type { SpoolState } from './spool-state.ts';
import { sumOf, type LossSum } from './window-loss.ts';

/** What a frame's header takes, about: enough to see what goes together into one write. */
const HEADER_ROOM_BYTES = 1024;
/** Batches that wait in memory for a disk that refuses. */
const QUEUE_BYTES = 32 * 1024 * 1024;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 10_000;

export interface SpoolEvents {
  lost(sum: LossSum, reason: string): void;
  /** Windows whose losses are not even stated any more. */
  forgotten(windows: number, reason: string): void;
  /** The disk refuses; said again with each attempt. */
  trouble(error: Error, retryMs: number): void;
  /** It takes batches again. */
  recovered(): void;
  written(): void;
}

interface QueuedBatch {
  readonly gzipped: Buffer;
  readonly contents: BatchContents;
  readonly resolve: () => void;
}

/**
 * Puts batches on the disk, one group after the other.
 *
 * I1. A batch is in a durable frame, or its loss is stated by one, before its `append` resolves.
 * I2. All segments together stay within the limit; where a new one does not fit the oldest go, and a frame in the new
 *     one states what they held. The position that confirms it says in the same write that theirs are done, and only
 *     then are they removed. A segment stays that holds the batch which is being sent, or rows of a window whose seals
 *     have not come.
 * I3. What is only held for the collector goes before any of that, and counts as no loss.
 * I4. Losses of a window are stated when it is sealed, not before: a process that dies until then makes its rows anew.
 */
export class SpoolWriter {
  private readonly state: SpoolState;
  private readonly segmentBytes: number;
  private readonly events: SpoolEvents;
  private readonly newFrames: NewFrames;
  private readonly room: SpoolRoom;
  private readonly queue: QueuedBatch[] = [];
  private queueBytes = 0;
  private due = new DueLoss();
  /** By window: losses of windows that are not sealed yet. */
  private readonly unsealedLoss = new Map<string, DueLoss>();
  /** By window: rows that wait for its seals. */
  private readonly unsealed = new Map<string, WaitingFrame[]>();
  private writing: Promise<void> | null = null;
  private isTroubled = false;
  private isPositionBehind = false;
  private readonly ending = new AbortController();

  constructor(state: SpoolState, limitBytes: number, segmentBytes: number, events: SpoolEvents) {
    this.state = state;
    this.segmentBytes = segmentBytes;
    this.events = events;
    this.newFrames = new NewFrames(state, events);
    this.room = new SpoolRoom(state, limitBytes, segmentBytes, this.newFrames, events);
  }

  append(gzipped: Buffer, contents: BatchContents): Promise<void> {
    return new Promise((resolve) => {
      this.queue.push({ gzipped, contents, resolve });
      this.queueBytes += gzipped.length;
      while (this.queueBytes > QUEUE_BYTES && this.queue.length > 1) this.loseFirst('the disk does not take batches, and no more can wait in memory');
      this.kick();
    });
  }

  /** Resolves when a durable frame states it; then `frames` are done. */
  stateLoss(seals: readonly WireSeal[], frames: IdSet): Promise<void> {
    return new Promise((resolve) => {
      this.due.add(seals, frames);
      this.due.stated.push(resolve);
      this.kick();
    });
  }

  /** The position has to be written before anything else. */
  mustPersist(error: Error): void {
    this.isPositionBehind = true;
    this.isTroubled = true;
    this.events.trouble(error, 0);
  }

  /** One more attempt for what is left; then what still waits for the disk is lost. */
  async close(): Promise<void> {
    this.ending.abort();
    await this.writing;
    if (this.queue.length > 0) await this.writeAll();
    const left = this.queue.flatMap(({ contents }) => [...contents.ifLost, ...contents.seals]);
    if (left.length > 0) this.events.lost(sumOf(left), 'the agent stops while the disk does not take batches');
  }

  private kick(): void {
    this.writing ??= this.writeAll().finally(() => (this.writing = null));
  }

  private async writeAll(): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; this.queue.length > 0 || !this.due.isEmpty; ) {
      const group = this.takeGroup();
      const due = this.due;
      this.due = new DueLoss();
      try {
        await this.writeGroup(group, due);
        if (this.isTroubled) this.events.recovered();
        this.isTroubled = false;
        retryMs = FIRST_RETRY_MS;
        for (const { resolve } of group) resolve();
        for (const resolve of due.stated) resolve();
        this.events.written();
      } catch (error) {
        due.take(this.due);
        this.due = due;
        this.queue.unshift(...group);
        this.queueBytes += group.reduce((sum, { gzipped }) => sum + gzipped.length, 0);
        if (error instanceof SpoolFull && group.length > 0) {
          this.loseFirst(error.message);
          continue;
        }
        this.isTroubled = true;
        this.events.trouble(error as Error, retryMs);
        if (this.ending.signal.aborted) return;
        await sleep(retryMs, undefined, { signal: this.ending.signal }).catch(() => {});
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
    }
  }

  /** What fits into the active segment, or else into a new one; one batch at the least. */
  private takeGroup(): QueuedBatch[] {
    const bytesAt = (index: number): number => paddedBytes(this.queue[index]!.gzipped.length + HEADER_ROOM_BYTES);
    const room = this.state.active?.room ?? 0;
    const most = this.queue.length > 0 && bytesAt(0) <= room ? room : this.segmentBytes - BLOCK_BYTES;
    let count = 0;
    for (let bytes = 0; count < this.queue.length; count++) {
      bytes += bytesAt(count);
      if (count > 0 && bytes > most) break;
    }
    const group = this.queue.splice(0, count);
    for (const { gzipped } of group) this.queueBytes -= gzipped.length;
    return group;
  }

  private loseFirst(reason: string): void {
    const { gzipped, contents, resolve } = this.queue.shift()!;
    this.queueBytes -= gzipped.length;
    this.events.lost(sumOf([...contents.ifLost, ...contents.seals]), reason);
    const window = { start: contents.windowStart, seconds: contents.windowSeconds };
    const key = windowKey(window);
    if (contents.seals.length === 0) {
      const loss = this.unsealedLoss.get(key) ?? new DueLoss();
      loss.add(contents.ifLost);
      this.unsealedLoss.set(key, loss);
      resolve();
      return;
    }
    this.due.add([...contents.ifLost, ...contents.seals]);
    this.due.stated.push(resolve);
    this.due.sealed.push(window);
    this.sealLoss(key, this.due);
  }

  private sealLoss(key: string, due: DueLoss): void {
    const loss = this.unsealedLoss.get(key);
    if (loss) due.take(loss);
    this.unsealedLoss.delete(key);
  }

  private async writeGroup(group: readonly QueuedBatch[], due: DueLoss): Promise<void> {
    const { state } = this;
    for (const { contents: { windowStart: start, windowSeconds: seconds, seals } } of group) {
      if (seals.length > 0) this.sealLoss(windowKey({ start, seconds }), due);
    }
    const firstId = state.nextId;
    const frames: NewFrame[] = [];
    let victims: SpoolSegment[] = [];
    let tell = (): void => {};
    try {
      if (this.isPositionBehind) await state.persist();
      this.isPositionBehind = false;
      for (const { gzipped, contents } of group) {
        const { windowStart: start, windowSeconds: seconds, rows, packets, ifLost, seals } = contents;
        frames.push(await this.newFrames.ofBatch({ window: { start, seconds }, rows, packets, ifLost, seals }, gzipped));
      }
      if (!due.isEmpty) frames.push(await this.newFrames.ofLoss(due));
      if ((state.active?.room ?? 0) < bytesOf(frames)) {
        await this.room.letGoFor(bytesOf(frames));
        victims = this.room.chooseVictims(bytesOf(frames));
        if (victims.length > 0) {
          const restated = await this.room.restate(victims, due);
          frames.splice(group.length, 1, restated.frame);
          tell = restated.tell;
        }
      }
      const segment = (state.active?.room ?? 0) < bytesOf(frames) ? await this.newSegment(frames) : state.active!;
      const offset = await segment.append(Buffer.concat(frames.map(({ encoded }) => encoded.bytes)));
      // a statement that was made anew before anything was written has left its number behind
      for (let id = firstId; id < state.nextId; id++) if (!frames.some(({ header }) => header.id === id)) state.voided.add(id);
      this.register(frames, segment, offset, victims);
    } catch (error) {
      for (const victim of victims) for (const frame of victim.waiting.values()) frame.isDropped = false;
      // what of it is on the disk all the same stands for nothing
      if (state.nextId > firstId) state.voided.add(firstId, state.nextId - 1);
      throw error;
    }
    tell();
    for (const [first, last] of due.frames.spans) state.done.add(first, last);
    for (const window of due.sealed) this.seal(window, state.confirmed);
    await this.confirm();
  }

  private async newSegment(frames: readonly NewFrame[]): Promise<SpoolSegment> {
    const { state } = this;
    const room = Math.max(this.segmentBytes, BLOCK_BYTES + bytesOf(frames));
    const segment = await SpoolSegment.create(state.disk, Math.min(...frames.map(({ header }) => header.id)), room, this.newFrames.salt);
    await state.active?.close();
    state.active = segment;
    state.segments.push(segment);
    return segment;
  }

  /** The frames are durable: from here on they count. */
  private register(frames: readonly NewFrame[], segment: SpoolSegment, offset: number, victims: readonly SpoolSegment[]): void {
    const { state } = this;
    for (const victim of victims) {
      for (const frame of victim.waiting.values()) state.settle(frame);
      state.held.forget(victim);
    }
    for (const { header, encoded, bodyLength } of frames) {
      const isSealed = header.window === null || header.seals.length > 0;
      const frame = segment.waitFor(header, placeOf(encoded, offset, bodyLength), performance.now(), isSealed);
      offset += encoded.bytes.length;
      if (header.window) this.follow(frame, header.window);
      state.enqueue(frame);
      state.confirmed = Math.max(state.confirmed, header.id);
    }
  }

  private follow(frame: WaitingFrame, window: FrameWindow): void {
    const key = windowKey(window);
    if (frame.isSealed) this.seal(window, frame.id);
    else this.unsealed.set(key, [...(this.unsealed.get(key) ?? []), frame]);
  }

  /** The window's seals, or their loss, are durable. */
  private seal(window: FrameWindow, frame: number): void {
    const key = windowKey(window);
    for (const frame of this.unsealed.get(key) ?? []) frame.isSealed = true;
    this.unsealed.delete(key);
    const { sealedThrough } = this.state;
    const latest = sealedThrough !== null && sealedThrough.start > window.start ? sealedThrough : window;
    this.state.sealedThrough = { start: latest.start, seconds: latest.seconds, frame };
  }

  /** Nobody is told before the position knows of the frames: what is confirmed and missing later is known to be lost. */
  private async confirm(): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)) {
      try {
        await this.state.persist();
        await this.state.removeEmpty();
        return;
      } catch (error) {
        this.isTroubled = true;
        this.events.trouble(error as Error, retryMs);
        if (this.ending.signal.aborted) return;
        await sleep(retryMs, undefined, { signal: this.ending.signal }).catch(() => {});
      }
    }
  }
}

function windowKey({ start, seconds }: FrameWindow): string {
  return `${start} ${seconds}`;
}
