/** A hundred thousand records, and values that nobody would want in a page. */
import test from 'ava';
import type { Browser } from 'playwright-core';
import { runCollector, type RunningCollector } from '../aggregator/collector-fixture.ts';
import { launchBrowser, openConsole, signIn } from './browser-page.ts';

const START = 1_772_366_400;
const WINDOWS = 10;
const WINDOW_SECONDS = 600;
const RECORDS = 100_000;
const BATCH = 10_000;
const LONG_TASK_MS = 50;
const HOSTILE = '<script>globalThis.hacked=1</script><img src=x onerror="globalThis.hacked=1"><b class="hostile">\u202egnirts\u2066';

/** Runs in the page. */
const SCROLL = `(async () => {
  const longTasks = [];
  const observer = new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) longTasks.push(Math.round(duration)); });
  observer.observe({ entryTypes: ['longtask'] });
  const view = document.querySelector('.records');
  const rowCount = () => Math.round(document.querySelector('.record-body').offsetHeight / 28);
  const until = performance.now() + 120000;
  let frames = 0;
  const scroll = (top) => new Promise((resolve) => { view.scrollTop = top; frames++; requestAnimationFrame(resolve); });
  while (rowCount() < ${RECORDS} && performance.now() < until) await scroll(view.scrollHeight);
  const height = view.scrollHeight;
  for (let part = 0; part <= 200; part++) await scroll(height * (1 - part / 200));
  await new Promise((resolve) => { setTimeout(resolve, 200); });
  observer.disconnect();
  return { longTasks, rows: rowCount(), frames };
})()`;

let browser: Browser;
test.before(async () => { browser = await launchBrowser(); });
test.after.always(() => browser?.close());

function record(at: number): Record<string, unknown> {
  const start = START + at % WINDOWS * WINDOW_SECONDS;
  return {
    'eni-id': `eni-${at % 50}`, 'srcaddr': `10.${at >> 16 & 255}.${at >> 8 & 255}.${at & 255}`, 'srcport': 1024 + at % 60_000, 'dstaddr': '10.200.0.1', 'dstport': at % 7 === 0 ? 22 : 443, 'protocol': 6,
    'direction': 'in', 'packets': 1 + at % 90, 'bytes': 60 + at % 9000, start, 'end': start + WINDOW_SECONDS, 'action': at % 7 === 0 ? 'REJECT' : 'ACCEPT', 'log-status': 'OK', 'first-seen': start + 1, 'last-seen': start + 2,
    'rule-id': `r-${at % 12}`, 'rule-reason': 'rule', 'sg-id': 'sg-web',
  };
}

async function send(collector: RunningCollector, logStore: string, records: readonly object[], sequence: number): Promise<void> {
  const answer = await collector.request('/v1/batches', {
    method: 'POST', body: records.map((line) => JSON.stringify(line)).join('\n'),
    headers: { 'content-type': 'application/x-ndjson', 'weir-agent-id': 'agent-1', 'weir-epoch': '1', 'weir-sequence': String(sequence), 'weir-logstore': logStore },
  });
  if (answer.status !== 200) throw new Error(await answer.text());
}

test.serial('a hundred thousand rows scroll without a long task', async (t) => {
  t.timeout(170_000);
  const collector = await runCollector(t);
  for (let first = 0; first < RECORDS; first += BATCH) await send(collector, 'big', Array.from({ length: BATCH }, (_, at) => record(first + at)), first / BATCH + 1);
  await collector.flush();
  const shown = await openConsole(t, browser, collector);
  const { page } = shown;
  await shown.open('/explorer?logstore=big&from=0');
  await signIn(shown, collector.adminToken);
  await page.locator('.record').first().waitFor();
  await page.locator('.cm-content').waitFor();
  await page.waitForTimeout(500);
  // rows are loaded by scrolling to the end of what there is, over and over, and then looked through at a run
  const { longTasks, rows, frames } = await page.evaluate<{ longTasks: number[]; rows: number; frames: number }>(SCROLL);
  t.true(rows >= RECORDS, `${rows} rows`);
  t.log(`${frames} frames, long tasks: ${longTasks.join(', ') || 'none'} ms`);
  t.deepEqual(longTasks.filter((duration) => duration > LONG_TASK_MS), []);
  t.true(await page.locator('.record').count() < 100, 'only those in sight are drawn');
  await page.keyboard.press('Tab');
  await page.locator('.record [tabindex="0"]').first().focus();
  await page.keyboard.press('Control+End');
  await page.locator(`[data-row="${rows - 1}"]`).waitFor();
  await shown.screenshot('explorer-end');
  t.deepEqual(shown.troubles(), []);
});

