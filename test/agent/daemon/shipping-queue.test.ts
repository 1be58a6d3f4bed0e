import test from 'ava';
import { ShippingQueue } from '../../../agent/daemon/shipping-queue.ts';
import type { BatchContents } from '../../../agent/ship/batch-packer.ts';
import { CollectorRefusal, type Shipper } from '../../../agent/ship/shipper.ts';

const KILOBYTE = 1000;

function contents(windowStarts: number[], isSealed = true): BatchContents {
  return { windowStarts, rows: 10, packets: 100, sealedStarts: isSealed ? windowStarts : [] };
}

/** A collector that answers when it is told to. */
function lab(limitBytes: number): {
  queue: ShippingQueue; sent: number[]; lost: { starts: readonly number[]; rows: number; reason: string }[]; answer(error?: Error): Promise<void>;
} {
  const sent: number[] = [];
  const lost: { starts: readonly number[]; rows: number; reason: string }[] = [];
  let pending: { resolve: () => void; reject: (error: Error) => void } | null = null;
  const shipper = { send: () => new Promise<void>((resolve, reject) => (pending = { resolve, reject })) } as unknown as Shipper;
  const queue = new ShippingQueue(shipper, limitBytes, new AbortController().signal, {
    sent: ({ windowStarts }) => sent.push(windowStarts[0]!),
    lost: (starts, { rows }, reason) => lost.push({ starts, rows, reason }),
    refused: () => {},
  });
  const answer = async (error?: Error): Promise<void> => {
    const { resolve, reject } = pending!;
    pending = null;
    if (error) reject(error);
    else resolve();
    await new Promise((later) => setImmediate(later));
  };
  return { queue, sent, lost, answer };
}

test('batches go one after the other, in order', async (t) => {
  const { queue, sent, answer } = lab(100 * KILOBYTE);
  for (let window = 0; window < 5; window++) queue.add(Buffer.alloc(KILOBYTE), contents([window]));
  t.is(queue.waitingBatches, 5);
  t.is(queue.waitingBytes, 5 * KILOBYTE);
  t.is(queue.oldestWindowStart, 0);
  for (let window = 0; window < 5; window++) await answer();
  await queue.drained();
  t.deepEqual(sent, [0, 1, 2, 3, 4]);
  t.is(queue.waitingBytes, 0);
  t.is(queue.oldestWindowStart, null);
});

test('beyond the limit the oldest windows go, not the batch that is being sent, and it is said', async (t) => {
  const { queue, lost, sent, answer } = lab(3 * KILOBYTE);
  for (let window = 0; window < 10; window++) queue.add(Buffer.alloc(KILOBYTE), contents([window]));
  t.true(queue.waitingBytes <= 3 * KILOBYTE);
  t.deepEqual(lost.flatMap(({ starts }) => starts), [1, 2, 3, 4, 5, 6, 7]);
  t.is(lost.reduce((rows, one) => rows + one.rows, 0), 70);
  for (let left = 0; left < 3; left++) await answer();
  t.deepEqual(sent, [0, 8, 9]);
});

test('of a window that lost rows no seal is sent, whether it waits already or comes later', async (t) => {
  const { queue, lost, sent, answer } = lab(3 * KILOBYTE);
  queue.add(Buffer.alloc(KILOBYTE), contents([0]));
  queue.add(Buffer.alloc(KILOBYTE), contents([1], false));
  queue.add(Buffer.alloc(KILOBYTE), contents([2], false));
  queue.add(Buffer.alloc(KILOBYTE), contents([1])); // seals window 1
  t.deepEqual(lost.map(({ starts }) => starts), [[1]]);
  t.is(lost[0]!.rows, 20, 'both batches of the window');
  queue.add(Buffer.alloc(1.2 * KILOBYTE), contents([3], false));
  t.deepEqual(lost[1]!.starts, [2]);
  queue.add(Buffer.alloc(KILOBYTE / 2), contents([2])); // its seal comes now
  t.deepEqual(lost[2]!.starts, [2]);
  queue.add(Buffer.alloc(KILOBYTE / 2), contents([2], true));
  for (let left = 0; left < 3; left++) await answer();
  t.deepEqual(sent, [0, 3, 2], 'a window that is sealed again is another story');
});

test('rows of the next window that went with a lost batch damage the next window too', (t) => {
  const { queue, lost } = lab(2.5 * KILOBYTE);
  queue.add(Buffer.alloc(KILOBYTE), contents([0]));
  queue.add(Buffer.alloc(KILOBYTE), { ...contents([1, 2]), sealedStarts: [1] });
  queue.add(Buffer.alloc(KILOBYTE), contents([9]));
  t.deepEqual(lost.map(({ starts }) => starts), [[1, 2]]);
  queue.add(Buffer.alloc(10), contents([2]));
  t.deepEqual(lost[1]!.starts, [2]);
  queue.add(Buffer.alloc(10), contents([3]));
  t.is(lost.length, 2);
});

test('a batch that the collector will never take does not stop the others', async (t) => {
  const { queue, lost, sent, answer } = lab(100 * KILOBYTE);
  queue.add(Buffer.alloc(KILOBYTE), contents([0]));
  queue.add(Buffer.alloc(KILOBYTE), contents([1]));
  await answer(new CollectorRefusal(422, 'refused: not a batch'));
  await answer();
  t.deepEqual(lost.map(({ starts, reason }) => [starts, reason]), [[[0], 'refused: not a batch']]);
  t.deepEqual(sent, [1]);
});

test('what is left at the end is lost, and said', (t) => {
  const { queue, lost } = lab(100 * KILOBYTE);
  queue.add(Buffer.alloc(KILOBYTE), contents([7]));
  queue.abandon('the end');
  t.deepEqual(lost.map(({ starts }) => starts), [[7]]);
  t.is(queue.waitingBytes, 0);
});
