import test from 'ava';
import { killDuringChanges } from './control-kill.ts';

const SEED = Number(process.env['WEIR_TEST_SEED'] ?? Date.now() % 1_000_000);

test.serial(`kill -9 in the midst of changes, three times: the state is the one before or the one after (seed ${SEED})`, async (t) => {
  t.timeout(900_000);
  const { kills, before, after, answered, changes } = await killDuringChanges(3, SEED);
  t.log(`${changes} changes answered; of ${kills} that were cut off ${before} were not made, ${after} were, ${answered} were answered before the kill`);
  t.is(kills, 3);
});
