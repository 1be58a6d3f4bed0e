import type { WireSeal } from '../../shared/wire/wire-seal.ts';
import type { BatchContents } from '../ship/batch-packer.ts';
import { IdSet } from './id-set.ts';
import { Quarantine } from './quarantine.ts';
import type { SpoolDisk } from './spool-disk.ts';
import type { BatchPart, BoundBatch } from './spool-position.ts';
import { readSpool, type LostTime, type SpoolContents } from './spool-recovery.ts';
import type { WaitingFrame } from './spool-segment.ts';
import { newPosition, sealedFrames, takeSegments, unknownWindows, type SealedFrame } from './spool-start.ts';
import { SpoolState } from './spool-state.ts';
import { SpoolWriter, type SpoolEvents } from './spool-writer.ts';
import { unknownLoss } from './window-loss.ts';

const LARGEST_SEGMENT_BYTES = 8 * 1024 * 1024;
const SMALLEST_SEGMENT_BYTES = 64 * 1024;
const SEGMENTS_A_SPOOL = 32;
/** Of a batch that the disk does not give: then it is taken for lost. */
const READ_ATTEMPTS = 4;
/** Part of the room that may be taken by what is only held for the collector. */
const HELD_SHARE = 1 / 4;

export interface SpoolOptions {
  readonly disk: SpoolDisk;
  /** Of all segments together. */
  readonly limitBytes: number;
  readonly agentId: string;
  /** Where a new epoch begins, at the least: larger than any that this agent has had. */
  readonly nextEpoch: () => number;
  readonly events: SpoolEvents & {
    /** What was found at the start. */
    found(text: string): void;
  };
}

/** A batch, or a part of one, under the number that it has once and for all. */
export interface BoundFrame {
  readonly frame: WaitingFrame;
  readonly epoch: number;
  readonly sequence: number;
  /** null: all of it. */
  readonly part: BatchPart | null;
  readonly isBacklog: boolean;
}

/**
 * The batches that the collector has not acknowledged, on disk.
 *
 * I1. A batch gets its sequence number when it is about to be sent, and nothing is sent before the pair is durable. The
 *     next number is given only after that one was acknowledged. So a batch that comes again after a crash comes under
 *     the same number, and live batches can go before older ones without a gap in the numbers.
 * I2. A batch that was sent as a whole is held, under its number, until the collector has published it, room permitting.
 *     Who holds it may send it again: the collector takes a number once.
 * I3. Where it is not certain that the batch of the last number can be sent again, a new epoch begins. One that can be
 *     gets a number of a new epoch only when the collector has said that it will never take the first one any more.
 */
export class Spool {
  /** Windows that were sealed before this start: those whose seals are still here, and the latest. */
  readonly sealed: readonly SealedFrame[];
  /** Number of the first frame that is not from before this start. */
  readonly nextFrame: number;
  private readonly state: SpoolState;
  private readonly writer: SpoolWriter;
  private readonly quarantine: Quarantine;
  private readonly options: SpoolOptions;
  /** Losses found at the start that wait for seals that say which ENIs there are. */
  private lostTimes: { readonly times: readonly LostTime[]; readonly ids: IdSet } | null = null;
  private isBoundDurable = true;
  /** An earlier process may have sent it, so that nobody knows whether the collector has it. */
  private isBoundDoubtful = false;
  private closedEpoch = 0;
  private readFailures = 0;
  private wake: () => void = () => {};

  private constructor(options: SpoolOptions, state: SpoolState, quarantine: Quarantine, sealed: readonly SealedFrame[]) {
    this.options = options;
    this.state = state;
    this.quarantine = quarantine;
    this.sealed = sealed;
    this.nextFrame = state.nextId;
    const segmentBytes = Math.min(Math.max(Math.floor(options.limitBytes / SEGMENTS_A_SPOOL / 4096) * 4096, SMALLEST_SEGMENT_BYTES), LARGEST_SEGMENT_BYTES);
    const events: SpoolEvents = {
      lost: (sum, reason) => options.events.lost(sum, reason),
      forgotten: (windows, reason) => options.events.forgotten(windows, reason),
      trouble: (error, retryMs) => options.events.trouble(error, retryMs),
      recovered: () => options.events.recovered(),
      written: () => this.wake(),
    };
    this.writer = new SpoolWriter(state, options.limitBytes, segmentBytes, events);
  }

