import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import type { BatchNumber, PostAnswer } from '../../../agent/ship/collector-post.ts';
import { SpoolShipping, type PostBatch } from '../../../agent/ship/spool-shipping.ts';
import { DirectoryDisk } from '../../../agent/spool/spool-disk.ts';
import type { Spool } from '../../../agent/spool/spool.ts';
import { AgentPositions } from '../../../aggregator/receive/agent-positions.ts';
import { batchContents } from '../../../aggregator/receive/batch-contents.ts';
import { decodeCheckedColumnar } from '../../../shared/wire/decode-columnar.ts';
import { SmallDisk } from '../../aggregator/faults/full-disk.ts';
import { ROWS, openSpool, windowBatch } from '../ship/spooled-batches.ts';

const CYCLES = Number(process.env['WEIR_TEST_CYCLES'] ?? 15);
const ROWS_A_BATCH = 600;
const BATCHES_A_CYCLE = 3;
/** Room for some segments, which are as small as they get. */
const LIMIT_BYTES = 2 * 1024 * 1024;
const EVENTS = { sent() {}, retry() {}, refused() {}, renumbered() {}, setAside() {} };

/** Counts rows by window, each batch by its number once. */
class CountingCollector implements PostBatch {
  readonly rows = new Map<number, number>();
  droppedRecords = 0;
  private readonly positions = new AgentPositions();

  async post(gzipped: Uint8Array, { agentId, epoch, sequence }: BatchNumber): Promise<PostAnswer> {
    const place = this.positions.place(agentId, epoch, sequence);
    if (place.kind === 'gap' || place.kind === 'stale-epoch') return { kind: 'out-of-order', newestEpoch: place.kind === 'gap' ? 0 : place.newest, reason: place.kind };
    if (place.kind === 'next') this.store(gzipped);
    this.positions.advance(agentId, epoch, sequence);
    return { kind: 'acknowledged' };
  }

  private store(gzipped: Uint8Array): void {
    const { batches, seals } = decodeCheckedColumnar(gunzipSync(gzipped));
    for (const { start, enis } of batchContents(batches)) this.rows.set(start, enis.reduce((sum, [, rows]) => sum + rows, this.rows.get(start) ?? 0));
    for (const seal of seals) this.droppedRecords += seal.droppedRecords;
  }
}

interface Life {
  readonly spool: Spool;
  readonly shipping: SpoolShipping;
  /** As kill -9 does: nothing is closed. */
  end(): Promise<void>;
}

async function live(folder: string, collector: PostBatch, notes: string[]): Promise<Life> {
  const spool = await openSpool(await DirectoryDisk.open(folder), notes, LIMIT_BYTES);
  const ending = new AbortController();
  const shipping = new SpoolShipping(spool, collector, ending.signal, EVENTS);
  const running = shipping.run();
  return {
    spool, shipping,
    end: () => {
      ending.abort();
      return running;
    },
  };
}

function smallDisk(t: ExecutionContext): SmallDisk | null {
  if (process.getuid?.() !== 0) {
    t.log('a disk of its own can only be mounted by root: nothing was tested');
    return null;
  }
  const disk = SmallDisk.mount(8);
  t.teardown(() => disk.unmount());
  return disk;
}

test(`a disk of its own that is full ${CYCLES} times: every row reaches the collector once, whatever was started in the midst of it`, async (t) => {
  t.timeout(600_000);
  const disk = smallDisk(t);
  if (disk === null) {
    t.pass();
    return;
  }
  const folder = join(disk.path, 'spool');
  const collector = new CountingCollector();
  const notes: string[] = [];
  let life = await live(folder, collector, notes);
  const ended: Spool[] = [];
  t.teardown(async () => {
    for (const spool of [...ended, life.spool]) await spool.close();
  });
  const windows: number[] = [];
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    // at different steps of what comes next
    disk.fill(cycle % 5 * 16_384);
    if (cycle % 4 === 3) {
      await life.end();
      ended.push(life.spool);
      life = await live(folder, collector, notes);
    }
    const batches = await Promise.all(Array.from({ length: BATCHES_A_CYCLE }, (_, i) => windowBatch(cycle * BATCHES_A_CYCLE + i, ROWS.slice(0, ROWS_A_BATCH))));
    windows.push(...batches.map(({ contents }) => contents.windowStart));
    const refusals = notes.length;
    const appended = Promise.all(batches.map(({ gzipped, contents }) => life.spool.append(gzipped, contents)));
    while (notes.length === refusals && await Promise.race([appended.then(() => false), new Promise((resolve) => setTimeout(() => resolve(true), 5))]));
    disk.empty();
    await appended;
  }
  await life.shipping.drained();
  await life.end();
  t.deepEqual(windows.filter((start) => collector.rows.get(start) !== ROWS_A_BATCH), []);
  t.is(collector.rows.size, windows.length);
  t.is(collector.droppedRecords, 0);
  t.is(life.spool.waitingBatches, 0);
  t.deepEqual(readdirSync(join(folder, 'quarantine')), []);
  const refusals = notes.filter((note) => note.includes('ENOSPC')).length;
  t.true(refusals >= CYCLES / 2, notes.join('\n'));
  t.deepEqual(notes.filter((note) => !note.includes('ENOSPC')), []);
  t.log(`${windows.length} batches with ${windows.length * ROWS_A_BATCH} rows, refused ${refusals} times`);
});
