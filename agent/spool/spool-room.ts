import type { WireSeal } from '../../shared/wire/wire-seal.ts';
import { DueLoss } from './due-loss.ts';
import type { NewFrame, NewFrames } from './new-frames.ts';
import { BLOCK_BYTES, scanSegment } from './spool-frame.ts';
import type { SpoolSegment } from './spool-segment.ts';
import type { SpoolState } from './spool-state.ts';
import type { SpoolEvents } from './spool-writer.ts';
import { sumOf } from './window-loss.ts';

export class SpoolFull extends Error {}

/** What goes when a segment more does not fit within the limit. */
export class SpoolRoom {
  private readonly state: SpoolState;
  private readonly limitBytes: number;
  private readonly segmentBytes: number;
  private readonly newFrames: NewFrames;
  private readonly events: Pick<SpoolEvents, 'lost' | 'forgotten'>;

  constructor(state: SpoolState, limitBytes: number, segmentBytes: number, newFrames: NewFrames, events: Pick<SpoolEvents, 'lost' | 'forgotten'>) {
    this.state = state;
    this.limitBytes = limitBytes;
    this.segmentBytes = segmentBytes;
    this.newFrames = newFrames;
    this.events = events;
  }

  /** What is only held goes before anything is lost. */
  async letGoFor(bytes: number): Promise<void> {
    const excess = this.excessWith(bytes) + this.segmentBytes;
    if (excess <= 0) return;
    this.state.letGo(Math.max(0, this.state.heldBytes - excess));
    await this.state.removeEmpty();
  }

  chooseVictims(bytes: number): SpoolSegment[] {
    const { state } = this;
    let excess = this.excessWith(bytes);
    const victims: SpoolSegment[] = [];
    // one segment more than needed: what they held has to be stated somewhere
    for (const segment of state.segments) {
      if (excess + this.segmentBytes <= 0) break;
      const isHeld = segment === state.active || [...segment.waiting.values()].some(({ id, isSealed }) => id === state.bound?.id || !isSealed);
      if (isHeld) continue;
      victims.push(segment);
      excess -= segment.bytes;
    }
    if (excess > 0) throw new SpoolFull(`the spool's ${this.limitBytes} bytes are full of what cannot be dropped now`);
    for (const victim of victims) for (const frame of victim.waiting.values()) frame.isDropped = true;
    return victims;
  }

  /** A frame that states what is due, and what the victims hold; `tell`: once that is durable. */
  async restate(victims: readonly SpoolSegment[], due: DueLoss): Promise<{ frame: NewFrame; tell: () => void }> {
    const all = new DueLoss();
    all.add(due.loss.seals);
    const dropped: WireSeal[] = [];
    const lossBytes = this.lossBytes();
    let forgotten = 0;
    for (const victim of victims) {
      const { frames } = scanSegment(await victim.read(0, victim.bytes));
      for (const { header } of frames) {
        const frame = victim.waiting.get(header.id);
        if (!frame) continue;
        // else a spool could come to hold nothing but statements of what it does not hold
        if (frame.isLoss && lossBytes > this.limitBytes / 4) forgotten += header.seals.length;
        else all.loss.add([...header.ifLost, ...header.seals]);
        dropped.push(...header.ifLost);
      }
    }
    return {
      frame: await this.newFrames.ofLoss(all),
      tell: () => {
        if (dropped.length > 0) this.events.lost(sumOf(dropped), `the spool has reached its ${this.limitBytes} bytes`);
        if (forgotten > 0) this.events.forgotten(forgotten, 'statements of losses take a quarter of the spool');
      },
    };
  }

  /** Bytes beyond the limit, with a segment more that takes so many. */
  private excessWith(bytes: number): number {
    return this.state.bytes + Math.max(this.segmentBytes, BLOCK_BYTES + bytes) - this.limitBytes;
  }

  private lossBytes(): number {
    let bytes = 0;
    for (const { waiting } of this.state.segments) for (const { isLoss, bodyLength } of waiting.values()) if (isLoss) bytes += bodyLength;
    return bytes;
  }
}
