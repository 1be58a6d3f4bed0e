import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { NOWHERE, PacketMemory } from '../../../agent/kernel/packet-memory.ts';

const MODULE = new URL('../../../agent/kernel/packet-memory.ts', import.meta.url).href;

test('pieces keep apart, whatever is taken after them, and are zeros when they are taken again', (t) => {
  const memory = PacketMemory.create();
  const pieces = [10, 4096, 4097, 1 << 20, 200 << 20].map((bytes) => memory.take(bytes));
  const views = pieces.map(({ buffer, offset, bytes }) => new Uint8Array(buffer, offset, bytes));
  views.forEach((view, index) => view.fill(index + 1));
  t.true(views.every((view, index) => view[0] === index + 1 && view[view.length - 1] === index + 1));
  t.true(pieces.every(({ address, offset }) => address === offset && offset % 4096 === 0));
  memory.giveBack(pieces[1]!);
  const again = memory.take(4000);
  t.is(again.offset, pieces[1]!.offset);
  t.true(views[1]!.every((byte) => byte === 0));
  t.not(memory.take(4000).offset, pieces[1]!.offset);
});

test('another thread takes pieces of the same memory, and both see the same', async (t) => {
  const memory = PacketMemory.create();
  const mine = memory.take(8);
  new Int32Array(mine.buffer, mine.offset, 1)[0] = 77;
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    import('tsx/esm/api').then(({ register }) => { register(); return import('${MODULE}'); }).then(({ PacketMemory }) => {
      const memory = PacketMemory.attach(workerData.memory);
      const { buffer, offset } = memory.seen(workerData.mine);
      const theirs = memory.take(100 << 20);
      parentPort.postMessage([new Int32Array(buffer, offset, 1)[0], theirs.offset, memory.secret0, memory.secret1, memory.kernel !== null]);
    });`;
  const worker = new Worker(program, { eval: true, workerData: { memory: memory.shared, mine } });
  const [[seen, offset, ...rest]] = (await once(worker, 'message')) as [[number, number, ...unknown[]]];
  await worker.terminate();
  t.is(seen, 77);
  t.deepEqual(rest, [memory.secret0, memory.secret1, true]);
  t.true(offset > mine.offset);
  t.true(memory.take(8).offset >= offset + (100 << 20));
});

test('what is beyond the kernel\'s reach is memory all the same', (t) => {
  const memory = PacketMemory.create();
  memory.take(3 * 2 ** 30);
  const beyond = memory.take(1.5 * 2 ** 30);
  t.is(beyond.address, NOWHERE);
  t.is(beyond.buffer.byteLength, 1.5 * 2 ** 30);
  t.not(memory.take(2 ** 20).address, NOWHERE);
});
