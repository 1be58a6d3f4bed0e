import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { CollectorPost, type BatchNumber } from '../../../agent/ship/collector-post.ts';
import { readRefused } from '../../../agent/ship/refused-batch.ts';
import { SpoolShipping, type PostBatch, type ShippingEvents } from '../../../agent/ship/spool-shipping.ts';
import { MemoryDisk } from '../../../agent/spool/memory-disk.ts';
import { DirectoryDisk, QUARANTINE } from '../../../agent/spool/spool-disk.ts';
import { reportSpool } from '../../../agent/spool/spool-report.ts';
import type { Spool } from '../../../agent/spool/spool.ts';
import { runCollector, storedRows, temporaryDirectory, type RunningCollector } from '../../aggregator/collector-fixture.ts';
import { ROWS, openSpool, spoiled, windowBatch } from './spooled-batches.ts';

class Told implements ShippingEvents {
  readonly retries: string[] = [];
  readonly refusals: string[] = [];
  readonly renumberings: string[] = [];
  readonly asides: { name: string | null; rows: number; packets: number; seals: number }[] = [];
  sent(): void {}
  retry(reason: string): void {
    this.retries.push(reason);
  }
  refused(reason: string): void {
    this.refusals.push(reason);
  }
  renumbered(reason: string): void {
    this.renumberings.push(reason);
  }
  setAside(name: string | null, { rows, packets }: { rows: number; packets: number }, seals: number): void {
    this.asides.push({ name, rows, packets, seals });
  }
}

/** Ships until nothing waits. */
async function shipAll(spool: Spool, collector: PostBatch, told = new Told()): Promise<Told> {
  const ending = new AbortController();
  const shipping = new SpoolShipping(spool, collector, ending.signal, told);
  const running = shipping.run();
  await shipping.drained();
  ending.abort();
  await running;
  return told;
}

function postTo(t: ExecutionContext, { url, adminToken }: RunningCollector, agent = adminToken): CollectorPost {
  const post = new CollectorPost({ collector: url, token: agent, logStore: null });
  t.teardown(() => post.close());
  return post;
}

/** Rows that come twice are added up when they are published: the count alone does not show them. */
async function storedFlows({ data }: RunningCollector): Promise<string[]> {
  return (await storedRows(data)).filter((row) => row['log-status'] === 'OK').map((row) => `${String(row['srcaddr'])} ${String(row['packets'])}`).sort();
}

function flowsOf(rows: number): string[] {
  return ROWS.slice(0, rows).map(({ packets }, row) => `0.0.0.${row} ${packets}`).sort();
}

test.serial('two bad rows among 3,000: the others are stored, these are set aside and stated, and nothing waits behind them', async (t) => {
  const collector = await runCollector(t);
  const disk = new MemoryDisk();
  const spool = await openSpool(disk);
  const rows = ROWS.slice(0, 3000);
  const bad = [17, 2222];
  const batch = spoiled(await windowBatch(0, rows), rows, bad);
  await spool.append(batch.gzipped, batch.contents);
  const good = await windowBatch(1, ROWS.slice(0, 10));
  await spool.append(good.gzipped, good.contents);
  const told = await shipAll(spool, postTo(t, collector));
  t.deepEqual(told.asides.map(({ rows: count, packets, seals }) => [count, packets, seals]), bad.map((row) => [1, rows[row]!.packets, 0]));
  const aside = await reportSpool(disk);
  t.is(aside.quarantine.length, 2);
  t.deepEqual(aside.batches, []);
  const file = await disk.open(`${QUARANTINE}/${aside.quarantine[0]!.name}`, 'read');
  const [reason, row] = await readRefused(await file.read(0, await file.size()));
  t.regex(String(reason!['reason']), /422 .*version is 9/);
  t.deepEqual([row!['version'], row!['srcaddr'], row!['packets']], [9, '0.0.0.17', rows[17]!.packets]);
  await collector.flush();
  await collector.stop();
  const stored = await storedRows(collector.data);
  t.is(stored.filter((one) => one['log-status'] === 'OK').length, 3000 - bad.length + 10);
  const skipped = stored.filter((one) => one['log-status'] === 'SKIPDATA');
  t.deepEqual(skipped.map((one) => [one['eni-id'], one['skipped-packets']]).sort(), bad.map((one) => [one % 2 ? 'eni-b' : 'eni-a', rows[one]!.packets]).sort());
});

test.serial('an answer that is lost after the batch was stored, and then the process: nothing is doubled', async (t) => {
  const collector = await runCollector(t);
  const folder = temporaryDirectory(t);
  const first = await openSpool(await DirectoryDisk.open(folder));
  for (let window = 0; window < 4; window++) {
    const { gzipped, contents } = await windowBatch(window, ROWS.slice(window * 10, window * 10 + 10));
    await first.append(gzipped, contents);
  }
  const post = postTo(t, collector);
  const ending = new AbortController();
  let posts = 0;
  const lossy: PostBatch = {
    post: async (body, number) => {
      const answer = await post.post(body, number);
      if (++posts < 3) return answer;
      ending.abort(); // it is stored, and nobody hears of it
      return { kind: 'failed', reason: 'lost', retryAfterMs: 0 };
    },
  };
  await new SpoolShipping(first, lossy, ending.signal, new Told()).run();
  t.is(first.waitingBatches, 2);
  // as after kill -9: the first one is not closed
  const second = await openSpool(await DirectoryDisk.open(folder));
  const told = await shipAll(second, post);
  t.deepEqual(told.renumberings, []);
  await second.close();
  await collector.flush();
  await collector.stop();
  t.is((await storedRows(collector.data)).filter((row) => row['log-status'] === 'OK').length, 40);
});

