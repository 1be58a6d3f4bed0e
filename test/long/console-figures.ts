/**
 * What the console promises of a LogStore with 10 million rows, seen in Chromium against a collector of its own process:
 * first paint and a search of the explorer under 1 s on loopback, and no long task while 100,000 rows are scrolled. How
 * long the panels of dashboards take is told besides.
 * Limit: 30 min
 *
 *     npx tsx test/long/console-figures.ts [--rows 10000000] [--data DIR] [--only data|paint|searches|scroll|panels]
 *
 * `bench/query-flows.ts` makes the rows. With --data they stay in DIR and are used again.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import type { Browser, Page, Request } from 'playwright-core';
import { reportQueries } from '../../aggregator/control/report-queries.ts';
import { FLOW_CONTEXT, FlowMaker, sealsOf } from '../../bench/query-flows.ts';
import { Records } from '../../shared/records.ts';
import { encodeColumnar } from '../../shared/wire/encode-columnar.ts';
import { client, runCollector, type RunningCollector } from '../aggregator/collector-fixture.ts';
import { launchBrowser, openConsole, signIn, WIDE } from '../browser/browser-page.ts';
import { scrollRows } from '../browser/many-records.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LOGSTORE = 'flows';
const WINDOWS = 10;
const SEED = 1;
const BATCH_ROWS = 100_000;
const ROUNDS = 5;
const PANEL_ROUNDS = 3;
const PROMISED_MS = 1000;
const LONG_TASK_MS = 50;
const SCROLLED_ROWS = 100_000;
/** What one searches for: much and little, by word, port, ENI, network, size, and with a SELECT. */
const SEARCHES = ['', 'action:REJECT', 'dstport:22', 'action:REJECT and dstport in [1 1024]', 'srcaddr:11.0.0.0/8', 'eni-id:*', 'bytes > 1000000', '* | SELECT dstport, sum(bytes) AS bytes GROUP BY dstport ORDER BY bytes DESC LIMIT 10'] as const;

const ends: (() => unknown)[] = [];
const t = { teardown: (end: () => unknown) => { ends.push(end); } } as unknown as ExecutionContext;

async function makeData(data: string, rows: number): Promise<void> {
  const collector = await runCollector(t, { data });
  const maker = new FlowMaker(SEED);
  let sequence = 0;
  for (let window = 0; window < WINDOWS; window++) {
    const records = maker.window(window, rows / WINDOWS);
    for (let from = 0; from < records.count; from += BATCH_ROWS) {
      const to = Math.min(records.count, from + BATCH_ROWS);
      const part = new Records(records.windowStart, records.windowEnd - records.windowStart, to - from);
      for (let row = from; row < to; row++) part.copyRow(part.add(), records, row);
      const body = gzipSync(encodeColumnar([part], to === records.count ? sealsOf(records) : [], FLOW_CONTEXT), { level: 1 });
      const { status, document } = await collector.send({ body, sequence: ++sequence, agent: FLOW_CONTEXT.agentId, headers: { 'content-encoding': 'gzip', 'weir-logstore': LOGSTORE } });
      assert.equal(status, 200, JSON.stringify(document));
    }
  }
  await collector.flush();
  for (const end of ends.splice(0).reverse()) await end();
}

/** A collector as people run it: a process of its own. */
async function serve(data: string): Promise<RunningCollector> {
  const built = join(ROOT, 'dist/weir.js');
  const program = existsSync(built) ? [built] : ['--import=tsx', join(ROOT, 'weir.ts')];
  const child = spawn(process.execPath, [...program, 'collector', '--data', data, '--listen', '127.0.0.1:0'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => new Promise((resolve) => { child.once('exit', resolve); child.kill('SIGTERM'); }));
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the collector did not start: ${said}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const found = /collector on (http:\S+?),/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  return { data, url, ...client(url, readFileSync(join(data, 'admin-token'), 'utf8').trim()) } as RunningCollector;
}

interface Spread { readonly median: number; readonly most: number }

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)]!, most: sorted.at(-1)! };
}

function told(what: string, { median, most }: Spread): string {
  return `| ${what.replaceAll('|', '\\|')} | ${median.toFixed(0)} | ${most.toFixed(0)} |`;
}

