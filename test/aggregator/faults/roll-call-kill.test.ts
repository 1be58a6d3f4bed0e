import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import type { JournalFrame } from '../../../aggregator/journal/batch-frame.ts';
import { scanSegment } from '../../../aggregator/journal/segment.ts';
import { runCollector, temporaryDirectory } from '../collector-fixture.ts';
import { writePlannedData } from '../planned-data.ts';

const KILLS = 3;
/** Of windows of a second, more than there are kills. */
const LEAST_MS = 6000;
const SEED = Number(process.env['WEIR_TEST_SEED'] ?? Date.now() % 1_000_000);
const PROGRAM = fileURLToPath(new URL('./collector-process.ts', import.meta.url));
const INVENTORY = `
enis: [{eni-id: eni-a, addresses: [10.0.0.4], agent-id: agent-1}]
logstores: [{name: all}]
flow-logs: [{flow-log-id: fl-1, name: all, resource-type: ENI, resource-id: eni-a, traffic-type: All, logstore: all, window: 60s, status: Active}]
`;

async function start(data: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import=tsx', PROGRAM, data], { stdio: ['ignore', 'pipe', 'inherit'] });
  await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the collector did not start: exit code ${code}`))),
  ]);
  return child;
}

/** Windows called, by the numbers of their frames. */
function noteCalls(data: string, calls: Map<number, number>): void {
  for (const name of readdirSync(join(data, 'journal'))) {
    scanSegment(join(data, 'journal', name), (header) => {
      const { frame, rollCall } = header as JournalFrame;
      calls.set(frame, rollCall!.start);
    });
  }
}

interface Cell { readonly start: number; readonly state: string; readonly agents: readonly Record<string, unknown>[] }

test(`kill -9 at ${KILLS} random moments: each window of one second is called once, those of the stops too (seed ${SEED})`, async (t) => {
  const data = join(temporaryDirectory(t), 'data');
  writePlannedData(data, { inventory: INVENTORY, windowSeconds: 1, agents: ['agent-1'] });
  const calls = new Map<number, number>();
  let begunMs = Infinity;
  for (const moment of fc.sample(fc.integer({ min: 100, max: 1500 }), { numRuns: KILLS, seed: SEED })) {
    const child = await start(data);
    begunMs = Math.min(begunMs, performance.now());
    await new Promise((resolve) => setTimeout(resolve, moment));
    child.kill('SIGKILL');
    await once(child, 'exit');
    noteCalls(data, calls);
  }
  // some windows must have ended, however quick the machine is
  await new Promise((resolve) => setTimeout(resolve, begunMs + LEAST_MS - performance.now()));
  const last = await runCollector(t, { data });
  noteCalls(data, calls);
  await last.flush();
  const { cells } = await last.json<{ cells: Cell[] }>('/v1/completeness?logstore=all');
  const starts = [...calls.values()];
  t.true(starts.length > KILLS);
  t.deepEqual(starts.toSorted((a, b) => a - b), Array.from(starts, (_, i) => Math.min(...starts) + i), 'none twice, none left out');
  t.deepEqual(cells.slice(0, starts.length).map((cell) => cell.start), starts.toSorted((a, b) => a - b));
  t.true(cells.every(({ state, agents }) => state === 'MISSING' && agents.length === 1 && agents[0]!['agent-id'] === 'agent-1' && agents[0]!['expected'] === true));
});
