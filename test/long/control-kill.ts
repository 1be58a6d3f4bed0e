/** 200 times kill -9 in the midst of applies and flow-log changes: the state is the one before or the one after. Limit: 40 min */
import { killDuringChanges } from '../faults/control-kill.ts';

const KILLS = 200;
const SEED = Number(process.env['WEIR_TEST_SEED'] ?? 7);

const outcome = await killDuringChanges(KILLS, SEED, console.log);
console.log(`${KILLS} kills, seed ${SEED}: ${JSON.stringify(outcome)}`);
// each must have been met
if (outcome.before === 0 || outcome.after === 0 || outcome.answered === 0 || outcome.duringStart === 0) process.exit(1);
