import type { Window } from '../logstore/window.ts';
import type { FrameBody } from '../journal/segment.ts';
import type { EniStatusRow } from './window-status.ts';

/** What the publishing process is asked to do: read these frames, write these files. Plain data, sent over IPC. */
export interface PublishJob {
  readonly id: number;
  readonly root: string;
  readonly temporary: string;
  readonly frames: readonly FrameBody[];
  readonly targets: readonly TargetJob[];
  readonly routes: readonly RouteJob[];
}

/** One LogStore's window. Its file is the previous one's flows, merged with the frames', and the status rows. */
export interface TargetJob extends Window {
  readonly logStore: string;
  /** Relative to `root`. */
  readonly path: string;
  readonly previousPath: string | null;
  readonly statusRows: readonly EniStatusRow[];
  /** ENIs whose status is told by `statusRows`; those of others stay as they are. */
  readonly enis: readonly string[];
}

/** Rows of this ENI and window in this frame go to this target. */
export interface RouteJob {
  /** Index into `frames`. */
  readonly frame: number;
  readonly window: Window;
  readonly eniId: string;
  /** Index into `targets`. */
  readonly target: number;
  /** The only action that goes there; null: both do. */
  readonly action: string | null;
}

export interface TargetResult {
  readonly rows: number;
  /** 0 and no file where no row fell into the window. */
  readonly bytes: number;
  /** Rows of the frames that are routed here, before merging, and their part of the frames' bytes. */
  readonly ingestedRows: number;
  readonly ingestedBytes: number;
}

export type PublishAnswer =
  | { readonly id: number; readonly targets: readonly TargetResult[] }
  | { readonly id: number; readonly error: string };

/** Asks how many rows Parquet files hold; paths are absolute. */
export interface CountJob {
  readonly id: number;
  readonly files: readonly string[];
}

export interface CountAnswer {
  readonly id: number;
  /** null: the file cannot be read. */
  readonly rows: readonly (number | null)[];
}
