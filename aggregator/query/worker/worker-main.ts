/**
 * A query worker: a process that answers the jobs its parent sends, one at a time, until it is told to stop or is killed.
 * Its argument is the folder that the jobs' folders are made in.
 */
import { rmSync } from 'node:fs';
import { answerJob } from './answer.ts';
import { failureOf } from './duckdb-error.ts';
import { LockedDatabase } from './locked-database.ts';
import type { WorkerJob, WorkerReply } from './worker-job.ts';

/** The database of the next job. */
let next = LockedDatabase.prepare();

process.on('message', (job: WorkerJob) => {
  void reply(job);
});
// The parent is gone: nobody waits for the answer, or will ever look into the folder. A statement that runs would hold up
// an orderly end.
const end = (): void => {
  try {
    if (process.argv[2]) rmSync(process.argv[2], { recursive: true, force: true });
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
};
process.on('disconnect', end);
// it may have gone while this process was still being loaded
if (!process.connected) end();
// What ends the collector may reach all its processes; when a worker ends is for the collector to say, by its own end too.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
await next;
process.send?.('ready');

async function reply(job: WorkerJob): Promise<void> {
  const database = await next;
  let message: WorkerReply;
  try {
    message = await answerJob(job, database);
  } catch (error) {
    message = failureOf(error, [...job.files, job.directory]);
  }
  process.send?.(message, () => {
    database.close();
    next = LockedDatabase.prepare();
  });
}
