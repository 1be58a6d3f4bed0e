/** Many records, and values that nobody would want in a page. */
import test from 'ava';
import type { Browser } from 'playwright-core';
import { runCollector } from '../aggregator/collector-fixture.ts';
import { isWithinWindow, launchBrowser, signedIn } from './browser-page.ts';
import { sampleRecord, scrollThrough, send } from './many-records.ts';

const HOSTILE = '<script>globalThis.hacked=1</script><img src=x onerror="globalThis.hacked=1"><b class="hostile">\u202egnirts\u2066';

let browser: Browser;
test.before(async () => { browser = await launchBrowser(); });
test.after.always(() => browser?.close());

// a hundred thousand, and how long tasks may take: test/long/console-figures.ts
test.serial('twenty thousand rows scroll, and only those in sight are drawn', async (t) => {
  t.timeout(300_000);
  t.log(await scrollThrough(t, browser, 20_000, 180_000));
  t.pass();
});

test.serial('whatever stands in records and saved queries is shown as text', async (t) => {
  t.timeout(300_000);
  const collector = await runCollector(t);
  const spoiled = Array.from({ length: 20 }, (_, at) => ({ ...sampleRecord(at), 'eni-id': `${HOSTILE}${at}`, 'vm-id': HOSTILE + '<i>'.repeat(30), 'rule-id': HOSTILE, 'sg-id': `${HOSTILE}sg`, 'srcaddr': '10.0.0.1' }));
  await send(collector, 'spoiled', spoiled, 1);
  await collector.flush();
  const made = await collector.request('/v1/saved-queries', {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: HOSTILE, description: HOSTILE, logstore: 'spoiled', dashboard: HOSTILE, chart: 'bar', query: '* | SELECT rule_id, eni_id, sum(packets) AS packets GROUP BY ALL' }),
  });
  t.is(made.status, 201, await made.text());
  const shown = await signedIn(t, browser, collector, '/explorer?logstore=spoiled&from=0&fields=eni-id,vm-id,rule-id,sg-id,action');
  const { page } = shown;
  const harmless = async (name: string): Promise<void> => {
    await page.getByText('<script>').filter({ visible: true }).first().waitFor();
    t.is(await page.evaluate('typeof globalThis.hacked'), 'undefined', name);
    t.is(await page.locator('#console script, #console img:not(.cm-widgetBuffer), .hostile').count(), 0, name);
    t.false((await page.locator('#console').innerText()).includes('\u202e'), `${name}: what turns text around has a sign`);
    await isWithinWindow(t, shown, name);
    t.deepEqual(shown.troubles(), [], name);
  };
  await harmless('rows');
  await shown.screenshot('hostile-explorer');
  await page.locator('.record [data-column="0"]').first().click();
  await page.getByRole('menu').waitFor();
  await harmless('menu');
  await page.getByRole('menuitem', { name: 'Only with this value' }).click();
  await page.getByText(/^[12] records?$/).waitFor();
  await page.locator('.record .accepted, .record .rejected').first().click();
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