const failures: string[] = [];
function promise(what: string, spread: Spread, limitMs: number): void {
  console.log(told(what, spread));
  if (spread.most > limitMs) failures.push(`${what}: ${spread.most.toFixed(0)} ms, more than ${limitMs}`);
}

/** With nothing of the page in the browser's cache; ms since the navigation began. */
async function firstPaint(browser: Browser, collector: RunningCollector): Promise<void> {
  const paints: number[] = [];
  const rows: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const shown = await openConsole(t, browser, collector, WIDE);
    await shown.open('/network');
    await signIn(shown, collector.adminToken);
    const session = await shown.context.cookies();
    await shown.context.close();
    const fresh = await openConsole(t, browser, collector, WIDE);
    await fresh.context.addCookies(session);
    await fresh.open(`/explorer?logstore=${LOGSTORE}&from=0`);
    await fresh.page.locator('.record').first().waitFor();
    rows.push(await fresh.page.evaluate<number>('performance.now()'));
    paints.push(await fresh.page.evaluate<number>("performance.getEntriesByName('first-contentful-paint')[0].startTime"));
    await fresh.context.close();
  }
  promise('first paint of the explorer', spreadOf(paints), PROMISED_MS);
  console.log(told('its first records', spreadOf(rows)));
}

/** Runs in the page: from the key that asks to the frame that shows the answer, and to the histogram of it. */
const ASK = `(async (text) => {
  const answered = (kind) => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/' + kind)).length;
  const before = { query: answered('query'), histogram: answered('histogram') };
  const frame = () => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
  const begun = performance.now();
  history.pushState(null, '', text);
  dispatchEvent(new PopStateEvent('popstate'));
  let answer = 0;
  let histogram = 0;
  for (;;) {
    await frame();
    if (answer === 0 && answered('query') > before.query && !document.querySelector('.records-section.loading')) answer = performance.now() - begun;
    if (histogram === 0 && answered('histogram') > before.histogram) histogram = performance.now() - begun;
    if (answer > 0 && histogram > 0) return [answer, histogram];
    if (performance.now() - begun > 60000) throw new Error('no answer in a minute');
  }
})`;

async function searches(page: Page): Promise<void> {
  for (const query of SEARCHES) {
    const answers: number[] = [];
    const histograms: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // another range each time, so that nothing is asked twice
      const address = `/explorer?${new URLSearchParams({ logstore: LOGSTORE, q: query, from: String(round + 1) }).toString()}`;
      await page.evaluate('performance.clearResourceTimings()');
      const [answer, histogram] = await page.evaluate<[number, number]>(`${ASK}(${JSON.stringify(address)})`);
      answers.push(answer);
      histograms.push(histogram);
      await page.waitForTimeout(400);
    }
    const name = query === '' ? 'everything' : `\`${query}\``;
    promise(`search: ${name}`, spreadOf(answers), PROMISED_MS);
    console.log(told('its histogram', spreadOf(histograms)));
  }
}

async function scrolling(page: Page, collector: RunningCollector): Promise<void> {
  await page.goto(`${collector.url}/explorer?logstore=${LOGSTORE}&from=0`);
  await page.locator('.record').first().waitFor();
  await page.locator('.cm-content').waitFor();
  const { rows, loadedMs, taskMs, longTasks } = await scrollRows(page, SCROLLED_ROWS, 300_000);
  assert.ok(rows >= SCROLLED_ROWS, `${rows} rows`);
  console.log(`\n${rows} rows scrolled, loaded in ${(loadedMs / 1000).toFixed(1)} s; ${taskMs.length} tasks, the longest took ${taskMs.slice(0, 5).map((ms) => ms.toFixed(1)).join(', ')} ms of processor time; long tasks that the browser reports: ${longTasks.length === 0 ? 'none' : longTasks.map((ms) => `${ms} ms`).join(', ')}`);
  if (taskMs[0]! > LONG_TASK_MS) failures.push(`a task of ${taskMs[0]!.toFixed(1)} ms`);
}