  /** Takes up what the process before this one has left. Rejects only where the folder cannot be read or written at all. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { disk, agentId, events } = options;
    const quarantine = new Quarantine(disk);
    await quarantine.open().catch((error: Error) => events.found(`the quarantine cannot be used: ${error.message}`));
    let contents = await readSpool(disk);
    if (contents.position && contents.position.agentId !== agentId) {
      events.found(`batches of agent ${contents.position.agentId} are set aside: this one is ${agentId}, and none but its own are taken from it`);
      for (const { name } of contents.segments) await quarantine.adopt(name);
      contents = { ...(await readSpool(disk)), position: null, nextId: contents.nextId };
    }
    const position = contents.position ?? newPosition(agentId, options.nextEpoch(), contents.nextId);
    const state = new SpoolState(disk, position, contents.done, contents.nextId);
    const spool = new Spool(options, state, quarantine, sealedFrames(contents));
    await spool.takeUp(contents);
    return spool;
  }

  get waitingBatches(): number {
    return this.state.waitingBatches;
  }

  get waitingBytes(): number {
    return this.state.waitingBytes;
  }

  /** Of its files on the disk. */
  get bytes(): number {
    return this.state.bytes;
  }

  /** Unix seconds of the oldest window that is not with the collector yet; null if none waits. */
  get oldestWindowStart(): number | null {
    return this.state.waitingSince;
  }

  get agentId(): string {
    return this.state.agentId;
  }

  /** Batches that the collector has, and may ask for again. */
  get heldBatches(): number {
    return this.state.held.size;
  }

  get hasBacklog(): boolean {
    return this.state.hasBacklog;
  }

  /** Resolves when the batch is durable, or the statement that it is lost. */
  append(gzipped: Buffer, contents: BatchContents): Promise<void> {
    if (this.lostTimes !== null && contents.seals.length > 0) this.stateLostTimes(contents.seals);
    return this.writer.append(gzipped, contents);
  }

