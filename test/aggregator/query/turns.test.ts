import test from 'ava';
import { Turns } from '../../../aggregator/query/turns.ts';

const LIMITS = { atOnce: 3, perHolder: 2, waiting: 6, waitingPerHolder: 4 };

test('one holder leaves room for another, and who waits gets his turn by holder', (t) => {
  const turns = new Turns(LIMITS);
  const order: string[] = [];
  const ask = (holder: string) => {
    if (turns.tryTake(holder)) order.push(holder);
    else t.truthy(turns.wait(holder, () => order.push(holder)));
  };
  for (const holder of 'aaaabbbc') ask(holder);
  t.is(order.join(''), 'aab');
  t.is(turns.holding, 3);
  turns.giveBack('a');
  t.is(order.join(''), 'aabc', 'c never had a turn');
  turns.giveBack('b');
  t.is(order.join(''), 'aabca', 'a had its last turn before b had its own');
  turns.giveBack('a');
  t.is(order.join(''), 'aabcab');
  for (const holder of 'cab') turns.giveBack(holder);
  t.is(order.join(''), 'aabcabab');
  for (const holder of 'ab') turns.giveBack(holder);
  t.is(turns.holding, 0);
  t.is(turns.waiting, 0);
});

test('a holder fills his part of the queue and not that of others; who leaves makes room', (t) => {
  const turns = new Turns(LIMITS);
  for (const holder of 'aab') t.true(turns.tryTake(holder));
  const leaving = Array.from({ length: 4 }, () => turns.wait('a', () => t.fail('a woke')));
  t.is(turns.wait('a', () => {}), null);
  t.truthy(turns.wait('b', () => {}));
  t.truthy(turns.wait('c', () => {}));
  t.is(turns.wait('c', () => {}), null, 'the queue is full');
  for (const leave of leaving) leave!();
  t.is(turns.waiting, 2);
  t.truthy(turns.wait('c', () => {}));
});

test('dismissed: all wake, nobody has a turn', (t) => {
  const turns = new Turns({ ...LIMITS, atOnce: 1 });
  t.true(turns.tryTake('a'));
  let woken = 0;
  for (const holder of 'abc') turns.wait(holder, () => woken++);
  turns.dismiss();
  t.is(woken, 3);
  t.is(turns.holding, 1);
  t.is(turns.waiting, 0);
});
