import type { PageStep } from '../page-steps.ts';
import type { ResultColumn, ResultFormat } from '../result/result-format.ts';
import type { RecordKey } from '../record-order.ts';

/** What a query worker is asked. Everything but `select` was written by Weir itself. */
export interface WorkerJob {
  /** The only files that the worker may read; of records, in the order in which they come. */
  readonly files: readonly string[];
  /** Over the stored columns: which rows the question may see. */
  readonly predicate: string;
  readonly question: RecordsQuestion | SelectQuestion | TableQuestion;
  readonly format: ResultFormat;
  /** Members that the JSON answer ends with, beside what the worker adds. */
  readonly envelope: Readonly<Record<string, unknown>>;
  readonly limits: WorkerLimits;
  /** Empty folder of the job's own, for spilling and for an answer that is not small. */
  readonly directory: string;
}

/** Records in their order, a page of them. */
export interface RecordsQuestion {
  readonly kind: 'records';
  /** The job's files, all of them. One step after the other is read, until the page is full. */
  readonly steps: readonly PageStep[];
  /** Names of the field table. */
  readonly fields: readonly string[];
  readonly limit: number;
  readonly newestFirst: boolean;
  /** Where the page begins: `given` records of this key were on earlier pages. */
  readonly after: { readonly key: RecordKey; readonly given: number } | null;
  /** For the cursor of the next page. */
  readonly cursor: { readonly queryHash: string; readonly from: number; readonly to: number };
}

/** A SELECT that somebody wrote: parsed, checked, limited. */
export interface SelectQuestion {
  readonly kind: 'select';
  readonly text: string;
  /** Rows of the answer where the statement has no LIMIT. */
  readonly defaultRows: number;
  /** Rows of the answer whatever the statement says. */
  readonly maximumRows: number;
}

/** SQL of Weir's own over the stored columns. */
export interface TableQuestion {
  readonly kind: 'table';
  readonly sql: string;
}

export interface WorkerLimits {
  readonly memoryBytes: number;
  readonly spillBytes: number;
  readonly answerBytes: number;
  readonly threads: number;
}

export type WorkerReply = WorkerAnswer | WorkerFailure;

export interface WorkerAnswer {
  readonly ok: true;
  /** The body, or null if it stands in the file `path`. */
  readonly body: Uint8Array | null;
  readonly path: string | null;
  readonly bodyBytes: number;
  readonly columns: readonly ResultColumn[];
  readonly rows: number;
  /** More rows exist than the answer holds. */
  readonly truncated: boolean;
  /** The next page's, of a search that has one. */
  readonly cursor: string | null;
}

export interface WorkerFailure {
  readonly ok: false;
  /** `query`: the statement is wrong or refused; `memory`: it needs too much; `internal`: our fault, or a file's. */
  readonly reason: 'query' | 'memory' | 'internal';
  readonly message: string;
  /** UTF-8 bytes into the SELECT's text. */
  readonly byteOffset: number | null;
}

/** An answer up to this size travels in the reply; a larger one in a file, so that the collector never holds it. */
export const INLINE_BODY_BYTES = 256 * 1024;
