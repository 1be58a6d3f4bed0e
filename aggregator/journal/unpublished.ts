import type { JournalFrame } from './batch-frame.ts';

/** About what a frame takes with nothing in it, a seal, a reason in it, and the rows of an ENI in a window. */
const FRAME_BYTES = 1024;
const SEAL_BYTES = 1024;
const REASON_BYTES = 320;
const ENI_BYTES = 384;

/** Frames that the publisher still needs, and about how much memory what is known of them takes: their rows lie on disk. */
export class Unpublished {
  bytes = 0;
  private readonly frames = new Map<number, JournalFrame>();
  private readonly byAgent = new Map<string, number>();
  /** By epoch and agent. */
  private readonly sequences = new Map<string, Set<number>>();

  get size(): number {
    return this.frames.size;
  }

  bytesOf(agent: string): number {
    return this.byAgent.get(agent) ?? 0;
  }

  add(frame: JournalFrame): void {
    this.frames.set(frame.frame, frame);
    this.count(frame, 1);
    const key = keyOf(frame);
    const sequences = this.sequences.get(key);
    if (sequences) sequences.add(frame.sequence);
    else this.sequences.set(key, new Set([frame.sequence]));
  }

  /** The frame of the same number. */
  replace(frame: JournalFrame): void {
    this.count(this.frames.get(frame.frame)!, -1);
    this.frames.set(frame.frame, frame);
    this.count(frame, 1);
  }

  /** Number of the agent's first batch of the epoch that is here; null: none is. */
  first(agent: string, epoch: number): number | null {
    let first: number | null = null;
    for (const sequence of this.sequences.get(keyOf({ agent, epoch })) ?? []) if (first === null || sequence < first) first = sequence;
    return first;
  }

  remove(number: number): JournalFrame | null {
    const frame = this.frames.get(number);
    if (!frame) return null;
    this.frames.delete(number);
    this.count(frame, -1);
    const key = keyOf(frame);
    const sequences = this.sequences.get(key);
    sequences?.delete(frame.sequence);
    if (sequences?.size === 0) this.sequences.delete(key);
    return frame;
  }

  private count(frame: JournalFrame, sign: 1 | -1): void {
    const change = sign * weightOf(frame);
    this.bytes += change;
    const ofAgent = this.bytesOf(frame.agent) + change;
    if (ofAgent > 0) this.byAgent.set(frame.agent, ofAgent);
    else this.byAgent.delete(frame.agent);
  }
}

function keyOf({ agent, epoch }: Pick<JournalFrame, 'agent' | 'epoch'>): string {
  return `${epoch} ${agent}`;
}

function weightOf({ windows, seals, rollCall }: JournalFrame): number {
  const enis = windows.reduce((sum, window) => sum + window.enis.length, rollCall?.expected.length ?? 0);
  const reasons = seals.reduce((sum, { undecodable }) => sum + Object.keys(undecodable).length, 0);
  return FRAME_BYTES + enis * ENI_BYTES + seals.length * SEAL_BYTES + reasons * REASON_BYTES;
}
