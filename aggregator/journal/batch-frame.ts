import type { EniAttributes, WireSeal } from '../../shared/wire/wire-seal.ts';
import type { FrameBody, Stretch } from './segment.ts';

/** What the journal notes of a batch beside its columns: enough to know, without them, what is to be published. */
export interface BatchHeader {
  readonly agent: string;
  readonly epoch: number;
  readonly sequence: number;
  /** Where rows from before their ENI's first flow log go; null: nowhere. */
  readonly logStore: string | null;
  readonly receivedMs: number;
  readonly windows: readonly WindowContents[];
  readonly seals: readonly WireSeal[];
  /** Of the collector's own frames. */
  readonly rollCall?: RollCall;
}

/** Who was to seal a window that has ended. */
export interface RollCall {
  /** Unix seconds. */
  readonly start: number;
  readonly seconds: number;
  readonly expected: readonly Expectation[];
}

export interface Expectation {
  readonly eniId: string;
  readonly agentId: string;
  readonly attributes: EniAttributes;
}

/** Of an agent's batch. */
export type BatchNumber = Pick<BatchHeader, 'agent' | 'epoch' | 'sequence'>;

/** The rows of one window in a batch. */
export interface WindowContents {
  /** Unix seconds. */
  readonly start: number;
  readonly seconds: number;
  /** Pairs of ENI and its number of rows. */
  readonly enis: readonly (readonly [string, number])[];
}

/** A batch in the journal. Frames are numbered from 1 through the life of a data directory; no number comes twice. */
export interface JournalFrame extends BatchHeader {
  readonly frame: number;
  readonly body: FrameBody;
  /** Its rows are damaged. This is the frame as it was, and where all of it lies: they may come again. */
  readonly damaged?: { readonly frame: JournalFrame; readonly stretch: Stretch };
}
