import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import test from 'ava';
import fc from 'fast-check';
import { PacketMemory } from '../../../agent/kernel/packet-memory.ts';
import { END_CLOSED, END_PARTIAL, KeyRing } from '../../../agent/parallel/key-ring.ts';

test('queues come out in the order in which they were published, whichever way both sides take turns', (t) => {
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 2000 }), (turns) => {
    const memory = PacketMemory.withoutKernel();
    const writer = KeyRing.create(1, memory);
    const reader = KeyRing.attach(structuredClone(writer.memory), memory);
    let written = 0;
    let read = 0;
    const takeOne = (): void => {
      const queue = reader.take()!;
      t.deepEqual([queue.keys[0], queue.count], [read, read % 3]);
      reader.release();
      read++;
    };
    for (const isWriters of turns) {
      if (isWriters && writer.hasRoom) {
        writer.next.keys[0] = written;
        writer.next.count = written++ % 3;
        writer.publish();
      } else if (read < written) {
        takeOne();
      }
    }
    writer.end(END_PARTIAL);
    while (read < written) takeOne();
    t.is(reader.take(), null);
    t.is(reader.ending, END_PARTIAL);
  }), { numRuns: 100 });
});

test('a full ring has no room until the reader has let go of a queue', (t) => {
  const ring = KeyRing.create(1, PacketMemory.create());
  let filled = 0;
  for (; ring.hasRoom; filled++) ring.publish();
  t.true(filled > 1);
  ring.take();
  t.false(ring.hasRoom);
  ring.release();
  t.true(ring.hasRoom);
});

test('a reader that waits in another thread wakes for each queue and for the end', async (t) => {
  const memory = PacketMemory.create();
  const ring = KeyRing.create(1, memory);
  const modules = ['parallel/key-ring.ts', 'kernel/packet-memory.ts'].map((path) => new URL(`../../../agent/${path}`, import.meta.url).href);
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    import('tsx/esm/api').then(({ register }) => { register(); return Promise.all(${JSON.stringify(modules)}.map((module) => import(module))); }).then(([{ KeyRing }, { PacketMemory }]) => {
      const ring = KeyRing.attach(workerData.ring, PacketMemory.attach(workerData.memory));
      let sum = 0;
      let next = 0;
      let isOrdered = true;
      for (let queue = ring.take(); queue !== null; queue = ring.take()) {
        isOrdered &&= queue.keys[0] === next++;
        sum += queue.count;
        ring.release();
      }
      parentPort.postMessage([next, sum, isOrdered]);
    });`;
  const worker = new Worker(program, { eval: true, workerData: { ring: ring.memory, memory: memory.shared } });
  const QUEUES = 20_000;
  const answer = once(worker, 'message');
  for (let i = 0; i < QUEUES; i++) {
    for (let events = ring.events; !ring.hasRoom; events = ring.events) ring.awaitEvent(events, 10);
    ring.next.keys[0] = i;
    ring.next.count = 2;
    ring.publish();
  }
  ring.end(END_CLOSED);
  t.deepEqual(await answer, [[QUEUES, 2 * QUEUES, true]]);
});
