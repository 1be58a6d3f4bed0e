import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { PublishProcess } from '../../../aggregator/publish/publish-process.ts';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordsOf, sampleRow } from '../../shared/wire/wire-samples.ts';
import { runCollector, storedRows } from '../collector-fixture.ts';

const BATCH = encodeColumnar([recordsOf(fc.sample(sampleRow, { numRuns: 10, seed: 2 }).map((row) => ({ ...row, packets: 1, bytes: 1 })))], [], CONTEXT);

test.serial('a disk that takes nothing: 503 and when to come back, and the same batch is stored once there is room', async (t) => {
  const collector = await runCollector(t);
  const full = join(collector.data, 'journal', 'batches-0000000000000001.log');
  symlinkSync('/dev/full', full);
  const answer = await collector.send({ body: BATCH, sequence: 1 });
  t.is(answer.status, 503);
  t.regex(String(answer.document['detail']), /the journal in .* could not be written: ENOSPC/);
  rmSync(full);
  t.is((await collector.send({ body: BATCH, sequence: 1 })).document['status'], 'stored');
  await collector.flush();
  await collector.stop();
  t.is((await storedRows(collector.data)).filter((row) => row['log-status'] === 'OK').length, 10);
});

test.serial('a publication that cannot be written leaves nothing, and is done when it can', async (t) => {
  const collector = await runCollector(t);
  await collector.send({ body: BATCH, sequence: 1 });
  symlinkSync('/dev/full', join(collector.data, 'logstores'));
  t.is((await collector.request('/v1/publish', { method: 'POST' })).status, 503);
  t.like(await collector.json('/v1/completeness?logstore=default'), { windows: [], summary: { pendingWindows: 1 } });
  rmSync(join(collector.data, 'logstores'));
  t.is((await collector.request('/v1/publish', { method: 'POST' })).status, 200);
  await collector.stop();
  t.is((await storedRows(collector.data)).filter((row) => row['log-status'] === 'OK').length, 10);
});

test.serial('the publishing process may die at any time: the next job has a new one', async (t) => {
  const process_ = new PublishProcess();
  t.teardown(() => process_.stop());
  const job = { root: '/nowhere', temporary: '/nowhere', frames: [{ path: '/nowhere/frame', offset: 0, length: 8 }], targets: [], routes: [] };
  const running = process_.run(job);
  const first = process_.pid!;
  process.kill(first, 'SIGKILL');
  await t.throwsAsync(running, { message: /the publishing process ended with SIGKILL/ });
  await t.throwsAsync(process_.run(job), { message: /the publishing process could not write: ENOENT/ });
  t.not(process_.pid, first);
});
