import test from 'ava';
import fc from 'fast-check';
import { Problem } from '../../../aggregator/api/problem.ts';
import { FairBudget, type Share } from '../../../aggregator/receive/fair-budget.ts';

const LIMITS = { bytes: 100, bytesPerHolder: 60, waiting: 6, waitingPerHolder: 3, waitMs: 50_000 };

/** Notes in `order` who gets a share, and keeps the shares. */
function asker(budget: FairBudget) {
  const order: string[] = [];
  const shares: Share[] = [];
  const ask = (holder: string, bytes: number) => budget.take(holder, bytes).then((share) => {
    order.push(holder);
    shares.push(share);
  });
  return { order, shares, ask };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('holders that wait are served in turn, however much one of them asks for', async (t) => {
  const budget = new FairBudget({ ...LIMITS, bytesPerHolder: 100 });
  const { order, shares, ask } = asker(budget);
  const all = [ask('a', 100)];
  await settled();
  for (const holder of ['a', 'a', 'a', 'b', 'c', 'b']) all.push(ask(holder, 100));
  for (let given = 0; given < 7; given++) {
    await settled();
    shares[given]!.release();
  }
  await Promise.all(all);
  t.is(order.join(''), 'aabcaba');
  t.is(budget.heldBytes, 0);
  t.is(budget.waiting, 0);
});

test('one that has all it may have waits for itself and delays nobody; a large one is not passed over by small ones', async (t) => {
  const budget = new FairBudget(LIMITS);
  const { order, shares, ask } = asker(budget);
  void ask('a', 60);
  void ask('a', 10);
  void ask('b', 30);
  await settled();
  t.is(order.join(''), 'ab');
  void ask('c', 40);
  void ask('d', 5);
  await settled();
  t.is(order.join(''), 'ab', 'd waits behind c');
  shares[1]!.release();
  await settled();
  t.is(order.join(''), 'abc');
  shares[0]!.shrink(20);
  await settled();
  t.is(order.join(''), 'abcad');
});

test('what becomes free is given out at once, as far as it goes', async (t) => {
  const budget = new FairBudget({ ...LIMITS, bytesPerHolder: 100 });
  const { order, shares, ask } = asker(budget);
  void ask('a', 100);
  await settled();
  for (const holder of ['b', 'b', 'b', 'c']) void ask(holder, 25);
  await settled();
  shares[0]!.release();
  await settled();
  t.is(order.join(''), 'abcbb');
});

test('too many that wait are told to come back: 429 of one holder, 503 of all; and so is who waited too long', async (t) => {
  const budget = new FairBudget({ ...LIMITS, waitMs: 20 });
  const share = await budget.take('a', 60);
  const other = await budget.take('b', 40);
  const waiting = ['a', 'a', 'a', 'b', 'b', 'b'].map((holder) => t.throwsAsync(budget.take(holder, 10), { instanceOf: Problem, message: /no room for the batch within 0.02 s/ }));
  const own = await t.throwsAsync(budget.take('a', 10), { instanceOf: Problem });
  t.is(own.status, 429);
  t.regex(own.headers['retry-after'] ?? '', /^[123]$/);
  t.is((await t.throwsAsync(budget.take('c', 10), { instanceOf: Problem })).status, 503);
  for (const failure of await Promise.all(waiting)) t.is(failure!.status, 503);
  share.release();
  other.release();
  (await budget.take('c', 10)).release();
  t.is(budget.heldBytes, 0);
});

test('whatever is asked for and given back: never more than the budget, and everyone is served', async (t) => {
  const request = fc.record({ holder: fc.constantFrom('a', 'b', 'c'), bytes: fc.integer({ min: 0, max: 150 }), kept: fc.integer({ min: 0, max: 3 }), shrunk: fc.integer({ min: 1, max: 150 }) });
  await fc.assert(fc.asyncProperty(fc.array(request, { maxLength: 40 }), async (requests) => {
    const budget = new FairBudget({ ...LIMITS, waiting: 1000, waitingPerHolder: 1000 });
    const held = new Map<string, number>();
    const check = () => {
      const values = [...held.values()];
      if (values.some((bytes) => bytes > LIMITS.bytesPerHolder) || values.reduce((a, b) => a + b, 0) > LIMITS.bytes) throw new Error('more than the budget');
    };
    const change = (holder: string, bytes: number) => held.set(holder, (held.get(holder) ?? 0) + bytes);
    await Promise.all(requests.map(async ({ holder, bytes, kept, shrunk }) => {
      const share = await budget.take(holder, bytes);
      const mine = Math.min(Math.max(1, bytes), LIMITS.bytesPerHolder);
      change(holder, mine);
      check();
      for (let i = 0; i < kept; i++) await settled();
      const less = Math.min(mine, shrunk);
      change(holder, less - mine);
      share.shrink(shrunk);
      await settled();
      change(holder, -less);
      share.release();
    }));
    if (budget.heldBytes !== 0 || budget.waiting !== 0) throw new Error(`${budget.heldBytes} bytes are still held`);
  }), { numRuns: 200 });
  t.pass();
});
