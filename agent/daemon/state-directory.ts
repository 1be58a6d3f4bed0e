import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { WeirError } from '../../shared/errors.ts';
import type { Seal } from '../../shared/seal.ts';
import type { Topology } from '../../shared/topology/topology.ts';
import { readKept, replaceKept } from '../assignment/kept-file.ts';

interface State {
  /** Of the topology last used. */
  readonly revision: number;
  readonly fingerprint: string;
  /** Of the last start. */
  readonly epoch: number;
  readonly sealed: readonly SealedWindow[];
  /** Number of the last window that was handed on. */
  readonly handedOn: number;
  /** At the last start: that number, and the first frame of the output that is not from before. */
  readonly startedAfter: { readonly handedOn: number; readonly frame: number };
}

/**
 * A window whose rows and seals were handed on. One that was closed before its time may open again, and is handed on a
 * second time: what tells the two apart is the number.
 */
export interface SealedWindow {
  /** Grows with each window that is handed on. */
  readonly number: number;
  /** Unix seconds. */
  readonly start: number;
  readonly packetsSeen: Readonly<Record<string, number>>;
}

/** What the output has of a window's seals. */
export interface OutputWindow {
  /** Number of the frame; those that come later have greater ones. */
  readonly frame: number;
  readonly start: number;
  readonly packetsSeen: Readonly<Record<string, number>>;
}

const EMPTY: State = { revision: 0, fingerprint: '', epoch: 0, sealed: [], handedOn: 0, startedAfter: { handedOn: 0, frame: 0 } };
/** More than close between two checkpoints. */
const WINDOWS_REMEMBERED = 16;
const FILE = 'agent.json';

/**
 * What the agent remembers from one start to the next.
 *
 * I1. The same topology keeps its revision; another one gets the next.
 * I2. Epochs grow, also where the clock has been set back, and so do the numbers of windows.
 */
export class StateDirectory {
  private readonly path: string | null;
  private state: State;

  /** `path`: null remembers nothing. Throws CONFIGURATION where the directory cannot be used. */
  constructor(path: string | null) {
    this.path = path;
    this.state = path === null ? EMPTY : read(path);
  }

  /** For this start. */
  nextEpoch(): number {
    this.save({ ...this.state, epoch: Math.max(Date.now(), this.state.epoch + 1) });
    return this.state.epoch;
  }

  revisionOf(topology: Topology): number {
    const fingerprint = createHash('sha256').update(JSON.stringify(topology)).digest('hex');
    if (fingerprint !== this.state.fingerprint) this.save({ ...this.state, fingerprint, revision: this.state.revision + 1 });
    return this.state.revision;
  }

  /** The last windows that were handed on. */
  get sealed(): readonly SealedWindow[] {
    return this.state.sealed;
  }

  /** Number of the last of them. */
  get handedOn(): number {
    return this.state.handedOn;
  }

  /**
   * At a start. A process may end before it has written down here what it has handed on, so the output is asked too.
   * `nextFrame`: of the output. `leastNumber`: no window gets a number as small as this.
   */
  takeUp(others: readonly OutputWindow[], nextFrame: number, leastNumber: number): void {
    const { startedAfter, sealed } = this.state;
    const noted = new Set(sealed.filter(({ number }) => number > startedAfter.handedOn).map(({ start }) => start));
    const missing = new Map<number, Record<string, number>>();
    for (const { frame, start, packetsSeen } of others) {
      if (frame < startedAfter.frame || noted.has(start)) continue;
      const sum = missing.get(start) ?? {};
      for (const [eniId, packets] of Object.entries(packetsSeen)) sum[eniId] = (sum[eniId] ?? 0) + packets;
      missing.set(start, sum);
    }
    let handedOn = Math.max(this.state.handedOn, leastNumber);
    const added = [...missing].sort(([a], [b]) => a - b).map(([start, packetsSeen]): SealedWindow => ({ number: ++handedOn, start, packetsSeen }));
    this.save({ ...this.state, handedOn, sealed: [...sealed, ...added].slice(-WINDOWS_REMEMBERED), startedAfter: { handedOn, frame: nextFrame } }, false);
  }

  /** The window has this number from now on, also where the disk refuses: then CONFIGURATION is thrown. */
  saveSealed(seals: readonly Seal[]): void {
    const { sealed } = this.state;
    const number = this.state.handedOn + 1;
    const packetsSeen = Object.fromEntries(seals.map((seal) => [seal.eniId, seal.packetsSeen]));
    this.save({ ...this.state, handedOn: number, sealed: [...sealed, { number, start: seals[0]!.windowStart, packetsSeen }].slice(-WINDOWS_REMEMBERED) }, false);
  }

  /** Path of a worker's checkpoint; null where nothing is remembered. */
  checkpointPath(worker: number): string | null {
    return this.path === null ? null : join(this.path, `checkpoint-${worker}`);
  }

  /** `isDurable`: it outlives the machine too, not only the process. */
  private save(state: State, isDurable = true): void {
    this.state = state;
    if (this.path === null) return;
    try {
      replaceKept(join(this.path, FILE), `${JSON.stringify(state)}\n`, isDurable);
    } catch (error) {
      throw unusable(this.path, error);
    }
  }
}

function read(path: string): State {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const state = JSON.parse(readKept(join(path, FILE)) ?? '{}') as Partial<State>;
    const isState = Number.isSafeInteger(state.revision) && Number.isSafeInteger(state.epoch) && typeof state.fingerprint === 'string';
    return isState ? { ...EMPTY, ...state } : EMPTY;
  } catch (error) {
    if (error instanceof SyntaxError) return EMPTY;
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): WeirError {
  return new WeirError('CONFIGURATION', `the state directory ${path} cannot be used: ${(cause as Error).message}; give another one as state-directory`, { cause });
}
