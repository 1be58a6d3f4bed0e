import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import winston from 'winston';
import type { WatchSpan } from '../../../aggregator/control/spans.ts';
import type { JournalFrame } from '../../../aggregator/journal/batch-frame.ts';
import { Journal } from '../../../aggregator/journal/journal.ts';
import { scanSegment } from '../../../aggregator/journal/segment.ts';
import { RollCall } from '../../../aggregator/publish/roll-call.ts';
import { AgentPositions } from '../../../aggregator/receive/agent-positions.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

const NO_ATTRIBUTES = { vswitchId: null, vmId: null, vpcId: null, accountId: null, region: null };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function watch(eniId: string, agentId: string, fromMs: number, untilMs: number | null, windowSeconds = 60): WatchSpan {
  return { eniId, agentId, fromMs, untilMs, windowSeconds, attributes: NO_ATTRIBUTES };
}

interface Run {
  readonly warnings: string[];
  /** Ends like a process that is killed: what is in the journal stays. */
  end(): Promise<void>;
}

/** A start of the collector at this time, on what is in the directory. */
async function runAt(t: ExecutionContext, directory: string, nowMs: number, watches: readonly WatchSpan[]): Promise<Run> {
  const positions = new AgentPositions();
  const journal = await Journal.open({
    directory, onFrame: ({ agent, epoch, sequence }) => positions.advance(agent, epoch, sequence), onDamage: () => t.fail(),
  }, 1);
  const warnings: string[] = [];
  const stream = new Writable({ write: (chunk, _encoding, done) => { warnings.push(String(chunk).trim()); done(); } });
  const log = winston.createLogger({ format: winston.format.printf(({ message }) => String(message)), transports: [new winston.transports.Stream({ stream })] });
  const rollCall = new RollCall({ journal, positions, watches: () => watches, onCalled: () => {}, log, now: () => nowMs });
  await rollCall.start();
  return { warnings, end: async () => { await rollCall.stop(); await journal.close(); } };
}

function called(directory: string): string[] {
  const calls: string[] = [];
  for (const name of readdirSync(directory).sort()) {
    scanSegment(join(directory, name), (header) => {
      const { sequence, agent, rollCall, logStore } = header as JournalFrame;
      if (logStore !== null || sequence !== rollCall!.start / rollCall!.seconds) throw new Error(`an odd frame of ${agent}`);
      calls.push(`${rollCall!.start}+${rollCall!.seconds} ${rollCall!.expected.map(({ eniId, agentId }) => `${eniId}@${agentId}`).join(' ')}`);
    });
  }
  return calls;
}

test('each window is called once, over restarts at any time, with those who were to watch it from its start', async (t) => {
  const directory = join(temporaryDirectory(t), 'journal');
  const spans = [watch('e1', 'a', 130_000, 300_000), watch('e1', 'b', 300_000, null), watch('e2', 'a', 180_000, 181_000), watch('e9', 'a', 300_000, 500_001, 300), watch('e3', 'a', 181_000, 239_999)];
  for (const seconds of [100, 179, 180, 200, 200, 250, 420, 421, 601]) await (await runAt(t, directory, seconds * 1000, spans)).end();
  t.deepEqual(called(directory), [
    '180+60 e1@a e2@a', '240+60 e1@a', '300+60 e1@b', '360+60 e1@b', '420+60 e1@b', '480+60 e1@b', '540+60 e1@b', '300+300 e9@a',
  ]);
});

test('nobody was to watch: no frame', async (t) => {
  const directory = join(temporaryDirectory(t), 'journal');
  await (await runAt(t, directory, 10 * HOUR_MS, [])).end();
  await (await runAt(t, directory, 10 * HOUR_MS, [watch('e1', 'a', 120_000, 180_000)])).end();
  await (await runAt(t, directory, 20 * HOUR_MS, [watch('e1', 'a', 120_000, 180_000)])).end();
  t.deepEqual(called(directory), ['120+60 e1@a']);
});

test('after a long stop the last day is called, and the log says what was not', async (t) => {
  const directory = join(temporaryDirectory(t), 'journal');
  const spans = [watch('e1', 'a', 0, null, 3600)];
  await (await runAt(t, directory, 2 * HOUR_MS, spans)).end();
  const late = await runAt(t, directory, 3 * DAY_MS, spans);
  await late.end();
  t.deepEqual(late.warnings, ['nobody noted who was to seal the windows of 3600 s from 1970-01-01T02:00:00.000Z to 1970-01-03T00:00:00.000Z, while the collector was not running: of these, only what agents still send is known']);
  const calls = called(directory);
  t.is(calls.length, 2 + 24);
  t.is(calls[2], '172800+3600 e1@a');
  const again = await runAt(t, directory, 3 * DAY_MS + HOUR_MS, spans);
  await again.end();
  t.deepEqual([again.warnings, called(directory).length], [[], 27]);
});
