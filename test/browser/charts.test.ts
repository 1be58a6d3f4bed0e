/** Every kind of chart in Chromium, with data: in both themes and both widths, and what its marks lead to. */
import test, { type ExecutionContext } from 'ava';
import type { Browser, Page } from 'playwright-core';
import { isSound, isWithinWindow, launchBrowser, LOOKS, signedIn, type ConsolePage } from './browser-page.ts';
import { runLab, type Lab } from './lab.ts';

const BY_TIME = "* | SELECT window_start, sum(packets) FILTER (WHERE action = 'ACCEPT') AS accepted, sum(packets) FILTER (WHERE action = 'REJECT') AS rejected GROUP BY window_start ORDER BY window_start";
const PAIRS = '* | SELECT srcaddr, dstaddr, sum(bytes) AS bytes WHERE srcaddr IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 30';
const PORTS = '* | SELECT dstport, protocol, action, sum(packets) AS packets WHERE action IS NOT NULL GROUP BY ALL ORDER BY packets DESC LIMIT 12';
const SUMS = '* | SELECT count(*) AS records, sum(packets) AS packets, sum(bytes) AS bytes WHERE action IS NOT NULL';
/** Of each kind: its name, the chart, the query, and what is there once it is drawn. */
const CHARTS = [
  ['table', 'table', PORTS, '.result td'], ['number', 'number', SUMS, '.numbers dd'], ['line', 'line', BY_TIME, '.line-plot canvas'], ['bar', 'bar', PORTS, '.bars li'],
  ['pie', 'pie', PAIRS, '.pie path'], ['sankey', 'sankey', PAIRS, '.sankey rect'],
] as const;

/** Short texts of the chart that have no room. */
const CUT_TEXTS = `[...document.querySelectorAll('.result .text, .result .pick, .bar-amount')].filter((element) => element.textContent.length < 20)
  .filter((element) => element.getBoundingClientRect().width === 0 || element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline').map((element) => element.textContent)`;

let browser: Browser;
test.before(async () => { browser = await launchBrowser(); });
test.after.always(() => browser?.close());

const explorer = (query: string, parameters: Record<string, string> = {}): string => `/explorer?${new URLSearchParams({ logstore: 'main', from: '-24h', q: query, ...parameters }).toString()}`;
const asked = (page: Page): URLSearchParams => new URL(page.url()).searchParams;

async function inAddress(page: Page, expected: Record<string, string | RegExp>): Promise<void> {
  await page.waitForURL(({ searchParams }) => Object.entries(expected).every(([name, value]) => {
    const found = searchParams.get(name) ?? '';
    return typeof value === 'string' ? found === value : value.test(found);
  })).catch((error: unknown) => { throw new Error(`${page.url()} is not as expected`, { cause: error }); });
}

test.serial('each kind, in both themes and both widths', async (t) => {
  t.timeout(300_000);
  const lab = await runLab(t);
  const middle = lab.firstStart + 9 * 600;
  for (const look of LOOKS) {
    const shown = await signedIn(t, browser, lab, explorer(''), { look });
    for (const [name, chart, query, mark] of CHARTS) {
      await shown.open(explorer(query, { chart }));
      await shown.page.locator(mark).first().waitFor();
      await shown.page.locator('.histogram rect').first().waitFor();
      await isSound(t, shown, `chart-${name}`);
      t.deepEqual(await shown.page.evaluate<string[]>(CUT_TEXTS), [], `${name}: texts are there as a whole`);
      if (look.width === 390) {
        await shown.page.locator('.result').scrollIntoViewIfNeeded();
        await shown.page.locator('.result').evaluate('(element) => element.scrollIntoView()');
        await shown.screenshot(`chart-${name}-below`);
      }
    }
    await shown.open(explorer(BY_TIME, { from: String(middle), to: String(middle + 9 * 600), compare: '1', chart: 'line' }));
    await shown.page.locator('.legend').getByText('accepted, before').waitFor();
    await isWithinWindow(t, shown, 'line with the period before');
    await shown.screenshot('chart-before');
    t.deepEqual(shown.troubles(), []);
    await shown.context.close();
  }
});

async function open(t: ExecutionContext, path: string): Promise<{ lab: Lab; shown: ConsolePage; page: Page }> {
  const lab = await runLab(t);
  const shown = await signedIn(t, browser, lab, path);
  return { lab, shown, page: shown.page };
}

