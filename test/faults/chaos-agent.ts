/**
 * An agent without its capture: the agent's own output, which packs, spools and ships, is told what to record. Makes
 * windows until it is killed; asked to drain, it makes none and ends when the collector has everything.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentCredential } from '../../agent/assignment/agent-credential.ts';
import { openCollectorOutput } from '../../agent/daemon/collector-output.ts';
import { StateDirectory } from '../../agent/daemon/state-directory.ts';
import { AgentMetrics } from '../../agent/metrics.ts';
import { seededRandom } from '../../bench/random.ts';
import { ChaosLedger } from './chaos-ledger.ts';
import { agentName, chaosContext, rowCount, windowNumber, windowRows, windowSeals, type MadeWindow, type WindowSizes } from './chaos-windows.ts';

export interface ChaosAgentTask extends WindowSizes {
  readonly seed: number;
  readonly agent: number;
  readonly folder: string;
  readonly url: string;
  readonly token: string;
  readonly spoolBytes: number;
  /** On average; null: none is made. */
  readonly windowEveryMs: number | null;
}

/** Windows on their way to the disk at the same time. */
const MAX_UNCONFIRMED = 3;
/** What one call of the sealer hands on of a large window. */
const LARGE_PART = 131_500;

const task = JSON.parse(process.argv[2]!) as ChaosAgentTask;
const { seed, agent, folder, windowEveryMs } = task;
const agentId = agentName(agent);
mkdirSync(folder, { recursive: true });
process.on('disconnect', () => process.exit(1));

const state = new StateDirectory(folder);
const settings = {
  url: task.url, tokenFile: null, enrolTokenFile: null, ca: null, clientCert: null, clientKey: null, logStore: null,
  waitingBytes: task.spoolBytes, spoolDirectory: null, spoolBytes: task.spoolBytes,
};
const tell = (text: string): void => void process.send!({ log: text });
const output = await openCollectorOutput({
  agentId, settings, credential: new AgentCredential({ agentId, settings, givenToken: task.token, directory: null }), stateDirectory: folder,
  nextEpoch: () => state.nextEpoch(), metrics: new AgentMetrics(), log: { info() {}, warn: tell, error: tell },
});
const ledger = new ChaosLedger(join(folder, 'ledger'));
const first = Math.max(-1, ...output.sealed.map(({ start }) => windowNumber(start))) + 1;
const life = ledger.begin(first);
process.send!({ started: first });

if (windowEveryMs === null) {
  while (output.shipping!.waitingBatches > 0) await sleep(20);
  await output.close(1000);
  process.exit(0);
} else {
  await makeWindows(windowEveryMs);
}

async function makeWindows(everyMs: number): Promise<void> {
  const random = seededRandom(seed * 7919 + agent * 101 + life);
  const context = chaosContext(agent);
  const unconfirmed: Promise<void>[] = [];
  for (let number = first; ; number++) {
    const made: MadeWindow = { seed, agent, number, life };
    const count = rowCount(made, task);
    for (let from = 0; from < count; from += LARGE_PART) output.sink.rows(windowRows(made, from, Math.min(count, from + LARGE_PART)), context);
    output.sink.seals(windowSeals(made, count), context);
    unconfirmed.push(output.handedOn().then(() => ledger.kept(number)));
    if (unconfirmed.length > MAX_UNCONFIRMED) await unconfirmed.shift();
    // several at once at times, as windows of several widths close
    if (random() > 0.2) await sleep(random() * 2 * everyMs);
  }
}
