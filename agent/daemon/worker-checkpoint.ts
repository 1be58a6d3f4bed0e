import { readFileSync } from 'node:fs';
import { NO_COUNTERS, type LinkCounters } from '../capture/live/network-link.ts';
import { CheckpointFile, readCheckpoints } from '../checkpoint/checkpoint-file.ts';
import type { SavedPipeline } from '../checkpoint/saved-state.ts';
import type { Pipeline } from '../pipeline.ts';
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

interface SavedWorker {
  readonly bootId: string;
  readonly pipeline: SavedPipeline;
  readonly taps: readonly SavedTap[];
}

/**
 * A worker's state on disk.
 *
 * I1. While rows or seals are on their way to the output no checkpoint is written: one that no longer held them could
 *     be all that is left.
 */
export class WorkerCheckpoint {
  private readonly settings: CheckpointSettings;
  private readonly file: CheckpointFile<SavedWorker>;
  private readonly onTheirWay = new Set<number>();

  constructor(settings: CheckpointSettings) {
    this.settings = settings;
    this.file = new CheckpointFile(settings.path);
  }

  /** Takes up what the process before this one has left. */
  restore(pipeline: Pipeline, nowUs: number): void {
    const saved = readCheckpoints<SavedWorker>(this.settings.path);
    pipeline.restore(saved.map((worker) => worker.pipeline), this.settings.sealedThrough, nowUs);
  }

  sealed(windowStart: number): void {
    this.onTheirWay.add(windowStart);
  }

  handedOn(windowStart: number): void {
    this.onTheirWay.delete(windowStart);
  }

  write(pipeline: Pipeline, taps: readonly SavedTap[]): void {
    if (this.onTheirWay.size > 0) return;
    const isWhole = this.file.wantsWhole;
    this.file.write({ bootId: bootId(), pipeline: pipeline.checkpoint(isWhole), taps }, isWhole);
  }

  /** At an orderly stop, which hands on what the closing windows gave: connections go on after the next start. */
  writeLast(pipeline: Pipeline, taps: readonly SavedTap[]): void {
    this.file.write({ bootId: bootId(), pipeline: pipeline.checkpoint(true), taps }, true);
    this.file.close();
  }
}

/**
 * By interface index, the counters up to which the states of all workers reach together. Interfaces of another boot are
 * left out: their counters began anew.
 */
export function savedCounters(paths: readonly string[]): Map<number, LinkCounters & { readonly name: string }> {
  const reached = new Map<number, LinkCounters & { readonly name: string }>();
  const last = paths.map((path) => readCheckpoints<SavedWorker>(path).at(-1));
  if (last.some((worker) => worker?.bootId !== bootId())) return reached;
  for (const tap of last[0]!.taps) {
    if (tap.countedAtOpen === null) continue;
    const since = last.map((worker) => worker!.taps.find(({ ifindex }) => ifindex === tap.ifindex)?.packetsSince ?? 0);
    reached.set(tap.ifindex, { ...NO_COUNTERS, name: tap.name, rxPackets: tap.countedAtOpen + since.reduce((sum, packets) => sum + packets, 0) });
  }
  return reached;
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
