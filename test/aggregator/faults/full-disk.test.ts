import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordsOf, sampleRow } from '../../shared/wire/wire-samples.ts';
import { runCollector, storedRows, type RunningCollector } from '../collector-fixture.ts';
import { SmallDisk } from './full-disk.ts';

const CYCLES = Number(process.env['WEIR_TEST_CYCLES'] ?? 20);
const ROWS = 10;
const BATCH = encodeColumnar([recordsOf(fc.sample(sampleRow, { numRuns: ROWS, seed: 2 }).map((row) => ({ ...row, packets: 1, bytes: 1 })))], [], CONTEXT);
const MIB = 1024 * 1024;
const PATIENCE_MS = 120_000;

async function diskFor(t: ExecutionContext, diskFloorBytes: number): Promise<{ disk: SmallDisk; collector: RunningCollector }> {
  const disk = SmallDisk.mount(48);
  t.teardown(() => disk.unmount());
  return { disk, collector: await runCollector(t, { data: join(disk.path, 'data'), diskFloorBytes }) };
}

/** Packets in LogStores: each batch has one a row. */
async function storedPackets(collector: RunningCollector): Promise<number> {
  const rows = await storedRows(collector.data);
  return rows.filter((row) => row['log-status'] === 'OK').reduce((sum, row) => sum + Number(row['packets']), 0);
}

test.serial(`a disk that is full ${CYCLES} times: what was acknowledged is stored, once, and all goes on when there is room`, async (t) => {
  t.timeout(600_000);
  const { disk, collector } = await diskFor(t, 0);
  let sequence = 1;
  let refused = 0;
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    // at different steps of what comes next
    disk.fill(cycle % 4 * 4096);
    for (let attempt = 0; attempt < 2; attempt++) {
      const { status } = await collector.send({ body: BATCH, sequence });
      if (status === 200) sequence++;
      else {
        t.is(status, 503);
        refused++;
      }
      const published = await collector.request('/v1/publish', { method: 'POST' });
      if (published.status !== 200) t.is(published.status, 503, await published.text());
      t.is((await collector.request('/v1/logstores')).status, 200);
    }
    disk.empty();
    t.is((await collector.send({ body: BATCH, sequence })).status, 200, `cycle ${cycle}`);
    sequence++;
    t.is((await collector.request('/v1/publish', { method: 'POST' })).status, 200);
  }
  t.true(refused > 0);
  await collector.stop();
  t.is(await storedPackets(collector), (sequence - 1) * ROWS);
  t.log(`${sequence - 1} batches acknowledged, ${refused} refused`);
});

test.serial('below the floor batches are refused, queries answered, and what waits is published; then batches are taken again', async (t) => {
  const { disk, collector } = await diskFor(t, 16 * MIB);
  const until = async (accepting: boolean): Promise<void> => {
    for (const limit = performance.now() + PATIENCE_MS; (await collector.json<{ accepting: boolean }>('/v1/storage')).accepting !== accepting;) {
      if (performance.now() > limit) throw new Error(`it goes on ${accepting ? 'refusing' : 'accepting'} batches`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  t.is((await collector.send({ body: BATCH, sequence: 1 })).status, 200);
  disk.fill(12 * MIB);
  await until(false);
  const response = await collector.request('/v1/batches', {
    method: 'POST', body: BATCH as Uint8Array<ArrayBuffer>,
    headers: { 'content-type': 'application/vnd.apache.arrow.stream', 'weir-agent-id': 'agent-1', 'weir-epoch': '1', 'weir-sequence': '2' },
  });
  t.is(response.status, 503);
  t.regex(response.headers.get('retry-after') ?? '', /^\d+$/);
  t.like(await response.json(), { type: 'urn:weir:problem:disk-full' });
  t.is((await collector.request('/v1/publish', { method: 'POST' })).status, 200);
  t.is((await collector.request('/v1/logstores/default/query?query=*')).status, 200);
  disk.empty();
  await until(true);
  t.is((await collector.send({ body: BATCH, sequence: 2 })).status, 200);
  await collector.flush();
  await collector.stop();
  t.is(await storedPackets(collector), 2 * ROWS);
});
