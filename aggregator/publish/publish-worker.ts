/**
 * The process that runs DuckDB for the publisher. It reads frames of the journal and writes Parquet files; what they
 * mean, and whether they count, is decided by the process that asks. It may be killed at any time.
 */
import { closeSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { makeDirectory, syncDirectory } from '../journal/durable.ts';
import { TIME_PRECISIONS } from '../logstore/file-columns.ts';
import type { CountAnswer, CountJob, PublishAnswer, PublishJob, TargetJob, TargetResult } from './job.ts';
import { targetSelect } from './merge-sql.ts';
import { fillStage, ingestedOf } from './stage.ts';

const MEMORY_LIMIT = '768MB';
/** Given by the process that started this one. */
const PRECISION = TIME_PRECISIONS.find((precision) => precision === process.argv[2]) ?? 'us';
/** docs/decisions/020-parquet-files.md says what each is for. */
const FORMAT = 'FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION V2, ROW_GROUP_SIZE 262144, DICTIONARY_SIZE_LIMIT 5000';

process.umask(0o077);
process.on('message', (job: PublishJob | CountJob) => {
  // whoever asked may be gone: that is no failure of this process
  void ('files' in job ? countRows(job) : answer(job)).then((message) => process.send?.(message, undefined, {}, () => {}));
});
process.on('disconnect', () => process.exit(0));
// the parent may have gone while this process was still being loaded
if (!process.connected) process.exit(0);

async function answer(job: PublishJob): Promise<PublishAnswer> {
  try {
    return { id: job.id, targets: await publish(job) };
  } catch (error) {
    return { id: job.id, error: (error as Error).message };
  }
}

/** Counted, not taken from the footer: a file that is counted can be read. */
async function countRows({ id, files }: CountJob): Promise<CountAnswer> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: MEMORY_LIMIT, autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' });
  try {
    const connection = await instance.connect();
    const rows: (number | null)[] = [];
    for (const file of files) {
      const count = await connection.runAndReadAll(`SELECT count(*) + 0 * count(COLUMNS(*)) FROM read_parquet('${file.replaceAll("'", "''")}')`).catch(() => null);
      rows.push(count && Number(count.getRows()[0]![0]));
    }
    connection.closeSync();
    return { id, rows };
  } finally {
    instance.closeSync();
  }
}

/** A database of its own for every job: what one leaves behind is no concern of the next. */
async function publish(job: PublishJob): Promise<TargetResult[]> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: MEMORY_LIMIT, temp_directory: job.temporary, autoinstall_known_extensions: 'false', autoload_known_extensions: 'false',
  });
  try {
    const connection = await instance.connect();
    await fillStage(connection, job);
    const ingested = await ingestedOf(connection, job);
    const results: TargetResult[] = [];
    for (const [index, target] of job.targets.entries()) results.push({ ...await writeTarget(connection, job.root, target, index), ...ingested[index]! });
    const directories = new Set(job.targets.map(({ path }) => dirname(join(job.root, path))));
    for (const directory of directories) await syncDirectory(directory);
    connection.closeSync();
    return results;
  } finally {
    instance.closeSync();
  }
}

async function writeTarget(connection: DuckDBConnection, root: string, target: TargetJob, index: number): Promise<Pick<TargetResult, 'rows' | 'bytes'>> {
  const path = join(root, target.path);
  await makeDirectory(dirname(path));
  const select = targetSelect(index, target, target.previousPath && join(root, target.previousPath), PRECISION);
  const result = await connection.runAndReadAll(
    `COPY (${select}) TO '${path.replaceAll("'", "''")}' (${FORMAT})`);
  const rows = Number(result.getRows()[0]![0]);
  if (rows === 0) {
    rmSync(path);
    return { rows: 0, bytes: 0 };
  }
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return { rows, bytes: statSync(path).size };
}
