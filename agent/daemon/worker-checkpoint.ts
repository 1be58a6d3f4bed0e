import { readFileSync } from 'node:fs';
import { NO_COUNTERS, type LinkCounters } from '../capture/live/network-link.ts';
import { CheckpointFile, readCheckpoints } from '../checkpoint/checkpoint-file.ts';
import type { SavedPipeline } from '../checkpoint/saved-state.ts';
import type { Pipeline } from '../pipeline.ts';
import type { SealedWindow } from './state-directory.ts';
import type { CheckpointSettings } from './worker-messages.ts';

/** How far into an interface's packets a worker's state reaches. */
export interface SavedTap {
  readonly ifindex: number;
  readonly name: string;
  /** The interface's counter when the source was open; null in the workers that join another one's fan-out group. */
  readonly countedAtOpen: number | null;
  /** Packets since then that are in the state, drops included. */
  readonly packetsSince: number;
}

/** Moves on when what a checkpoint holds has another form; one of another form cannot be taken up. */
const FORM = 3;

export interface SavedWorker {
  readonly form: typeof FORM;
  readonly bootId: string;
  /** Number of the last window that was handed on by then: the state holds nothing of it, nor of any before. */
  readonly handedOn: number;
  readonly pipeline: SavedPipeline;
  readonly taps: readonly SavedTap[];
}

/**
 * A worker's state on disk.
 *
 * I1. While rows or seals are on their way to the output no checkpoint is written: one that no longer held them could
 *     be all that is left. Rows that go out before their window's seals are on their way until these are there: the
 *     output forgets them if the process dies until then, and the checkpoint still has them.
 */
export class WorkerCheckpoint {
  private readonly settings: CheckpointSettings;
  private readonly file: CheckpointFile<SavedWorker>;
  private readonly onTheirWay = new Set<number>();
  private lastHandedOn: number;

  constructor(settings: CheckpointSettings) {
    this.settings = settings;
    this.lastHandedOn = settings.handedOn;
    this.file = new CheckpointFile(settings.path);
  }

  /** Takes up what the process before this one has left. */
  restore(pipeline: Pipeline, nowUs: number): void {
    const saved = readWorker(this.settings.path);
    const since = sealedSince(this.settings.sealed, saved.at(-1)?.handedOn ?? 0);
    const sealedThrough = since.length === 0 ? null : Math.max(...since.map(({ start }) => start));
    pipeline.restore(saved.map((worker) => worker.pipeline), sealedThrough, nowUs);
  }

  /** Rows or seals of the window; its seals come last. */
  sent(windowStart: number): void {
    this.onTheirWay.add(windowStart);
  }

  handedOn(windowStart: number, number: number): void {
    this.onTheirWay.delete(windowStart);
    this.lastHandedOn = number;
  }

  write(pipeline: Pipeline, taps: readonly SavedTap[]): void {
    if (this.onTheirWay.size > 0) return;
    const isWhole = this.file.wantsWhole;
    this.file.write(this.saved(pipeline, taps, isWhole), isWhole);
  }

  /** At an orderly stop, when what the closing windows gave was handed on: connections go on after the next start. */
  writeLast(pipeline: Pipeline, taps: readonly SavedTap[]): void {
    if (this.onTheirWay.size > 0) return;
    this.file.write(this.saved(pipeline, taps, true), true);
    this.file.close();
  }

  private saved(pipeline: Pipeline, taps: readonly SavedTap[], isWhole: boolean): SavedWorker {
    return { form: FORM, bootId: bootId(), handedOn: this.lastHandedOn, pipeline: pipeline.checkpoint(isWhole), taps };
  }
}

/** How far into an interface's packets what is on disk reaches. */
export interface ReachedCounters extends LinkCounters {
  readonly name: string;
}

/** What all workers have left; null where one of them has left nothing. */
export function lastCheckpoints(paths: readonly string[]): SavedWorker[] | null {
  const last = paths.map((path) => readWorker(path).at(-1)).filter((worker) => worker !== undefined);
  return last.length === 0 || last.length < paths.length ? null : last;
}

/** No window that is handed on from now on may have a number as small as this. */
export function leastNumber(last: readonly SavedWorker[] | null): number {
  return Math.max(0, ...(last ?? []).map(({ handedOn }) => handedOn));
}

/**
 * By interface index, the counters up to which packets are in the states of all workers, or in a window that was sealed
 * after these were written. Interfaces of another boot are left out: their counters began anew.
 */
export function reachedCounters(
  last: readonly SavedWorker[] | null, sealed: readonly SealedWindow[], enisOf: (interfaceName: string) => readonly string[],
): Map<number, ReachedCounters> {
  const reached = new Map<number, ReachedCounters>();
  if (last === null || last.some((worker) => worker.bootId !== bootId())) return reached;
  // what only some workers knew to be handed on is rather stated once more than not at all
  const sealedSinceAll = sealedSince(sealed, leastNumber(last));
  for (const { ifindex, name, countedAtOpen } of last[0]!.taps) {
    if (countedAtOpen === null) continue;
    let packets = countedAtOpen;
    for (const { taps, pipeline, handedOn } of last) {
      packets += taps.find((tap) => tap.ifindex === ifindex)?.packetsSince ?? 0;
      packets -= packetsIn(pipeline, sealedSince(sealed, handedOn), enisOf(name));
    }
    for (const { packetsSeen } of sealedSinceAll) {
      for (const eniId of enisOf(name)) packets += packetsSeen[eniId] ?? 0;
    }
    reached.set(ifindex, { ...NO_COUNTERS, name, rxPackets: packets });
  }
  return reached;
}

function sealedSince(sealed: readonly SealedWindow[], handedOn: number): SealedWindow[] {
  return sealed.filter(({ number }) => number > handedOn);
}

/** Packets of these ENIs that the state has in windows which have been sealed since. */
function packetsIn({ eniIds, windows }: SavedPipeline, sealed: readonly SealedWindow[], enis: readonly string[]): number {
  const starts = new Set(sealed.map(({ start }) => start * 1e6));
  let packets = 0;
  for (const { startUs, counters } of windows.open) {
    if (!starts.has(startUs)) continue;
    eniIds.forEach((eniId, index) => {
      if (enis.includes(eniId)) packets += counters['packetsSeen']![index] ?? 0;
    });
  }
  return packets;
}

function readWorker(path: string): SavedWorker[] {
  return readCheckpoints<SavedWorker>(path).filter(({ form }) => form === FORM);
}

let knownBootId: string | null = null;

/** random(4); empty where the system has none. */
function bootId(): string {
  if (knownBootId !== null) return knownBootId;
  try {
    knownBootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    knownBootId = '';
  }
  return knownBootId;
}
