import test from 'ava';
import { seededRandom } from '../../../bench/random.ts';
import { SpoolWorld } from './spool-world.ts';

const LIMIT_BYTES = 16 * 64 * 1024;

test('three times as much as it may hold: kept + stated = produced, to the packet, and never more on the disk', async (t) => {
  const random = seededRandom(3);
  const world = new SpoolWorld(random, LIMIT_BYTES, 16_000);
  await world.start();
  let bytes = 0;
  let most = 0;
  while (bytes < 3 * LIMIT_BYTES) {
    for (let batch = 0; batch < 3; batch++) {
      world.produce(5);
      bytes += 16_000;
    }
    world.sealWindow();
    await world.settled();
    most = Math.max(most, world.spool.bytes, [...world.disk.files()].reduce((sum, [name, file]) => sum + (name.startsWith('segment') ? file.length : 0), 0));
  }
  t.true(most <= LIMIT_BYTES, `${most} bytes`);
  t.true(most > LIMIT_BYTES / 2);
  await world.ship(Infinity);
  t.deepEqual(world.faults(), []);
  const produced = world.windows.flatMap(({ batches }) => batches.flat()).length;
  t.is(world.collector.rows.size + world.droppedRows, produced);
  t.true(world.droppedRows > produced / 2 && world.collector.rows.size > produced / 8, `${world.droppedRows} of ${produced} dropped`);
});

test('what is being sent, and what its window has not sealed, is not dropped', async (t) => {
  const world = new SpoolWorld(seededRandom(4), LIMIT_BYTES, 16_000);
  await world.start();
  world.produce(5);
  world.sealWindow();
  await world.settled();
  world.collector.luck = () => 'answer lost';
  await world.ship(1);
  for (let window = 0; window < 60; window++) {
    world.produce(5);
    world.produce(5);
    world.sealWindow();
  }
  for (let batch = 0; batch < 90; batch++) world.produce(5);
  await world.settled();
  world.collector.luck = () => 'taken';
  // whoever made the rows of the open window makes them again: had their loss been stated, it would count twice
  world.crash(false);
  await world.start();
  await world.settled();
  await world.ship(Infinity);
  world.sealWindow();
  await world.settled();
  await world.ship(Infinity);
  t.deepEqual(world.faults(), []);
  t.true(world.droppedRows > 0);
});

test('a window larger than the spool: what did not fit is stated when it is sealed', async (t) => {
  const world = new SpoolWorld(seededRandom(5), LIMIT_BYTES, 16_000);
  await world.start();
  for (let batch = 0; batch < 100; batch++) world.produce(5);
  world.sealWindow();
  await world.settled();
  await world.ship(Infinity);
  t.deepEqual(world.faults(), []);
  t.true(world.droppedRows > 100 && world.collector.rows.size > 100);
});

test('100 times the disk is full and has room again: nothing is lost that fits into memory, and no restart is needed', async (t) => {
  const random = seededRandom(6);
  const world = new SpoolWorld(random, LIMIT_BYTES, 3000);
  await world.start();
  for (let cycle = 0; cycle < 100; cycle++) {
    // from some call on
    let left = Math.floor(random() * 8);
    world.disk.fault = (call) => (call === 'write' || call === 'allocate' ? (left-- > 0 ? null : 'ENOSPC') : null);
    world.produce(3);
    world.sealWindow();
    for (let turns = Math.floor(random() * 40); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    world.disk.fault = () => null;
    if (cycle % 10 === 0) {
      await world.settled();
      await world.ship(20);
    }
  }
  await world.settled();
  await world.ship(Infinity);
  t.deepEqual(world.faults(), []);
  t.is(world.droppedRows, 0);
});
