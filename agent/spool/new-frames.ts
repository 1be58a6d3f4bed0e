import { randomInt } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import { encodeColumns } from '../../shared/wire/encode-columnar.ts';
import type { DueLoss } from './due-loss.ts';
import { encodeFrame, type EncodedFrame, type FrameHeader } from './spool-frame.ts';
import type { SpoolState } from './spool-state.ts';
import type { SpoolEvents } from './spool-writer.ts';

const gzip = promisify(gzipCallback);

/** A loss is stated by one frame, and a batch takes no more seals: older windows are forgotten. */
const MAX_LOST_WINDOWS = 100_000;
const GZIP_LEVEL = 1;

/** A frame with its number, not written yet. */
export interface NewFrame {
  readonly header: FrameHeader;
  readonly bodyLength: number;
  readonly encoded: EncodedFrame;
}

/** Makes the frames of this process: under its own salt, each with the next number. */
export class NewFrames {
  readonly salt = randomInt(1, 0x1_0000_0000);
  private readonly state: SpoolState;
  private readonly events: Pick<SpoolEvents, 'forgotten'>;

  constructor(state: SpoolState, events: Pick<SpoolEvents, 'forgotten'>) {
    this.state = state;
    this.events = events;
  }

  async ofBatch(header: Omit<FrameHeader, 'id' | 'agentId'>, body: Buffer): Promise<NewFrame> {
    const whole: FrameHeader = { id: this.state.nextId++, agentId: this.state.agentId, ...header };
    return { header: whole, bodyLength: body.length, encoded: await encodeFrame(whole, body, this.salt) };
  }

  async ofLoss(due: DueLoss): Promise<NewFrame> {
    let { seals } = due.loss;
    if (seals.length > MAX_LOST_WINDOWS) {
      this.events.forgotten(seals.length - MAX_LOST_WINDOWS, 'more losses than one batch can state');
      seals = seals.toSorted((a, b) => b.windowStart - a.windowStart).slice(0, MAX_LOST_WINDOWS);
    }
    const body = await gzip(encodeColumns([], seals), { level: GZIP_LEVEL });
    return this.ofBatch({ window: null, rows: 0, packets: 0, ifLost: [], seals }, body);
  }
}

export function bytesOf(frames: readonly NewFrame[]): number {
  return frames.reduce((sum, { encoded }) => sum + encoded.bytes.length, 0);
}