/** As an analysis report makes them, if there is none yet. */
async function addReport(collector: RunningCollector): Promise<void> {
  const { 'saved-queries': saved } = await collector.json<{ 'saved-queries': readonly unknown[] }>('/v1/saved-queries');
  if (saved.length > 0) return;
  for (const { name, query, chart, dashboard } of reportQueries(LOGSTORE)) {
    const answer = await collector.request('/v1/saved-queries', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name, logstore: LOGSTORE, query, chart, dashboard }) });
    assert.equal(answer.status, 201, await answer.text());
  }
}

/** Each panel's question, two of them at a time as the dashboard asks them, and the dashboard until its last panel is drawn. */
async function panels(page: Page, collector: RunningCollector): Promise<void> {
  await addReport(collector);
  for (const dashboard of ['overview', 'rejections', 'top talkers', '~between-enis', '~new-destinations']) {
    const times = new Map<string, number[]>();
    const whole: number[] = [];
    for (let round = 0; round < PANEL_ROUNDS; round++) {
      const asked: { query: string; ms: number }[] = [];
      const onFinished = (request: Request): void => { if (request.url().endsWith('/query')) asked.push({ query: (request.postDataJSON() as { query: string }).query, ms: request.timing().responseEnd }); };
      page.on('requestfinished', onFinished);
      const begun = performance.now();
      await page.goto(`${collector.url}/dashboards/${LOGSTORE}/${encodeURIComponent(dashboard)}?from=0`);
      await page.locator('.panel').first().waitFor();
      await page.locator('.panel[aria-busy="true"]').first().waitFor({ state: 'detached' });
      whole.push(performance.now() - begun);
      page.off('requestfinished', onFinished);
      const titles = new Map(await page.evaluate<[string, string][]>("[...document.querySelectorAll('.panel h2 a')].map((link) => [new URL(link.href).searchParams.get('q'), link.textContent])"));
      for (const { query, ms } of asked) times.set(titles.get(query)!, [...times.get(titles.get(query)!) ?? [], ms]);
    }
    for (const [title, spread] of times) console.log(told(`${dashboard}: ${title}`, spreadOf(spread)));
    console.log(told(`${dashboard}, all of it`, spreadOf(whole)));
  }
}

const PARTS = ['data', 'paint', 'searches', 'scroll', 'panels'] as const;
const { values: given } = parseArgs({ options: { rows: { type: 'string', default: '10000000' }, data: { type: 'string' }, only: { type: 'string', multiple: true, default: [...PARTS] } } });
const isAsked = (part: (typeof PARTS)[number]): boolean => given.only.includes(part);
assert.ok(given.only.every((part) => PARTS.includes(part as 'data')), `--only is one of ${PARTS.join(', ')}`);
const data = given.data ?? mkdtempSync(join(tmpdir(), 'weir-figures-'));
try {
  if (!existsSync(join(data, 'logstores', `logstore=${LOGSTORE}`))) await makeData(data, Number(given.rows));
  if (given.only.some((part) => part !== 'data')) {
    const collector = await serve(data);
    const browser = await launchBrowser();
    t.teardown(() => browser.close());
    const { rows, bytes } = await collector.json<{ rows: number; bytes: number }>(`/v1/logstores/${LOGSTORE}`);
    console.log(`${rows} rows, ${(bytes / rows).toFixed(1)} bytes each\n\n| | ms, median of ${ROUNDS} | most |\n|---|---|---|`);
    if (isAsked('paint')) await firstPaint(browser, collector);
    const shown = await openConsole(t, browser, collector, WIDE);
    await shown.open(`/explorer?logstore=${LOGSTORE}&from=0`);
    await signIn(shown, collector.adminToken);
    await shown.page.locator('.record').first().waitFor();
    if (isAsked('searches')) await searches(shown.page);
    if (isAsked('panels')) await panels(shown.page, collector);
    if (isAsked('scroll')) await scrolling(shown.page, collector);
    assert.deepEqual(shown.troubles(), []);
  }
} finally {
  for (const end of ends.reverse()) await Promise.resolve(end()).catch(() => undefined);
  if (given.data === undefined) rmSync(data, { recursive: true, force: true });
}
assert.deepEqual(failures, []);
