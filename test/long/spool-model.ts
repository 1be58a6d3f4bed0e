/** 3,000 lives of a spool on a disk that loses, tears and refuses: each row once or stated, to the packet. Limit: 30 min */
import { runModel } from '../agent/spool/spool-model.ts';

const RUNS = 3000;
const SEED = Number(process.env['WEIR_TEST_SEED'] ?? 1);
const sum = { crashes: 0, dropped: 0, windows: 0, faulty: 0 };
for (let seed = SEED; seed < SEED + RUNS; seed++) {
  const { faults, crashes, dropped, windows } = await runModel(seed, 60);
  sum.crashes += crashes;
  sum.dropped += dropped;
  sum.windows += windows;
  if (faults.length === 0) continue;
  sum.faulty++;
  console.log(`seed ${seed}: ${faults.join('; ')}`);
}
console.log(`seeds ${SEED} to ${SEED + RUNS - 1}: ${sum.windows} windows, ${sum.crashes} crashes, ${sum.dropped} rows dropped and stated, ${sum.faulty} runs that do not add up`);
process.exit(sum.faulty === 0 ? 0 : 1);
