import test, { type ExecutionContext } from 'ava';
import type { PublishJob } from '../../../aggregator/publish/job.ts';
import { temporaryDirectory } from '../collector-fixture.ts';
import { FIRST_WINDOW, rowsOf, StorageModel, WINDOW_SECONDS, type Batch } from '../faults/storage-model.ts';

type Job = Omit<PublishJob, 'id'>;

const bytesOf = ({ frames }: Job): number => frames.reduce((sum, { length }) => sum + length, 0);
const batch = (sequence: number, windows: readonly number[]): Batch => ({ agent: 'a', epoch: 1, sequence, logStore: 'default', windows });

async function open(t: ExecutionContext, jobBytes: number, fails: (job: Job) => boolean): Promise<StorageModel> {
  const model = await StorageModel.open(temporaryDirectory(t), { segmentBytes: 1_000_000, compactBytes: 1_000_000, jobBytes, fails });
  t.teardown(() => model.close());
  return model;
}

test('a window that cannot be published keeps no other one waiting', async (t) => {
  let isBroken = true;
  const model = await open(t, 1_000_000, ({ targets }) => isBroken && targets.some(({ start }) => start === FIRST_WINDOW + WINDOW_SECONDS));
  const batches = [batch(1, [0]), batch(2, [1]), batch(3, [2])];
  for (const each of batches) await model.send(each);
  await t.throwsAsync(() => model.publish(), undefined, 'all in one');
  await t.throwsAsync(() => model.publish(), undefined, 'each by itself');
  await t.throwsAsync(() => model.publish());
  const later = batch(4, [3]);
  t.true(await model.send(later), 'batches are taken meanwhile');
  await t.throwsAsync(() => model.publish());
  t.deepEqual(model.rows().sort(), [batches[0]!, batches[2]!, later].flatMap(rowsOf).sort());
  isBroken = false;
  await model.publish();
  t.deepEqual(model.rows().sort(), [...batches, later].flatMap(rowsOf).sort());
});

test('what is published at once is bounded by the bytes of its batches, and is less where that was too much', async (t) => {
  const jobs: { bytes: number; failed: boolean }[] = [];
  const model = await open(t, 200, (job) => {
    const bytes = bytesOf(job);
    jobs.push({ bytes, failed: bytes > 60 });
    return bytes > 60;
  });
  const batches = Array.from({ length: 100 }, (_, i) => batch(i + 1, [0]));
  for (const each of batches) await model.send(each);
  let failures = 0;
  while (await model.publish().then(() => false, () => true)) failures++;
  t.is(failures, 2, '200 and 100 bytes are too much, 50 are not');
  const longest = 'a/1/100'.length;
  t.true(jobs.every(({ bytes }) => bytes < 200 + longest));
  t.true(jobs.slice(2).every(({ bytes, failed }) => !failed && bytes < 50 + longest), 'what was too much once is not tried again as long as something is left');
  t.deepEqual(model.rows().sort(), batches.flatMap(rowsOf).sort());
  t.deepEqual(model.faults(), []);
});
