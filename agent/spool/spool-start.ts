import type { WireSeal } from '../../shared/wire/wire-seal.ts';
import type { SpoolDisk } from './spool-disk.ts';
import type { Position } from './spool-position.ts';
import type { LostTime, SpoolContents } from './spool-recovery.ts';
import { unknownLoss } from './window-loss.ts';

/** Of losses of which nothing is known but the time; earlier windows are left out. */
const MAX_UNKNOWN_WINDOWS = 10_000;

export interface SealedWindow {
  /** Unix seconds. */
  readonly start: number;
  readonly packetsSeen: Readonly<Record<string, number>>;
}

export function newPosition(agentId: string, epoch: number, nextId: number): Position {
  return {
    generation: 0, agentId, epoch, sequence: 0, bound: null, confirmed: nextId - 1, sealedThrough: null, waitingSince: null, doneBelow: nextId, done: [], voided: [],
  };
}

/** Of each window what its seals say together; of the latest that was sealed at least that it was. */
export function sealedWindows({ sealed, position }: SpoolContents): SealedWindow[] {
  const windows = new Map<number, Record<string, number>>();
  for (const { start, seals } of sealed) {
    const packetsSeen = windows.get(start) ?? {};
    for (const seal of seals) packetsSeen[seal.eniId] = (packetsSeen[seal.eniId] ?? 0) + seal.packetsSeen;
    windows.set(start, packetsSeen);
  }
  const latest = position?.sealedThrough;
  if (latest && !windows.has(latest.start)) windows.set(latest.start, {});
  return [...windows].map(([start, packetsSeen]) => ({ start, packetsSeen })).sort((a, b) => a.start - b.start);
}

/** Its bytes, after the room that nothing was written to is given back. */
export async function shortened(disk: SpoolDisk, name: string, bytes: number, usedBytes: number): Promise<number> {
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