test.serial('whatever stands in records and saved queries is shown as text', async (t) => {
  t.timeout(90_000);
  const collector = await runCollector(t);
  const spoiled = Array.from({ length: 20 }, (_, at) => ({ ...record(at), 'eni-id': `${HOSTILE}${at}`, 'vm-id': HOSTILE + '<i>'.repeat(30), 'rule-id': HOSTILE, 'sg-id': `${HOSTILE}sg`, 'srcaddr': '10.0.0.1' }));
  await send(collector, 'spoiled', spoiled, 1);
  await collector.flush();
  const made = await collector.request('/v1/saved-queries', {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: HOSTILE, description: HOSTILE, logstore: 'spoiled', dashboard: HOSTILE, chart: 'bar', query: '* | SELECT rule_id, eni_id, sum(packets) AS packets GROUP BY ALL' }),
  });
  t.is(made.status, 201, await made.text());
  const shown = await openConsole(t, browser, collector);
  const { page } = shown;
  await shown.open('/explorer?logstore=spoiled&from=0&fields=eni-id,vm-id,rule-id,sg-id,action');
  await signIn(shown, collector.adminToken);
  const harmless = async (name: string): Promise<void> => {
    await page.getByText('<script>globalThis.hacked=1</script>').first().waitFor();
    t.is(await page.evaluate('typeof globalThis.hacked'), 'undefined', name);
    t.is(await page.locator('#console script, #console img:not(.cm-widgetBuffer), .hostile').count(), 0, name);
    t.false((await page.locator('#console').innerText()).includes('\u202e'), `${name}: what turns text around has a sign`);
    t.true(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth') <= 0, `${name} is no wider than the window`);
    t.deepEqual(shown.troubles(), [], name);
  };
  await harmless('rows');
  await shown.screenshot('hostile-explorer');
  await page.locator('.record [data-column="0"]').first().click();
  await page.getByRole('menu').waitFor();
  await harmless('menu');
  await page.getByRole('menuitem', { name: 'Only with this value' }).click();
  await page.getByText('1 record', { exact: true }).waitFor();
  await page.locator('.record [data-column="0"]').first().click();
  await page.getByRole('menuitem', { name: 'Show the record, and why' }).click();
  await page.getByRole('dialog', { name: 'Record' }).getByText('The connection it belongs to').waitFor();
  await harmless('record');
  for (const chart of ['bar', 'pie', 'sankey', 'table', 'line']) {
    const query = chart === 'line' ? '* | SELECT window_start, eni_id, sum(packets) AS packets GROUP BY ALL ORDER BY 1' : '* | SELECT rule_id, eni_id, sum(packets) AS packets GROUP BY ALL';
    await shown.open(`/explorer?${new URLSearchParams({ logstore: 'spoiled', from: '0', chart, q: query }).toString()}`);
    await page.locator('.bars li, .pie path, .sankey rect, .result td, .legend bdi').first().waitFor();
    await harmless(chart);
  }
  await page.getByRole('button', { name: 'Saved' }).click();
  await page.getByRole('dialog').getByRole('link').first().waitFor();
  await harmless('saved queries');
  await shown.open('/dashboards');
  await page.locator('.dashboards a').first().waitFor();
  await harmless('dashboards');
  await page.locator('.dashboards a').filter({ hasText: '<script>' }).click();
  await page.locator('.bars li').first().waitFor();
  await harmless('dashboard');
});
