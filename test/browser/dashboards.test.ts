/** Dashboards in Chromium, over a collector with records. */
import test, { type ExecutionContext } from 'ava';
import type { Browser } from 'playwright-core';
import { isSound, launchBrowser, LOOKS, openConsole, signedIn, signIn, type ConsolePage } from './browser-page.ts';
import { runLab, type Lab } from './lab.ts';

let browser: Browser;
test.before(async () => { browser = await launchBrowser(); });
test.after.always(() => browser?.close());

const JSON_TYPE = { 'content-type': 'application/json' };
const PANELS: Readonly<Record<string, number>> = { 'overview': 5, 'rejections': 5, 'top talkers': 4, '~between-enis': 2, '~new-destinations': 3 };

async function withReport(t: ExecutionContext): Promise<Lab> {
  const lab = await runLab(t);
  // the report comes with the change, and the lab has it from the beginning
  for (const isOn of [false, true]) {
    const answer = await lab.request('/v1/flow-logs/fl-lab', { method: 'PATCH', headers: JSON_TYPE, body: JSON.stringify({ 'analysis-report': isOn }) });
    t.is(answer.status, 200, await answer.text());
  }
  return lab;
}

async function allShown({ page }: ConsolePage, panels: number): Promise<void> {
  await page.locator('.panel').nth(panels - 1).waitFor();
  await page.locator('.panel footer').nth(panels - 1).waitFor();
  await page.locator('.chart-space').first().waitFor({ state: 'detached' });
}

for (const look of LOOKS) {
  test.serial(`each dashboard has data in every panel, ${look.width} pixels, ${look.theme}`, async (t) => {
    t.timeout(300_000);
    const lab = await withReport(t);
    const shown = await signedIn(t, browser, lab, '/dashboards', { look });
    const { page } = shown;
    await page.getByRole('link', { name: /^Rejections/ }).waitFor();
    t.is(await page.locator('.dashboards a').count(), 3 + 2 * 2, 'those of the report, and the built-in ones of both LogStores');
    await isSound(t, shown, 'dashboards');
    for (const [id, panels] of Object.entries(PANELS)) {
      await shown.open(`/dashboards/main/${encodeURIComponent(id)}`);
      await allShown(shown, panels);
      for (let at = 0; at < panels; at++) {
        const panel = page.locator('.panel').nth(at);
        await panel.locator('.table td:not(.nothing), .bars li, .pie path, .numbers dd, .sankey rect, .line-plot canvas').first().waitFor();
        t.is(await panel.getByText('PARTIAL', { exact: true }).count(), 1, `${id}: panel ${at + 1} says how complete it is`);
      }
      await isSound(t, shown, `dashboard-${id.replace('~', '').replace(' ', '-')}`);
    }
  });
}

test.serial('panels open in the explorer, say their numbers, are asked anew only where the range ends now, and a few at a time', async (t) => {
  t.timeout(300_000);
  const lab = await withReport(t);
  const { status } = await lab.request('/v1/saved-queries', { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ name: '<b>panel</b>', logstore: 'main', query: 'action:REJECT', dashboard: 'top talkers' }) });
  t.is(status, 201);
  const shown = await openConsole(t, browser, lab);
  const { page } = shown;
  await page.clock.install();
  let open = 0;
  let most = 0;
  let asked = 0;
  page.on('request', (request) => { if (request.url().endsWith('/query')) { asked++; most = Math.max(most, ++open); } });
  const closed = (request: { url(): string }): void => { if (request.url().endsWith('/query')) open--; };
  page.on('requestfinished', closed);
  page.on('requestfailed', closed);
  let isBusy = true;
  await page.route('**/query', async (route) => {
    if (!isBusy) return route.continue();
    isBusy = false;
    return route.fulfill({ status: 503, contentType: 'application/problem+json', headers: { 'retry-after': '2' }, body: JSON.stringify({ status: 503, title: 'Too many queries', detail: 'busy' }) });
  });
  await shown.open('/dashboards/main/top%20talkers');
  await signIn(shown, lab.adminToken);
  await page.locator('.panel').nth(4).waitFor();
  await page.clock.runFor(3000);
  await allShown(shown, 5);
  t.is(asked, 6, 'the one that was refused is asked again');
  t.true(most <= 2, `${most} at once`);
  t.deepEqual(shown.troubles().filter((trouble) => !trouble.includes('503')), []);
  await page.getByText('<b>panel</b>').waitFor();
  const ports = page.getByRole('region', { name: 'Destination ports' });
  await ports.getByText('5432 · tcp').waitFor();
  await ports.getByRole('button', { name: 'Table' }).click();
  await ports.getByRole('cell', { name: '5432' }).waitFor();

  await page.clock.runFor(61_000);
  // all of them a minute later
  for (const limit = Date.now() + 60_000; asked < 11; await page.waitForTimeout(50)) if (Date.now() > limit) throw new Error(`${asked} queries, where there should be 11`);
  await allShown(shown, 5);
  await shown.open(`/dashboards/main/top%20talkers?from=${lab.firstStart}&to=${lab.firstStart + 6000}`);
  await page.getByText('ends in the past: stays as it is').waitFor();
  await allShown(shown, 5);
  const before = asked;
  await page.clock.runFor(180_000);
  await page.waitForTimeout(1000);
  t.is(asked, before);

  await page.getByRole('link', { name: 'Pairs' }).click();
  await page.waitForURL(/\/explorer\?logstore=main&q=/);
  t.is(new URL(page.url()).searchParams.get('chart'), 'sankey');
  await page.locator('.sankey rect').first().waitFor();
  t.deepEqual(shown.troubles(), []);
});
