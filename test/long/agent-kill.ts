/** 200 times kill -9 in the middle of windows under traffic: recorded + admitted = sent, to the packet. Limit: 40 min */
import { killAgentRepeatedly } from '../faults/agent-kill.ts';

const KILLS = 200;
const SEED = 7;

const { sent, recorded, admitted, unknown } = await killAgentRepeatedly(KILLS, SEED, { tell: console.log });
console.log(`${KILLS} kills, seed ${SEED}: ${sent} sent = ${recorded} recorded + ${admitted} admitted, ${unknown} rows that cannot say`);
if (recorded + admitted !== sent || unknown > 0) process.exit(1);
