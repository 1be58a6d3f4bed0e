import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { ReportDocument } from '../../../agent/assignment/control-channel.ts';
import { ReportSender } from '../../../agent/assignment/report-sender.ts';
import { WeirError } from '../../../shared/errors.ts';

const PATIENCE_MS = 60_000;

function reportOf(revision: number): ReportDocument {
  return { host: 'h', version: '1', started: '2026-01-01T00:00:00Z', interfaces: [], revision, assignment: null, enis: [] };
}

class Desk {
  /** null: there is nobody to tell. */
  revision: number | null = 1;
  isRefused = false;
  readonly sent: { readonly revision: number; readonly atMs: number }[] = [];
  readonly failedMs: number[] = [];
  readonly sender: ReportSender;

  constructor(t: ExecutionContext) {
    this.sender = new ReportSender(
      () => (this.revision === null ? null : reportOf(this.revision)),
      async (report) => {
        if (this.isRefused) throw new WeirError('NETWORK', 'away');
        this.sent.push({ revision: report.revision, atMs: performance.now() });
      },
      { sent: () => {}, failed: () => this.failedMs.push(performance.now()) });
    t.teardown(() => this.sender.stop());
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    for (const limit = performance.now() + PATIENCE_MS; !holds(); await sleep(5)) {
      if (performance.now() > limit) throw new Error(`no ${what}; sent: ${JSON.stringify(this.sent)}`);
    }
  }
}

test('changes that come together are one report, which says what is so by then; what says the same is not sent', async (t) => {
  const desk = new Desk(t);
  for (let revision = 1; revision <= 5; revision++) {
    desk.revision = revision;
    desk.sender.changed();
  }
  await desk.until(() => desk.sent.length > 0, 'report');
  desk.sender.changed();
  await sleep(1500);
  t.deepEqual(desk.sent.map(({ revision }) => revision), [5]);
});

test('a change in each moment is a report a second', async (t) => {
  const desk = new Desk(t);
  const changing = setInterval(() => {
    desk.revision!++;
    desk.sender.changed();
  }, 10);
  t.teardown(() => clearInterval(changing));
  await desk.until(() => desk.sent.length === 3, 'three reports');
  const [first, second, third] = desk.sent;
  t.true(second!.atMs - first!.atMs >= 990 && third!.atMs - second!.atMs >= 990, JSON.stringify(desk.sent));
});

test('a report that fails is tried again, with what is so by then, and not sooner because of changes', async (t) => {
  const desk = new Desk(t);
  desk.isRefused = true;
  desk.sender.changed();
  await desk.until(() => desk.failedMs.length === 1, 'failure');
  desk.isRefused = false;
  desk.revision = 2;
  desk.sender.changed();
  await desk.until(() => desk.sent.length === 1, 'report');
  t.is(desk.sent[0]!.revision, 2);
  const pauseMs = desk.sent[0]!.atMs - desk.failedMs[0]!;
  t.true(pauseMs >= 950, `${pauseMs} ms`);
});

test('without anybody to tell nothing is sent; who is told anew hears it again', async (t) => {
  const desk = new Desk(t);
  desk.revision = null;
  desk.sender.changed();
  await sleep(400);
  t.is(desk.sent.length, 0);
  desk.revision = 1;
  desk.sender.repeat();
  await desk.until(() => desk.sent.length === 1, 'report');
  desk.sender.repeat();
  await desk.until(() => desk.sent.length === 2, 'the same report');
  t.pass();
});
