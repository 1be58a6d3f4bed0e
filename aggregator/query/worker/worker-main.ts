/** A query worker: a process that answers the jobs its parent sends, one at a time, until it is told to stop or is killed. */
import { answerJob } from './answer.ts';
import { failureOf } from './duckdb-error.ts';
import { LockedDatabase } from './locked-database.ts';
import type { WorkerJob, WorkerReply } from './worker-job.ts';

/** The database of the next job. */
let next = LockedDatabase.prepare();

process.on('message', (job: WorkerJob) => {
  void reply(job);
});
// The parent is gone: nobody waits for the answer.
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group; the parent decides when a worker ends.
process.on('SIGINT', () => {});
await next;
process.send?.('ready');

async function reply(job: WorkerJob): Promise<void> {
  const database = await next;
  let message: WorkerReply;
  try {
    message = await answerJob(job, database);
  } catch (error) {
    message = failureOf(error, job.files);
  }
  process.send?.(message, () => {
    database.close();
    next = LockedDatabase.prepare();
  });
}
