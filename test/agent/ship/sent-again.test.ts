import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CollectorPost } from '../../../agent/ship/collector-post.ts';
import { SpoolShipping } from '../../../agent/ship/spool-shipping.ts';
import { DirectoryDisk } from '../../../agent/spool/spool-disk.ts';
import type { Spool } from '../../../agent/spool/spool.ts';
import { runCollector, storedRows, temporaryDirectory, type RunningCollector } from '../../aggregator/collector-fixture.ts';
import { damageRows } from '../../aggregator/faults/storage-mend.ts';
import { ROWS, openSpool, windowBatch } from './spooled-batches.ts';

interface Storage {
  readonly 'mended-batches': number;
  readonly 'wanted-batches': readonly { readonly sequence: number }[];
  readonly damage: readonly { readonly kind: string }[];
}

interface Completeness {
  readonly summary: { readonly complete: number; readonly partial: number; readonly missing: number; readonly pendingWindows: number };
}

const completeness = async (collector: RunningCollector): Promise<Completeness['summary']> => (await collector.json<Completeness>('/v1/completeness?logstore=default')).summary;

/** Ships until `isDone`; it is looked at again whenever something was sent. */
/** What comes at all comes within seconds. */
const PATIENCE_MS = 60_000;

async function shipUntil(t: ExecutionContext, spool: Spool, { url, adminToken }: RunningCollector, isDone: () => Promise<boolean> | boolean): Promise<number[]> {
  const post = new CollectorPost({ collector: url, token: adminToken, logStore: null });
  const ending = new AbortController();
  const again: number[] = [];
  const shipping = new SpoolShipping(spool, post, ending.signal, {
    sent() {}, retry: (reason) => t.log(reason), refused: (reason) => t.log(reason), renumbered: (reason) => t.log(reason), setAside() {}, sentAgain: ({ sequence }) => void again.push(sequence),
  });
  const running = shipping.run();
  const deadline = Date.now() + PATIENCE_MS;
  let done = await isDone();
  for (; !done && Date.now() < deadline; done = await isDone()) await new Promise((resolve) => setTimeout(resolve, 20));
  ending.abort();
  await running;
  await post.close();
  if (!done) throw new Error(`what is waited for has not come in ${PATIENCE_MS / 1000} s; sent again: ${again.join(', ') || 'nothing'}`);
  return again;
}

/** A collector that has taken four windows and published none, as after kill -9; the agent that sent them, and what it holds. */
async function unpublished(t: ExecutionContext): Promise<{ data: string; spool: Spool; folder: string }> {
  const data = join(temporaryDirectory(t), 'data');
  const collector = await runCollector(t, { data });
  symlinkSync('/dev/full', join(data, 'logstores'));
  const folder = temporaryDirectory(t);
  const spool = await openSpool(await DirectoryDisk.open(folder));
  for (let window = 0; window < 4; window++) {
    const { gzipped, contents } = await windowBatch(window, ROWS.slice(window * 10, window * 10 + 10));
    await spool.append(gzipped, contents);
  }
  await shipUntil(t, spool, collector, () => spool.waitingBatches === 0);
  await collector.stop();
  rmSync(join(data, 'logstores'));
  return { data, spool, folder };
}

test.serial('rows that are damaged before they are published come again, also those of the last batch: all is stored once, and whole', async (t) => {
  const { data, spool } = await unpublished(t);
  t.is(spool.heldBatches, 4);
  for (const sequence of [2, 4]) damageRows(join(data, 'journal'), { agent: 'agent-1', sequence });
  const collector = await runCollector(t, { data });
  const found = await collector.json<Storage>('/v1/storage');
  t.deepEqual(found.damage.map(({ kind }) => kind).sort(), ['rows', 'tail']);
  t.deepEqual(found['wanted-batches'].map(({ sequence }) => sequence), [2]);
  t.true((await completeness(collector)).pendingWindows > 0, 'the window waits, and queries are told');
  const again = await shipUntil(t, spool, collector, async () => (await completeness(collector)).complete === 8);
  t.deepEqual(again.sort(), [2, 4]);
  t.like(await collector.json('/v1/storage'), { 'mended-batches': 1, 'wanted-batches': [] });
  // and what is published is held no longer
  await shipUntil(t, spool, collector, () => spool.heldBatches === 0);
  await collector.flush();
  t.like(await completeness(collector), { complete: 8, partial: 0, missing: 0, pendingWindows: 0 });
  await collector.stop();
  const rows = await storedRows(data);
  t.is(rows.filter((row) => row['log-status'] === 'OK').length, 40);
  t.is(new Set(rows.map((row) => row['srcaddr'])).size, 40);
  t.deepEqual(rows.filter((row) => row['log-status'] === 'SKIPDATA'), []);
  await spool.close();
});