  /** Resolves when something may be there to be sent. */
  appended(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  /** As if something had been appended. */
  nudge(): void {
    this.wake();
  }

  /** What is to be sent now, durably bound to its number; null: nothing. Rejects where the disk does not take it. */
  async next(takesBacklog: boolean): Promise<BoundFrame | null> {
    const { state } = this;
    if (state.bound === null) {
      const chosen = state.choose(performance.now(), takesBacklog);
      if (chosen === null) {
        if (!state.hasBacklog) await this.makeBoundDurable();
        return null;
      }
      this.rebind({ id: chosen.id, parts: null, refusals: 0, lost: [] });
      this.isBoundDoubtful = false;
    }
    await this.makeBoundDurable();
    const { id, parts } = state.bound!;
    const frame = state.waitingFrame(id)!;
    return { frame, epoch: state.epoch, sequence: state.sequence + 1, part: parts?.[0] ?? null, isBacklog: state.isBacklog(frame) };
  }

  get refusals(): number {
    return this.state.bound?.refusals ?? 0;
  }

  /** null where it is damaged: then it is lost, and has been stated so. */
  async readBody(frame: WaitingFrame): Promise<Buffer | null> {
    const body = await frame.segment.readBody(frame).catch((error: NodeJS.ErrnoException) => {
      if (++this.readFailures < READ_ATTEMPTS || (error.code !== 'EIO' && error.code !== 'ENOENT')) throw error;
      return null;
    });
    this.readFailures = 0;
    if (body !== null) return body;
    const stated = await frame.segment.readSeals(frame).catch(() => []);
    const seals = this.isBoundDoubtful ? stated.map(unknownLoss) : stated;
    this.options.events.found(`batch ${frame.id} is damaged: ${frame.rows} records with ${frame.packets} packets`);
    await this.writer.stateLoss(seals, new IdSet([[frame.id, frame.id]]));
    frame.segment.waiting.delete(frame.id);
    this.beginEpoch(0);
    this.rebind(null);
    return null;
  }

  /** The collector has what `next` gave. */
  async acknowledged(): Promise<void> {
    const { state } = this;
    state.sequence++;
    const { id, parts } = state.bound!;
    if (parts === null) state.held.add(state.epoch, state.sequence, state.waitingFrame(id)!);
    await this.goOn(parts === null ? [] : parts.slice(1));
  }

  /** A batch that is held, to be sent again; null: it is not, or not any more. */
  async readHeld(epoch: number, sequence: number): Promise<Buffer | null> {
    const frame = this.state.held.get(epoch, sequence);
    return frame && frame.segment.readBody(frame).catch(() => null);
  }

  /** Up to which number of each epoch the collector has published; of others it has nothing. */
  async published(through: ReadonlyMap<number, number>): Promise<void> {
    this.state.held.published(through);
    await this.state.removeEmpty().catch((error: Error) => this.options.events.trouble(error, 0));
  }

  /** The collector will not have the part that `next` gave: these are sent instead. */
  split(parts: readonly BatchPart[]): void {
    const { bound } = this.state;
    this.rebind({ ...bound!, parts: [...parts, ...(bound!.parts ?? []).slice(1)], refusals: bound!.refusals + 1 });
  }

  /** Nor will it be sent any more: it lies in the quarantine under the name that comes back, and `lost` states it. */
  async setAside(name: string, bytes: Uint8Array, lost: readonly WireSeal[]): Promise<string | null> {
    const { bound } = this.state;
    const kept = await this.quarantine.put(name, bytes).catch(() => null);
    this.rebind({ ...bound!, refusals: bound!.refusals + 1, lost: [...bound!.lost, ...lost] });
    await this.goOn((bound!.parts ?? []).slice(1));
    return kept;
  }

  /**
   * The collector does not take our number: `newest` is the epoch that has closed ours; 0: it expects another number.
   * Then it has lost what it knew, and copies of this batch and of those before it may still come to it and be taken.
   * So a newer epoch has to close ours first: the one that is given, by an empty batch. null: another one has begun.
   */
  renumber(newest: number): number | null {
    if (newest === 0 && this.closedEpoch !== this.state.epoch) return this.laterEpoch(0);
    this.beginEpoch(newest);
    return null;
  }

  /** The collector has the batch that closes our epoch. One of an earlier build closes nothing, and is not asked again. */
  epochClosed(): void {
    this.closedEpoch = this.state.epoch;
  }

  /** What is not on the disk by then is lost, and said to be. */
  async close(): Promise<void> {
    await this.writer.close();
    await this.state.close();
  }

  private laterEpoch(newest: number): number {
    return Math.max(this.options.nextEpoch(), this.state.epoch + 1, newest + 1);
  }

  private beginEpoch(newest: number): void {
    const { state } = this;
    state.epoch = this.laterEpoch(newest);
    state.sequence = 0;
    this.isBoundDurable = false;
  }

  private async goOn(parts: readonly BatchPart[]): Promise<void> {
    const { state } = this;
    const bound = state.bound!;
    const frame = state.waitingFrame(bound.id)!;
    this.rebind({ ...bound, parts });
    if (parts.length > 0) return;
    // bound until its losses are stated: else a crash would send the parts again that were taken
    if (bound.lost.length > 0) await this.writer.stateLoss(bound.lost, new IdSet([[bound.id, bound.id]]));
    state.settle(frame);
    state.letGo(this.options.limitBytes * HELD_SHARE);
    this.rebind(null);
    if (frame.segment.waiting.size === 0) await state.removeEmpty();
  }

  private async makeBoundDurable(): Promise<void> {
    if (this.isBoundDurable) return;
    await this.state.persist();
    this.isBoundDurable = true;
  }

  private rebind(bound: BoundBatch | null): void {
    this.state.bound = bound;
    this.isBoundDurable = false;
  }

  private async takeUp(contents: SpoolContents): Promise<void> {
    const { state, options: { events } } = this;
    await takeSegments(contents, state, this.quarantine, (text) => events.found(text));
    if (state.bound && state.waitingFrame(state.bound.id) === null) {
      state.bound = null;
      this.beginEpoch(0);
    }
    this.isBoundDoubtful = state.bound !== null;
    const isLossFound = contents.lostIds.spans.length > 0;
    // without a position: a new one would say that what is found here was never sent, so the loss has to be durable first
    if (contents.position !== null || !isLossFound) await state.persist().catch((error: Error) => this.writer.mustPersist(error));
    this.stateFound(contents);
    if (!isLossFound) await state.removeEmpty().catch((error: Error) => events.trouble(error, 0));
  }

  private stateFound({ position, lost, lostIds, missingIds, lostTimes }: SpoolContents): void {
    const count = [...lostIds.spans, ...missingIds.spans].reduce((sum, [first, last]) => sum + last - first + 1, 0);
    if (count > 0) {
      this.options.events.found(position === null
        ? `nobody knows which of ${count} batches in the spool were sent; their windows will say so`
        : `${count} batches that were in the spool cannot be read; their windows will say so`);
    }
    if (missingIds.spans.length > 0) this.lostTimes = { times: lostTimes, ids: missingIds };
    if (lostIds.spans.length > 0) void this.writer.stateLoss(lost.seals, lostIds);
  }

  /** Of each ENI that these seals name. */
  private stateLostTimes(seals: readonly WireSeal[]): void {
    const { times, ids } = this.lostTimes!;
    this.lostTimes = null;
    void this.writer.stateLoss(unknownWindows(times, seals), ids);
  }
}