test.serial('another collector, that knows nothing of the numbers: a new epoch, and everything that waits is stored', async (t) => {
  const folder = temporaryDirectory(t);
  const spool = await openSpool(await DirectoryDisk.open(folder));
  for (const [window, collector] of [[0, await runCollector(t)], [1, await runCollector(t)]] as const) {
    const { gzipped, contents } = await windowBatch(window, ROWS.slice(0, 10));
    await spool.append(gzipped, contents);
    const told = await shipAll(spool, postTo(t, collector));
    t.is(told.renumberings.length, window);
    await collector.flush();
    await collector.stop();
    t.is((await storedRows(collector.data)).filter((row) => row['log-status'] === 'OK').length, 10);
  }
  await spool.close();
});

test.serial('another collector, to which copies of all that was sent before come late: nothing is doubled', async (t) => {
  const spool = await openSpool(new MemoryDisk());
  const sent: { body: Uint8Array; number: BatchNumber }[] = [];
  const recorded = (post: CollectorPost, late: boolean): PostBatch => ({
    post: async (body, number) => {
      sent.push({ body, number });
      const answer = await post.post(body, number);
      // before the agent can do anything about it
      if (late && answer.kind === 'out-of-order' && answer.newestEpoch === 0) for (const copy of sent) await post.post(copy.body, copy.number);
      return answer;
    },
  });
  for (const [life, collector] of [await runCollector(t), await runCollector(t)].entries()) {
    for (let window = 3 * life; window < 3 * life + 3; window++) {
      const { gzipped, contents } = await windowBatch(window, ROWS.slice(window * 10, window * 10 + 10));
      await spool.append(gzipped, contents);
    }
    const post = postTo(t, collector);
    await shipAll(spool, recorded(post, life === 1));
    for (const copy of sent) await post.post(copy.body, copy.number);
    await collector.flush();
    await collector.stop();
    t.deepEqual(await storedFlows(collector), flowsOf(30 * (life + 1)));
  }
  await spool.close();
});

test.serial('a folder that could not be used for one life: its batches come under a number of a closed epoch, each once', async (t) => {
  const collector = await runCollector(t);
  const post = postTo(t, collector);
  const folder = temporaryDirectory(t);
  const append = async (spool: Spool, window: number): Promise<void> => {
    const { gzipped, contents } = await windowBatch(window, ROWS.slice(window * 10, window * 10 + 10));
    await spool.append(gzipped, contents);
  };
  const before = await openSpool(await DirectoryDisk.open(folder));
  await append(before, 0);
  await append(before, 1);
  const ending = new AbortController();
  let posts = 0;
  await new SpoolShipping(before, {
    post: async (body, number) => {
      const answer = await post.post(body, number);
      if (++posts < 2) return answer;
      ending.abort(); // it is stored, and nobody hears of it
      return { kind: 'failed', reason: 'lost', retryAfterMs: 0 };
    },
  }, ending.signal, new Told()).run();
  const meanwhile = await openSpool(new MemoryDisk());
  await append(meanwhile, 2);
  await shipAll(meanwhile, post);
  const after = await openSpool(await DirectoryDisk.open(folder));
  await append(after, 3);
  const told = await shipAll(after, post);
  t.is(told.renumberings.length, 1);
  await after.close();
  await collector.flush();
  await collector.stop();
  t.deepEqual(await storedFlows(collector), flowsOf(40));
});

test.serial('a live batch waits for one batch of the backlog at most, and the backlog for none but live ones', async (t) => {
  const folder = temporaryDirectory(t);
  const before = await openSpool(await DirectoryDisk.open(folder));
  for (let window = 0; window < 60; window++) {
    const { gzipped, contents } = await windowBatch(window, ROWS.slice(0, 5));
    await before.append(gzipped, contents);
  }
  await before.close();
  const spool = await openSpool(await DirectoryDisk.open(folder));
  const order: number[] = [];
  let arrived = 0;
  const batches = await Promise.all(Array.from({ length: 10 }, (_, i) => windowBatch(100 + i, ROWS.slice(0, 5))));
  const waits: number[] = [];
  const appendedAt: number[] = [];
  let shipped = 0;
  const collector: PostBatch = {
    post: async () => {
      shipped++;
      const next = batches[arrived];
      if (next && shipped % 4 === 0) {
        appendedAt.push(shipped);
        arrived++;
        await spool.append(next.gzipped, next.contents);
      }
      return { kind: 'acknowledged' };
    },
  };
  const told = new Told();
  told.sent = ((frame: { frame: { windowStart: number }; isBacklog: boolean }) => {
    order.push(frame.frame.windowStart);
    if (!frame.isBacklog) waits.push(order.length - appendedAt[waits.length]!);
  }) as Told['sent'];
  await shipAll(spool, collector, told);
  t.is(order.length, 70);
  t.is(waits.length, 10);
  t.true(Math.max(...waits) <= 1, waits.join());
  const backlog = order.filter((start) => start < batches[0]!.contents.windowStart);
  t.deepEqual(backlog, backlog.toSorted((a, b) => a - b), 'the oldest first');
  await spool.close();
});

test.serial('what does not come from a collector says nothing about the batch', async (t) => {
  const { createServer } = await import('node:http');
  const server = createServer((_request, response) => response.writeHead(400, { 'content-type': 'text/html' }).end('<h1>Bad Request</h1>')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = server.address() as { port: number };
  const post = new CollectorPost({ collector: `http://127.0.0.1:${address.port}`, token: null, logStore: null });
  const answer = await post.post(Buffer.from('x'), { agentId: 'agent-1', epoch: 1, sequence: 1 });
  t.is(answer.kind, 'refused');
  await post.close();
});
