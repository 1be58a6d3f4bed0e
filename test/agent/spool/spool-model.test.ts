import test from 'ava';
import { runModel } from './spool-model.ts';

const RUNS = Number(process.env['WEIR_TEST_RUNS'] ?? 60);
const SEED = Number(process.env['WEIR_TEST_SEED'] ?? Date.now() % 1_000_000);
const STEPS = 80;

test(`${RUNS} lives on a disk that loses, tears and refuses: each row once or stated, to the packet (seed ${SEED})`, async (t) => {
  t.timeout(600_000);
  let crashes = 0;
  let dropped = 0;
  let sentAgain = 0;
  let renumbered = 0;
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const run = await runModel(seed, STEPS);
    t.deepEqual(run.faults, [], `seed ${seed}`);
    crashes += run.crashes;
    dropped += run.dropped;
    sentAgain += run.sentAgain;
    renumbered += run.renumbered;
  }
  t.log(`${crashes} crashes, ${dropped} rows dropped and stated, ${sentAgain} batches sent again, ${renumbered} numbers refused`);
  t.true(crashes > RUNS && dropped > 0 && sentAgain > 0 && renumbered > 0);
});
