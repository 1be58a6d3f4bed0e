import test from 'ava';
import fc from 'fast-check';
import type { LogStoreFile } from '../../../aggregator/logstore/catalog.ts';
import { inPageOrder, pageSteps, type PageStep } from '../../../aggregator/query/page-steps.ts';
import { queryPlan, type QueryRequest } from '../../../aggregator/query/query-plan.ts';
import type { RecordsQuestion } from '../../../aggregator/query/worker/worker-job.ts';
import { QueryServer } from './query-server.ts';
import { FIRST_WINDOW, sampleRecord, type SampleRecord, WINDOW_SECONDS } from './sample-store.ts';

const file = fc.record({ start: fc.integer({ min: 0, max: 5 }), seconds: fc.constantFrom(60, 120, 600), rows: fc.integer({ min: 1, max: 1000 }) })
  .map(({ start, seconds, rows }): LogStoreFile => ({ path: '', windowStart: start * 60, windowSeconds: seconds, rows, bytes: 1 }));

test('steps have every file, never cut a window, and grow', (t) => {
  fc.assert(fc.property(fc.array(file, { maxLength: 30 }), fc.boolean(), fc.integer({ min: 1, max: 500 }), (files, newestFirst, firstRows) => {
    const ordered = inPageOrder(files, newestFirst);
    const steps = pageSteps(ordered, firstRows);
    let next = 0;
    let rowsBefore = 0;
    let before: string | null = null;
    for (const step of steps) {
      const own = ordered.slice(next, next += step.files);
      const windows = [...new Set(own.map(({ windowStart, windowSeconds }) => `${windowStart}-${windowStart + windowSeconds}`))];
      if (windows[0] === before || own.length === 0) return false;
      before = windows.at(-1)!;
      if (windows.length === 1 ? `${step.window?.start}-${step.window?.end}` !== windows[0] : step.window !== null) return false;
      const rows = own.reduce((sum, { rows: count }) => sum + count, 0);
      if (step.rows !== rows) return false;
      if (next < ordered.length && rows < Math.max(firstRows, 4 * rowsBefore)) return false;
      rowsBefore += rows;
    }
    return next === files.length;
  }));
  t.deepEqual(pageSteps([]), []);
  const [early, late] = [0, 600].map((windowStart) => ({ path: '', windowStart, windowSeconds: 600, rows: 1_000_000, bytes: 1 })) as [LogStoreFile, LogStoreFile];
  t.deepEqual(inPageOrder([early, late], true), [late, early]);
  t.deepEqual(pageSteps([late, early])[0], { files: 1, rows: 1_000_000, window: { start: 600, end: 1200 } });
});

const server = new QueryServer({ deadlineMs: 120_000 });
const seconds = fc.constantFrom(WINDOW_SECONDS, 2 * WINDOW_SECONDS, 5 * WINDOW_SECONDS);
/** Windows of several lengths that begin together; records that are equal in every key, or without an ENI. */
const record = fc.tuple(sampleRecord, seconds, fc.integer({ min: 0, max: 9 }))
  .map(([made, length, dice]): SampleRecord => ({ ...made, 'end': (made['start'] as number) + length, ...(dice === 0 ? { 'eni-id': null } : {}) }));
test.before(async () => {
  const records = fc.sample(record, { numRuns: 300, seed: 5 });
  await server.store.add([...records, ...records.slice(0, 20), ...records.slice(0, 10)]);
});
test.after.always(() => server.stop());

async function allPages(request: QueryRequest, stepsOf: (files: readonly LogStoreFile[]) => PageStep[]): Promise<string[]> {
  const pages: string[] = [];
  let cursor: string | null = null;
  do {
    const { job } = queryPlan(server.store, server.pool.settings, 'test', { ...request, ...(cursor === null ? {} : { cursor }) }, FIRST_WINDOW);
    const files = job.files.map((path) => server.store.files('test', 0, Infinity).find((candidate) => candidate.path === path)!);
    const question = { ...(job.question as RecordsQuestion), steps: stepsOf(files) };
    const { answer, dispose } = await server.pool.run({ ...job, question });
    pages.push(Buffer.from(answer.body!).toString().replace(/"elapsedMs":[\d.]+/, '"elapsedMs":0'));
    cursor = answer.cursor;
    await dispose();
  } while (cursor !== null);
  return pages;
}

const search = fc.constantFrom('', 'eni-id:*', 'not eni-id:*', 'dstport:22', 'action:REJECT', 'tcp or srcaddr:10.0.0.0/8', 'nodata', 'bytes > 1000', 'rule-id:r-3',
  `start >= ${FIRST_WINDOW + WINDOW_SECONDS}`, `"eni-a1"`);
const request = fc.record({
  query: search, order: fc.constantFrom('oldest' as const, 'newest' as const), limit: fc.constantFrom(30, 50, 99),
  fields: fc.constantFrom('all', 'srcport,bytes'),
  from: fc.constantFrom(0, FIRST_WINDOW + 30, FIRST_WINDOW + 2 * WINDOW_SECONDS), to: fc.constantFrom(FIRST_WINDOW + 3 * WINDOW_SECONDS, FIRST_WINDOW + 10 * WINDOW_SECONDS),
});

test('step by step, pages are to the byte what one statement over all files gives', async (t) => {
  let records = 0;
  await fc.assert(fc.asyncProperty(request, fc.constantFrom(1, 30, 100), fc.constantFrom(1, 1_000_000), async (asked, firstRows, factor) => {
    const atOnce = await allPages(asked, (files) => [{ files: files.length, rows: 0, window: null }]);
    // with a million times the rows that they have, windows are read in parts
    const stepwise = await allPages(asked, (files) => pageSteps(files, firstRows).map((step) => ({ ...step, rows: factor * step.rows })));
    records += atOnce.reduce((sum, page) => sum + (JSON.parse(page) as { rowCount: number }).rowCount, 0);
    if (JSON.stringify(stepwise) !== JSON.stringify(atOnce)) throw new Error(`${atOnce.length} pages at once, ${stepwise.length} step by step`);
  }), { numRuns: 12, includeErrorInReport: true });
  t.true(records > 150);
});

test('steps behind a full page are not read', async (t) => {
  const { job } = queryPlan(server.store, server.pool.settings, 'test', { order: 'newest', limit: 3 }, FIRST_WINDOW);
  const steps = pageSteps(job.files.map((path) => server.store.files('test', 0, Infinity).find((candidate) => candidate.path === path)!), 1);
  t.true(steps.length > 2);
  const files = job.files.map((path, index) => (index < steps[0]!.files ? path : `${path}.gone`));
  const { answer, dispose } = await server.pool.run({ ...job, files, question: { ...(job.question as RecordsQuestion), steps } });
  t.is(answer.rows, 3);
  t.true(answer.truncated);
  await dispose();
});
