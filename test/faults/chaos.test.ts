import test from 'ava';
import { runChaos } from './chaos.ts';

const SEED = Number(process.env['WEIR_TEST_SEED'] ?? Date.now() % 1_000_000);

test.serial(`agents, collector and network fail at random: what is stored is what was made, or stated to be lost (seed ${SEED})`, async (t) => {
  t.timeout(900_000);
  const { violations, counts, ...outcome } = await runChaos({
    seed: SEED, forMs: 6_000, batches: 30, agents: 3, windowEveryMs: 60, rows: 60, largeEvery: 0,
    agentLifeMs: 5_000, collectorLifeMs: 6_000, awayMs: 500, weatherMs: 1_200, delayMs: 200,
  });
  t.log(outcome, Object.fromEntries(counts));
  t.deepEqual(violations.slice(0, 20), []);
  t.true(outcome.stored > 0 && outcome.agentKills > 0);
});
