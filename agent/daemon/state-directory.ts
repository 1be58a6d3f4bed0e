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
}

/** A window whose rows and seals were handed on. */
export interface SealedWindow {
  /** Unix seconds. */
  readonly start: number;
  readonly packetsSeen: Readonly<Record<string, number>>;
}

const EMPTY: State = { revision: 0, fingerprint: '', epoch: 0, sealed: [] };
/** More than close between two checkpoints. */
const WINDOWS_REMEMBERED = 16;
const FILE = 'agent.json';

/**
 * What the agent remembers from one start to the next.
 *
 * I1. The same topology keeps its revision; another one gets the next.
 * I2. Epochs grow, also where the clock has been set back.
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

  /** And those that somebody else knows of: a process may end before it has written down here what it has handed on. */
  sealedWith(others: readonly SealedWindow[]): readonly SealedWindow[] {
    const known = new Set(this.sealed.map(({ start }) => start));
    return [...this.sealed, ...others.filter(({ start }) => !known.has(start))].sort((a, b) => a.start - b.start).slice(-WINDOWS_REMEMBERED);
  }

  saveSealed(seals: readonly Seal[]): void {
    const start = seals[0]!.windowStart;
    const packetsSeen = Object.fromEntries(seals.map((seal) => [seal.eniId, seal.packetsSeen]));
    this.save({ ...this.state, sealed: [...this.state.sealed, { start, packetsSeen }].slice(-WINDOWS_REMEMBERED) }, false);
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
