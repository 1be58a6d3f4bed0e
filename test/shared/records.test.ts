import test from 'ava';
import { Records } from '../../shared/records.ts';

// in this order: what is released stays for all that follows

test.serial('rows that nobody took here, as those of another thread, are not kept', (t) => {
  new Records(0, 60, 5000).release();
  t.is(Records.take(0, 60, 64).eni.length, 64);
});

test.serial('released rows give their memory to the next ones that are taken, and only once', (t) => {
  const first = Records.take(0, 60, 5000);
  const second = Records.take(0, 60, 5000);
  first.add();
  first.release();
  const third = Records.take(600, 300, 64);
  t.is(third, first);
  t.deepEqual([third.windowStart, third.windowEnd, third.count], [600, 900, 0]);
  const fourth = Records.take(600, 300, 64);
  t.not(fourth, second);
  t.is(fourth.eni.length, 64);
});