test.serial('a bar, a slice, a cell, a link and a point lead to their records, or narrow the question', async (t) => {
  t.timeout(300_000);
  const { lab, shown, page } = await open(t, explorer(PORTS, { chart: 'bar' }));
  const item = (name: string) => page.getByRole('menuitem', { name });
  const rejected = page.locator('.bars button').filter({ hasText: /^22 · tcp · REJECT/ });
  await rejected.click();
  await page.getByRole('menu', { name: '22 · tcp · REJECT' }).waitFor();
  await isSound(t, shown, 'chart-menu');
  await item('Show the records').click();
  await inAddress(page, { q: 'dstport:22 protocol:6 action:REJECT', from: '-24h', chart: '' });
  await page.getByText('18 records', { exact: true }).waitFor();
  await page.goBack();
  await rejected.waitFor();
  // by keyboard alone
  await page.locator('.bars button').first().focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('menu').locator('button:focus').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'detached' });
  await page.locator('.bars li:last-child button:focus').waitFor();
  await rejected.click();
  await item('Without this').click();
  await inAddress(page, { q: `not (dstport:22 protocol:6 action:REJECT) |${PORTS.slice(PORTS.indexOf('|') + 1)}`, chart: 'bar' });
  await page.locator('.bars li').first().waitFor();
  await rejected.waitFor({ state: 'detached' });

  await shown.open(explorer(PAIRS, { chart: 'pie' }));
  await page.locator('.pie path').first().waitFor();
  await page.locator('.histogram rect').first().waitFor();
  const slice = (await page.locator('.pie path').first().boundingBox())!;
  // half of a ring: its middle is in the hole
  await page.mouse.click(slice.x + slice.width - 12, slice.y + slice.height / 2);
  await item('Only this, in the same chart').click();
  await inAddress(page, { q: new RegExp(`^srcaddr:10\\.20\\.1\\.10 dstaddr:10\\.20\\.2\\.20 \\| SELECT`), chart: 'pie' });
  await page.locator('.pie li').filter({ hasText: '100 %' }).waitFor();
  t.is(await page.locator('.pie li').count(), 1);
  await shown.open(explorer(PAIRS, { chart: 'pie' }));
  await page.locator('.pie li').last().getByText('23 others').waitFor();
  t.is(await page.locator('.pie li').last().getByRole('button').count(), 0, 'nothing finds all others');

  await shown.open(explorer(PORTS, { chart: 'table' }));
  await page.locator('.result tbody button').first().waitFor();
  t.is(await page.locator('.result tbody tr').first().getByRole('button').count(), 3, 'sums are nothing to search for');
  await page.locator('.result tbody tr').first().getByRole('button').first().focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  t.regex(await page.locator('.result button:focus').innerText(), /ACCEPT|REJECT/);
  await page.locator('.result button').filter({ hasText: 'REJECT' }).click();
  await item('Show the records').click();
  await inAddress(page, { q: 'action:REJECT' });

  await shown.open(explorer(PAIRS, { chart: 'sankey' }));
  const link = page.getByRole('button', { name: /^192\.0\.2\.66 to 10\.20\.1\.10: / });
  await link.focus();
  await page.keyboard.press('Enter');
  await item('Show the records').click();
  await inAddress(page, { q: 'srcaddr:192.0.2.66 dstaddr:10.20.1.10' });
  await page.getByText('18 records', { exact: true }).waitFor();
  await page.goBack();
  await page.locator('.sankey .node').filter({ hasText: '192.0.2.66' }).first().click();
  await item('Show the records').click();
  await inAddress(page, { q: 'srcaddr:192.0.2.66' });

  await shown.open(explorer(BY_TIME, { chart: 'line' }));
  const plot = page.locator('.line-plot');
  await plot.locator('canvas').waitFor();
  await plot.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await item('Show the records').click();
  await inAddress(page, { q: '*', from: String(lab.firstStart), to: String(lab.firstStart + 600) });
  await page.goBack();
  await plot.locator('canvas').waitFor();
  // where the pointer rests it would point, too
  await page.mouse.move(2, 2);
  await plot.focus();
  for (const key of ['Home', 'ArrowRight', 'Shift+ArrowRight', 'Enter']) await page.keyboard.press(key);
  await inAddress(page, { q: BY_TIME, from: String(lab.firstStart + 600), to: String(lab.firstStart + 1800), chart: 'line' });
  await shown.open(explorer(BY_TIME, { chart: 'line' }));
  await page.locator('.u-over').waitFor();
  await page.locator('.histogram rect').first().waitFor();
  const over = (await page.locator('.u-over').boundingBox())!;
  await page.mouse.move(over.x + over.width * 0.25, over.y + 80);
  await page.mouse.down();
  await page.mouse.move(over.x + over.width * 0.75, over.y + 80, { steps: 5 });
  await shown.screenshot('chart-zooming');
  await page.mouse.up();
  await inAddress(page, { q: BY_TIME, from: /^\d+$/, to: /^\d+$/ });
  const seconds = Number(asked(page).get('to')) - Number(asked(page).get('from'));
  t.true(Math.abs(seconds - 17 * 600 / 2) < 300, `half of the chart is half of its time: ${seconds} s`);
  t.deepEqual(shown.troubles(), []);
});

test.serial('marks of dashboards lead on: to records, or to the addresses behind a link between ENIs', async (t) => {
  t.timeout(300_000);
  const { shown, page } = await open(t, '/dashboards/main/~between-enis');
  await page.getByRole('button', { name: /^elsewhere to eni-web: / }).first().waitFor();
  const link = page.getByRole('region', { name: 'Accepted bytes' }).getByRole('button', { name: /^eni-web to eni-db: / });
  await link.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Show what it is made of' }).click();
  await page.waitForURL(/\/explorer\?/);
  await page.locator('.result td').first().waitFor();
  const rows = await page.locator('.result tbody tr').allInnerTexts();
  t.is(rows.length, 1);
  t.regex(rows[0]!, /10\.20\.1\.10\s+10\.20\.2\.20\s+6\s+5432/);
  await page.goBack();
  await page.getByRole('region', { name: 'Rejected packets' }).getByRole('button', { name: /^elsewhere to eni-web: / }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Show what it is made of' }).click();
  await page.getByRole('cell', { name: '192.0.2.66' }).waitFor();
  t.deepEqual(shown.troubles(), []);
});
