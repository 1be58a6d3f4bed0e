import { join } from 'node:path';
import type { Window } from './window.ts';

/** Where things lie in a data directory. Relative paths of this kind stand in the ledger. */
export interface DataLayout {
  readonly root: string;
  readonly journal: string;
  readonly ledger: string;
  readonly control: string;
  /** Damaged files and parts of files. */
  readonly quarantine: string;
  /** What publishing and queries write beside their results; emptied at every start. */
  readonly temporary: string;
}

export function dataLayout(root: string): DataLayout {
  return {
    root,
    journal: join(root, 'journal'),
    ledger: join(root, 'ledger'),
    control: join(root, 'control'),
    quarantine: join(root, 'quarantine'),
    temporary: join(root, 'tmp'),
  };
}

export const LOGSTORES = 'logstores';
export const WINDOW_STATES = 'windows';

/** LogStore names are directory names. */
export const LOGSTORE_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/**
 * The number of an attempt to publish, and a random text for the run of the collector: no file name comes twice, not
 * even after a crash whose publishing process still writes for a moment.
 */
export interface Generation {
  readonly number: number;
  readonly run: string;
}

/** The Parquet file of a LogStore's window. */
export function parquetPath(logStore: string, window: Window, generation: Generation): string {
  if (!LOGSTORE_NAME.test(logStore)) throw new Error(`${JSON.stringify(logStore)} is no LogStore name`);
  return join(LOGSTORES, `logstore=${logStore}`, hourPath(window), `${fileName(window, generation)}.parquet`);
}

/** The seals of a window, as agents sent it. */
export function windowStatePath(window: Window, generation: Generation): string {
  return join(WINDOW_STATES, hourPath(window), `${fileName(window, generation)}.json`);
}

const FILE_PATH = new RegExp(`^(?:${LOGSTORES}/logstore=([a-z0-9_-]+)|${WINDOW_STATES})/date=[\\d-]+/hour=\\d+/window-(\\d+)-(\\d+)-(\\d+)-([0-9a-f]+)\\.(?:parquet|json)$`);

/** What the name of a file says; `logStore` null: it holds the seals of a window. */
export interface NamedFile {
  readonly path: string;
  readonly logStore: string | null;
  readonly window: Window;
  readonly generation: Generation;
}

/** null: no file of ours. */
export function fileNamed(path: string): NamedFile | null {
  const match = FILE_PATH.exec(path);
  if (!match) return null;
  const [, logStore = null, start, seconds, number, run] = match;
  return { path, logStore, window: { start: Number(start), seconds: Number(seconds) }, generation: { number: Number(number), run: run! } };
}

function hourPath({ start }: Window): string {
  const time = new Date(start * 1000).toISOString();
  return join(`date=${time.slice(0, 10)}`, `hour=${time.slice(11, 13)}`);
}

function fileName({ start, seconds }: Window, { number, run }: Generation): string {
  return `window-${start}-${seconds}-${number}-${run}`;
}
