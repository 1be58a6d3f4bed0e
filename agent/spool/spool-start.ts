import type { WireSeal } from '../../shared/wire/wire-seal.ts';
import type { Quarantine } from './quarantine.ts';
import type { SpoolDisk } from './spool-disk.ts';
import type { Position } from './spool-position.ts';
import type { LostTime, SpoolContents } from './spool-recovery.ts';
import { SpoolSegment } from './spool-segment.ts';
import type { SpoolState } from './spool-state.ts';
import { unknownLoss } from './window-loss.ts';

/** Of losses of which nothing is known but the time; earlier windows are left out. */
const MAX_UNKNOWN_WINDOWS = 10_000;

/** What the seals in a frame say of their window. */
export interface SealedFrame {
  readonly frame: number;
  /** Unix seconds. */
  readonly start: number;
  readonly packetsSeen: Readonly<Record<string, number>>;
}

/** What waits goes into the state; what is damaged or strange is set aside. */
export async function takeSegments(contents: SpoolContents, state: SpoolState, quarantine: Quarantine, tell: (text: string) => void): Promise<void> {
  for (const { segment, offset, bytes } of contents.damage) {
    const name = await quarantine.put(`${segment}-${offset}`, bytes).catch(() => 'nowhere');
    tell(`${bytes.length} damaged bytes of ${segment} at ${offset} are set aside as ${name}`);
  }
  for (const name of contents.strays) {
    tell(`${name} is none of the spool's, or says what another file says; it is set aside`);
    await quarantine.adopt(name).catch(() => {});
  }
  for (const { name, bytes, usedBytes, firstId, frames } of contents.segments) {
    const segment = new SpoolSegment(state.disk, name, firstId ?? contents.nextId, await shortened(state.disk, name, bytes, usedBytes));
    state.segments.push(segment);
    for (const { header, ...place } of frames) state.enqueue(segment.waitFor(header, place, -Infinity, true));
  }
  for (const [first, last] of contents.unfinishedIds.spans) state.voided.add(first, last);
}

export function newPosition(agentId: string, epoch: number, nextId: number): Position {
  return {
    generation: 0, agentId, epoch, sequence: 0, bound: null, confirmed: nextId - 1, sealedThrough: null, waitingSince: null, doneBelow: nextId, done: [], voided: [],
  };
}

/** Of the latest window that was sealed at least that it was. */
export function sealedFrames({ sealed, position }: SpoolContents): SealedFrame[] {
  const frames = sealed.map(({ frame, start, seals }): SealedFrame => ({ frame, start, packetsSeen: Object.fromEntries(seals.map((seal) => [seal.eniId, seal.packetsSeen])) }));
  const latest = position?.sealedThrough;
  return latest ? [...frames, { frame: latest.frame, start: latest.start, packetsSeen: {} }] : frames;
}

/** Its bytes, after the room that nothing was written to is given back. */
async function shortened(disk: SpoolDisk, name: string, bytes: number, usedBytes: number): Promise<number> {
  if (usedBytes === bytes) return bytes;
  try {
    const file = await disk.open(name, 'update');
    try {
      await file.truncate(usedBytes);
    } finally {
      await file.close();
    }
    return usedBytes;
  } catch {
    return bytes;
  }
}

/** Losses of unknown size at these times, of each ENI that the seals name. */
export function unknownWindows(times: readonly LostTime[], seals: readonly WireSeal[]): WireSeal[] {
  const unknown: WireSeal[] = [];
  for (const { from, to, windowSeconds } of times) {
    for (let windowStart = Math.floor((to - 1) / windowSeconds) * windowSeconds; windowStart >= from && unknown.length < MAX_UNKNOWN_WINDOWS; windowStart -= windowSeconds) {
      for (const seal of seals) unknown.push({ ...unknownLoss(seal), windowStart, windowSeconds });
    }
  }
  return unknown;
}
