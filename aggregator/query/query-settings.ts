import { availableParallelism, constants } from 'node:os';

/** What queries may cost. Every limit is per worker process unless it says otherwise. */
export interface QuerySettings {
  /** Queries that run at once, */
  readonly workers: number;
  /** and of one token: the rest is for others. */
  readonly workersPerToken: number;
  /** Queries that wait for a worker, and of one token; one more is refused. */
  readonly queue: number;
  readonly queuePerToken: number;
  /** Answers in files that clients are still reading, and of one token; one more query is refused. */
  readonly openAnswers: number;
  readonly openAnswersPerToken: number;
  /** From the moment a worker has the query; then it is killed. */
  readonly deadlineMs: number;
  /** DuckDB's own limit, which its operators heed by spilling to disk. */
  readonly memoryBytes: number;
  /** What a process may map beyond what it has mapped when it starts: the kernel's limit, which nothing escapes; needs `prlimit`. */
  readonly addressSpaceBytes: number;
  readonly spillBytes: number;
  readonly threads: number;
  /** How far a worker gives way to other processes, from 0 to 19. */
  readonly niceness: number;
  /** Jobs after which a worker is replaced. */
  readonly jobsPerWorker: number;
  /** Rows of an answer that names no limit. */
  readonly defaultRows: number;
  /** Of an answer in text; the file of a Parquet answer is as large as `spillBytes` at most. */
  readonly answerBytes: number;
  /** Rows of an answer of a search page or a SELECT. */
  readonly maximumRows: number;
  readonly maximumParquetRows: number;
}

export const DEFAULT_QUERY_SETTINGS: QuerySettings = {
  workers: 3,
  workersPerToken: 2,
  queue: 32,
  queuePerToken: 16,
  openAnswers: 16,
  openAnswersPerToken: 8,
  deadlineMs: 30_000,
  memoryBytes: 512 * 1024 ** 2,
  addressSpaceBytes: 2 * 1024 ** 3,
  spillBytes: 2 * 1024 ** 3,
  threads: Math.max(1, Math.min(4, availableParallelism())),
  niceness: constants.priority.PRIORITY_BELOW_NORMAL,
  jobsPerWorker: 50,
  answerBytes: 512 * 1024 ** 2,
  defaultRows: 100,
  maximumRows: 100_000,
  maximumParquetRows: 10_000_000,
};
