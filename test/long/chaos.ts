/**
 * Agents, collector and network that fail at random, for so many minutes (60) and with this seed (1): equality, or loss
 * stated to the row. SIGINT ends it early, with all that it finds. Limit: 100 min
 */
import { runChaos } from '../faults/chaos.ts';

const minutes = Number(process.argv[2] ?? process.env['WEIR_TEST_MINUTES'] ?? 60);
const seed = Number(process.argv[3] ?? process.env['WEIR_TEST_SEED'] ?? 1);

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
console.log(`${minutes} minutes, seed ${seed}`);
const { violations, counts, ...outcome } = await runChaos({
  seed, forMs: minutes * 60_000, batches: 0, agents: 5, windowEveryMs: 2_000, rows: 120, largeEvery: 400,
  agentLifeMs: 90_000, collectorLifeMs: 90_000, awayMs: 20_000, weatherMs: 90_000, delayMs: 3_000, stop: stop.signal, tell: console.log,
});
for (const [what, count] of counts) console.log(`${String(count).padStart(8)} ${what}`);
console.log(outcome);
console.log(`${violations.length} violations`);
for (const violation of violations.slice(0, 100)) console.log(violation);
process.exit(violations.length === 0 ? 0 : 1);
