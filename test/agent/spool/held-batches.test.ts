import test from 'ava';
import { seededRandom } from '../../../bench/random.ts';
import { SpoolWorld } from './spool-world.ts';

const SEGMENT_BYTES = 64 * 1024;
const LIMIT_BYTES = 16 * SEGMENT_BYTES;

/** A window of one batch of rows, and one of seals. */
async function window(world: SpoolWorld): Promise<void> {
  world.produce(5);
  world.sealWindow();
  await world.settled();
}

function segmentsOf(world: SpoolWorld): string[] {
  return [...world.disk.files()].map(([name]) => name).filter((name) => name.startsWith('segment'));
}

test('what the collector has stays until it is published, and goes again under its number when it is asked for', async (t) => {
  const world = new SpoolWorld(seededRandom(1), LIMIT_BYTES, 16_000);
  await world.start();
  for (let i = 0; i < 4; i++) await window(world);
  await world.ship(Infinity);
  t.is(world.spool.waitingBatches, 0);
  t.is(world.spool.heldBatches, 8);
  t.is(segmentsOf(world).length, 3);
  world.collector.damage(() => 0);
  t.not(world.faults().length, 0);
  await world.heed();
  t.deepEqual([world.sentAgain, world.faults()], [1, []]);
  t.is(world.spool.heldBatches, 8, 'it is not published yet');
  world.collector.publish(5);
  await world.heed();
  t.is(world.spool.heldBatches, 3);
  world.collector.publish(Infinity);
  await world.heed();
  t.is(world.spool.heldBatches, 0);
  t.is(segmentsOf(world).length, 1, 'the one that takes more');
});

test('a spool that is full gives what it holds before anything is lost, and holds a quarter at most', async (t) => {
  const world = new SpoolWorld(seededRandom(2), LIMIT_BYTES, 16_000);
  await world.start();
  for (let i = 0; i < 30; i++) {
    await window(world);
    await world.ship(Infinity);
    t.true(world.spool.bytes <= LIMIT_BYTES / 4 + SEGMENT_BYTES, `${world.spool.bytes} bytes`);
  }
  t.true(world.spool.bytes >= LIMIT_BYTES / 4);
  world.collector.luck = () => 'away';
  const held = world.spool.heldBatches;
  t.true(held > 8);
  // one segment is kept free, and one is begun
  while (world.spool.bytes < LIMIT_BYTES - 2 * SEGMENT_BYTES || world.spool.heldBatches > 3) await window(world);
  t.true(world.spool.bytes <= LIMIT_BYTES);
  world.collector.luck = () => 'taken';
  await world.ship(Infinity);
  t.is(world.droppedRows, 0);
  t.deepEqual(world.faults(), []);
});

test('a batch that was taken apart is not held, nor is anything by the next process', async (t) => {
  const world = new SpoolWorld(seededRandom(3), LIMIT_BYTES, 16_000);
  await world.start();
  await window(world);
  const first = (await world.spool.next(true))!;
  world.spool.split([{ rows: [0, 2], seals: [0, 0] }, { rows: [2, 5], seals: [0, 0] }]);
  for (let part = 0; part < 2; part++) {
    await world.spool.next(true);
    await world.spool.acknowledged();
  }
  t.is(world.spool.heldBatches, 0);
  t.is(await world.spool.readHeld(first.epoch, first.sequence), null);
  await world.spool.next(true);
  await world.spool.acknowledged();
  t.is(world.spool.heldBatches, 1);
  t.is(await world.spool.next(true), null); // and that is durable
  world.crash(false);
  await world.start();
  t.deepEqual([world.spool.heldBatches, world.spool.bytes, segmentsOf(world)], [0, 0, []]);
});
