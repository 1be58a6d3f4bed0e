import test from 'ava';
import { Shipper } from '../../../agent/ship/shipper.ts';
import { runCollector, storedRows } from '../../aggregator/collector-fixture.ts';
import { ROWS, windowBatch } from './spooled-batches.ts';

const ROWS_A_BATCH = 5;

test.serial('two that send under one name at once: each closes the epoch of the other, and each batch is stored once', async (t) => {
  const collector = await runCollector(t);
  const make = (epoch: number): Shipper => {
    const shipper = new Shipper({ collector: collector.url, token: collector.adminToken, logStore: null, agentId: 'agent-1', epoch, retryForMs: 30_000 });
    t.teardown(() => shipper.close());
    return shipper;
  };
  await Promise.all([make(100), make(200), make(300)].map(async (shipper, own) => {
    for (let window = own; window < 12; window += 3) {
      await shipper.send((await windowBatch(window, ROWS.slice(window * ROWS_A_BATCH, (window + 1) * ROWS_A_BATCH))).gzipped);
    }
  }));
  await collector.flush();
  await collector.stop();
  const stored = (await storedRows(collector.data)).filter((row) => row['log-status'] === 'OK').map((row) => `${String(row['srcaddr'])} ${String(row['packets'])}`);
  t.deepEqual(stored.sort(), ROWS.slice(0, 12 * ROWS_A_BATCH).map(({ packets }, row) => `0.0.0.${row} ${packets}`).sort());
});