test.serial('the last batch of an agent is damaged, and the agent goes on: it comes again although a new epoch has begun, and nothing else of the old one', async (t) => {
  const { data, spool } = await unpublished(t);
  damageRows(join(data, 'journal'), { agent: 'agent-1', sequence: 4 });
  const collector = await runCollector(t, { data });
  const answer = await collector.request('/v1/batches', { headers: { 'weir-agent-id': 'agent-1' } });
  const { wanted: [struck] } = await answer.json() as { wanted: { epoch: number; sequence: number }[] };
  t.is(struck!.sequence, 4);
  const { gzipped, contents } = await windowBatch(4, ROWS.slice(40, 50));
  await spool.append(gzipped, contents);
  const again = await shipUntil(t, spool, collector, async () => (await completeness(collector)).complete === 10);
  t.deepEqual(again, [4]);
  // the number under which that batch was sent first, in vain
  const late = await collector.send({ body: gzipped, epoch: struck!.epoch, sequence: 5, headers: { 'content-encoding': 'gzip' } });
  t.is(late.status, 409);
  t.true(Number(late.document['newest-epoch']) > struck!.epoch);
  await collector.flush();
  await collector.stop();
  const rows = await storedRows(data);
  t.deepEqual(rows.filter((row) => row['log-status'] === 'OK').map((row) => `${String(row['srcaddr'])} ${String(row['packets'])}`).sort(),
    ROWS.slice(0, 50).map(({ packets }, row) => `0.0.0.${row} ${packets}`).sort());
  await spool.close();
});

test.serial('an agent that was started anew holds nothing: the rows are declared when the delay is over', async (t) => {
  const { data, spool, folder } = await unpublished(t);
  await spool.close();
  damageRows(join(data, 'journal'), { agent: 'agent-1', sequence: 2 });
  const next = await openSpool(await DirectoryDisk.open(folder));
  t.deepEqual([next.heldBatches, next.bytes], [0, 0]);
  const collector = await runCollector(t, { data, aggregationDelayMs: 700 });
  const again = await shipUntil(t, next, collector, async () => (await completeness(collector)).pendingWindows === 0);
  t.deepEqual(again, []);
  t.like(await completeness(collector), { complete: 6, partial: 2 });
  t.like(await collector.json('/v1/storage'), { 'mended-batches': 0, 'wanted-batches': [] });
  await collector.stop();
  const rows = await storedRows(data);
  t.is(rows.filter((row) => row['log-status'] === 'OK').length, 30);
  t.is(rows.filter((row) => row['log-status'] === 'SKIPDATA').length, 2);
  await next.close();
});

test.serial('other rows under the number of a damaged batch are not taken for it, nor is what comes too late', async (t) => {
  const { data, spool } = await unpublished(t);
  damageRows(join(data, 'journal'), { agent: 'agent-1', sequence: 2 });
  const collector = await runCollector(t, { data });
  const { gzipped } = await windowBatch(1, ROWS.slice(100, 110));
  const epoch = (await (await collector.request('/v1/batches', { headers: { 'weir-agent-id': 'agent-1' } })).json() as { wanted: { epoch: number }[] }).wanted[0]!.epoch;
  const send = (body: Uint8Array): Promise<{ document: Record<string, unknown> }> => collector.send({ body, sequence: 2, epoch, headers: { 'content-encoding': 'gzip' } });
  t.is((await send(gzipped)).document['status'], 'duplicate');
  t.is((await collector.json<Storage>('/v1/storage'))['wanted-batches'].length, 1);
  await collector.flush();
  t.is((await collector.json<Storage>('/v1/storage'))['wanted-batches'].length, 0);
  t.is((await send((await spool.readHeld(epoch, 2))!)).document['status'], 'duplicate');
  await collector.flush();
  t.like(await completeness(collector), { complete: 6, partial: 2 });
  await collector.stop();
  t.is((await storedRows(data)).filter((row) => row['log-status'] === 'OK').length, 30);
  await spool.close();
});
