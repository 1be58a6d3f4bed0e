/** The explorer in Chromium, over a collector with records. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import type { Browser, Download, Page } from 'playwright-core';
import { isSound, launchBrowser, LOOKS, signedIn } from './browser-page.ts';
import { runLab } from './lab.ts';

const BY_TIME = "* | SELECT window_start, sum(packets) FILTER (WHERE action = 'ACCEPT') AS accepted, sum(packets) FILTER (WHERE action = 'REJECT') AS rejected GROUP BY window_start ORDER BY window_start";
const PAIRS = '* | SELECT srcaddr, dstaddr, sum(bytes) AS bytes WHERE srcaddr IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 30';

let browser: Browser;
test.before(async () => { browser = await launchBrowser(); });
test.after.always(() => browser?.close());

const explorer = (query: string, parameters: Record<string, string> = {}): string => `/explorer?${new URLSearchParams({ logstore: 'main', from: '-24h', q: query, ...parameters }).toString()}`;
const asked = (page: Page): string => new URL(page.url()).searchParams.get('q') ?? '';
const editor = (page: Page) => page.getByRole('textbox', { name: 'Query' });

async function write(page: Page, text: string): Promise<void> {
  await page.locator('.cm-content').waitFor();
  await editor(page).click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(text);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+Enter');
}

/** Until Enter takes this: the list is up to date, and has been there for longer than keys are taken for the text. */
async function completes(page: Page, text: string): Promise<void> {
  await page.locator('.cm-tooltip-autocomplete:not(.cm-tooltip-autocomplete-disabled) li[aria-selected]').getByText(text, { exact: true }).waitFor();
  await page.waitForTimeout(200);
}

test.serial('search, include, exclude, zoom, why', async (t) => {
  t.timeout(300_000);
  const lab = await runLab(t);
  // the first change of the inventory makes the first revision of its rules
  t.is((await lab.request('/v1/flow-logs/fl-lab', { method: 'PATCH', body: '{"description":"all of it"}', headers: { 'content-type': 'application/json' } })).status, 200);
  const shown = await signedIn(t, browser, lab, '/explorer');
  const { page } = shown;
  await page.locator('.record').first().waitFor();
  t.is(page.url(), `${lab.url}/explorer?logstore=main&from=-24h`, 'the address says what is shown');
  await page.getByRole('region', { name: 'Records' }).getByText('PARTIAL', { exact: true }).waitFor();
  await page.getByText(/\d+ partial, \d+ missing, \d+ packets lost/).waitFor();
  const starts = await page.locator('.record [data-column="0"]').allTextContents();
  t.deepEqual(starts, starts.toSorted().reverse(), 'the newest first');

  await page.locator('.record .rejected').first().click();
  await page.getByRole('menuitem', { name: 'Only with this value' }).click();
  await page.waitForURL(/REJECT/);
  t.is(asked(page), 'action:REJECT');
  await page.getByText('18 records', { exact: true }).waitFor();
  t.is(await page.locator('.record .accepted').count(), 0);
  // by keyboard alone
  await page.locator('.record [data-column="2"]').first().focus();
  for (const column of [3, 4]) {
    await page.keyboard.press('ArrowRight');
    await page.locator(`[data-row="0"] [data-column="${column}"]:focus`).waitFor();
  }
  await page.keyboard.press('Enter');
  await page.getByRole('menu').locator('button:focus').waitFor();
  for (const key of ['ArrowDown', 'ArrowDown', 'Enter']) await page.keyboard.press(key);
  await page.waitForURL(/not/);
  t.is(asked(page), 'action:REJECT not srcaddr:192.0.2.66');
  await page.getByText('No record fits').waitFor();
  await page.goBack();
  await page.getByText('18 records', { exact: true }).waitFor();

  // half of the plot is half of the range
  const plot = page.getByRole('slider');
  const box = (await plot.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.9, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.95, box.y + 40, { steps: 4 });
  await shown.screenshot('explorer-zooming');
  await page.mouse.up();
  await page.waitForURL(/from=\d+.*to=\d+/);
  const zoomed = new URL(page.url()).searchParams;
  const seconds = Number(zoomed.get('to')) - Number(zoomed.get('from'));
  t.true(seconds >= 3600 && seconds <= 3 * 3600, `${seconds} s`);
  await page.getByText(/^(?:[2-9]|1[0-5]) records$/).waitFor();
  const before = page.url();
  await plot.focus();
  for (const key of ['Home', 'ArrowRight', 'Shift+ArrowRight']) await page.keyboard.press(key);
  t.regex(await plot.getAttribute('aria-valuetext') ?? '', /rejected/);
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.href !== before);
  await page.goBack();

  await page.locator('.record .rejected').first().waitFor();
  await page.locator('.record .rejected').first().click();
  await page.getByRole('menuitem', { name: 'Show the record, and why' }).click();
  const panel = page.getByRole('dialog', { name: 'Record' });
  await panel.getByText('Rule r-ssh-drop of group sg-front rejected it, revision 1 of the rules.').waitFor();
  const decided = await panel.getByRole('region', { name: 'The rule that decided' }).getByRole('row').nth(1).innerText();
  t.regex(decided, /r-ssh-drop[\s\S]*decides[\s\S]*drop[\s\S]*5/);
  const close = await panel.getByRole('region', { name: 'Rules that came close' }).getByRole('row').allInnerTexts();
  t.true(close.some((row) => /r-ssh\b[\s\S]*not: peer/.test(row)));
  t.true(close.some((row) => /r-web[\s\S]*not: destination port/.test(row)));
  t.false(close.some((row) => row.includes('r-out')), 'egress is another direction');
  await panel.getByRole('region', { name: 'Records of the connection' }).getByRole('row').nth(3).waitFor();
  await isSound(t, shown, 'explorer-why');
  // the address alone brings it back
  await shown.open(page.url().slice(lab.url.length));
  await panel.getByText('Rule r-ssh-drop of group sg-front rejected it').waitFor();
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'detached' });
  t.deepEqual(shown.troubles(), []);
});

test.serial('the query line completes, runs and says where it is wrong; SQL as charts; saved, exported, remembered', async (t) => {
  t.timeout(300_000);
  const lab = await runLab(t);
  const shown = await signedIn(t, browser, lab, explorer(''));
  const { page } = shown;
  await page.locator('.cm-content').waitFor();
  await editor(page).click();
  await page.keyboard.type('eni-i');
  await completes(page, 'eni-id');
  await page.keyboard.press('Enter');
  await page.locator('.cm-tooltip-autocomplete').getByText('eni-db', { exact: true }).waitFor();
  await shown.screenshot('explorer-completion');
  await page.keyboard.type('eni-d');
  await completes(page, 'eni-db');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=/);
  t.is(asked(page), 'eni-id:eni-db');
  // keys of the page are letters here
  await page.keyboard.type(' g f ?');
  t.is(new URL(page.url()).pathname, '/explorer');

  await write(page, 'tcp dstprt:22');
  await page.getByRole('alert').getByText('there is no field "dstprt": did you mean dstport?').waitFor();
  await page.locator('.cm-mistake').getByText('dstprt').waitFor();
  t.is(await page.locator('.where mark').textContent(), 'd');
  await shown.screenshot('explorer-mistake');
  t.deepEqual(shown.troubles().filter((trouble) => !trouble.includes('400')), []);

  await write(page, BY_TIME);
  await page.locator('.line-plot canvas').waitFor();
  await page.getByLabel('Period before').waitFor();
  const series = page.getByRole('img', { name: /accepted, rejected/ });
  await series.focus();
  await page.keyboard.press('End');
  await page.locator('.legend').getByText(/20\d\d-\d\d-\d\d/).waitFor();
  t.regex(await page.locator('.legend').innerText(), /accepted\s*[1-9]\d*[\s\S]*rejected\s*[1-9]/);
  await isSound(t, shown, 'explorer-line');
  await page.getByRole('radio', { name: 'Table' }).check({ force: true });
  t.is(await page.getByRole('region', { name: 'Result' }).last().getByRole('row').count(), 19);
  // half of the records before, half after
  const middle = lab.firstStart + 9 * 600;
  await shown.open(explorer(BY_TIME, { from: String(middle), to: String(middle + 9 * 600), compare: '1', chart: 'line' }));
  await page.locator('.legend').getByText('accepted, before').waitFor();
  await isSound(t, shown, 'explorer-before');
  await shown.open(explorer(PAIRS, { chart: 'bar' }));
  await page.locator('.bars').waitFor();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Save the query' });
  await dialog.getByLabel('Name').fill('who with whom');
  await dialog.getByLabel('Dashboard').fill('mine');
  await isSound(t, shown, 'explorer-save');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  const { 'saved-queries': saved } = await lab.json<{ 'saved-queries': object[] }>('/v1/saved-queries?dashboard=mine');
  t.like(saved, { 0: { name: 'who with whom', chart: 'bar', logstore: 'main', query: PAIRS } as object, length: 1 });
  await page.getByRole('button', { name: 'Saved' }).click();
  await page.getByRole('dialog').getByRole('link', { name: 'who with whom' }).waitFor();
  await isSound(t, shown, 'explorer-saved');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'History' }).click();
  await page.getByRole('dialog').getByRole('link').filter({ hasText: 'eni-id:eni-db' }).click();
  await page.waitForURL(/eni-db/);
  await page.locator('.record').first().waitFor();

  for (const [format, check] of [['CSV', /^start,eni-id/], ['JSON', /"records":/], ['Parquet', /^PAR1/]] as const) {
    await page.getByRole('button', { name: 'Export' }).click();
    const box = page.getByRole('dialog', { name: 'Export' });
    await box.getByRole('radio', { name: format }).check({ force: true });
    const [download] = await Promise.all([page.waitForEvent('download'), box.getByRole('button', { name: 'Export' }).click()]);
    t.is(download.suggestedFilename(), `main.${format.toLowerCase()}`);
    t.regex(await contentOf(download), check);
    await box.getByText(/^\d+ rows saved$/).waitFor();
    await page.keyboard.press('Escape');
    await box.waitFor({ state: 'detached' });
  }
  t.deepEqual(shown.troubles(), []);
});

async function contentOf(download: Download): Promise<string> {
  return readFileSync(await download.path(), 'latin1');
}

test.serial('time in words and by hand, fields, new records as they come; all of it in the address', async (t) => {
  t.timeout(300_000);
  const lab = await runLab(t);
  const shown = await signedIn(t, browser, lab, explorer(''));
  const { page } = shown;
  await page.locator('.record').first().waitFor();
  await page.getByRole('combobox', { name: 'Time range' }).selectOption({ label: 'Other range …' });
  const dialog = page.getByRole('dialog', { name: 'Time range' });
  await dialog.getByLabel('In words').fill('last 90 minutes');
  await dialog.getByRole('status').getByText(/to now/).waitFor();
  await isSound(t, shown, 'explorer-time');
  await dialog.getByLabel('In words').fill('the day after tomorrow');
  t.true(await dialog.getByRole('button', { name: 'Show' }).isDisabled());
  await dialog.getByLabel('In words').fill('');
  await dialog.getByLabel('From').fill('2026-03-01 14:00');
  await dialog.getByLabel('To', { exact: true }).fill('2026-03-01 15:30');
  await dialog.getByRole('button', { name: 'Show' }).click();
  // Berlin, in winter
  await page.waitForURL(`**/explorer?logstore=main&from=${Date.parse('2026-03-01T13:00:00Z') / 1000}&to=${Date.parse('2026-03-01T14:30:00Z') / 1000}`);
  await page.getByRole('button', { name: 'Search all time' }).click();
  await page.locator('.record').first().waitFor();

  await page.getByRole('button', { name: 'Fields' }).click();
  await page.getByRole('dialog').getByRole('checkbox', { name: 'bytes' }).uncheck();
  await page.getByRole('dialog').getByRole('checkbox', { name: /^ruleset-rev/ }).check();
  await isSound(t, shown, 'explorer-fields');
  await page.keyboard.press('Escape');
  await page.getByRole('columnheader', { name: 'ruleset-rev' }).waitFor();
  t.is(await page.getByRole('columnheader', { name: 'bytes' }).count(), 0);

  await page.getByRole('checkbox', { name: 'Follow' }).check();
  await page.waitForURL(/tail=1/);
  await page.getByText(/^following, \d+ records so far$/).waitFor();
  const start = lab.firstStart + 18 * 600;
  const row = { 'eni-id': 'eni-new', 'srcaddr': '10.9.9.9', 'srcport': 1, 'dstaddr': '10.9.9.8', 'dstport': 2, 'protocol': 17, 'direction': 'in', 'packets': 1, 'bytes': 99, start, 'end': start + 600, 'action': 'ACCEPT', 'log-status': 'OK', 'first-seen': start + 1, 'last-seen': start + 2 };
  const answer = await lab.request('/v1/batches', {
    method: 'POST', body: JSON.stringify(row), headers: { 'content-type': 'application/x-ndjson', 'weir-agent-id': 'unmanaged', 'weir-epoch': '1', 'weir-sequence': '1', 'weir-logstore': 'main' },
  });
  t.is(answer.status, 200, await answer.text());
  await lab.json('/v1/publish', { method: 'POST' });
  // on top
  await page.locator('.record').first().getByText('eni-new').waitFor();
  t.deepEqual(shown.troubles(), []);
});

test.serial('both themes, both widths; whoever may only look sees records, and why as far as they say it', async (t) => {
  t.timeout(300_000);
  const lab = await runLab(t);
  const { token } = await lab.json<{ token: string }>('/v1/tokens', { method: 'POST', body: '{"scope":"query","name":"onlooker","logstores":["main"]}', headers: { 'content-type': 'application/json' } });
  for (const look of LOOKS) {
    const shown = await signedIn(t, browser, lab, explorer('action:REJECT'), { look, token });
    const { page } = shown;
    await page.locator('.record').first().waitFor();
    await page.locator('.cm-content').waitFor();
    await isSound(t, shown, 'explorer');
    t.is(await page.getByRole('button', { name: 'Save', exact: true }).count(), 0);
    await page.locator('.record .rejected').first().click();
    await page.getByRole('menu').waitFor();
    await shown.screenshot('explorer-menu');
    await page.getByRole('menuitem', { name: 'Show the record, and why' }).click();
    await page.getByRole('dialog').getByText('Signed in with an admin token').waitFor();
    await page.getByRole('dialog').getByRole('region', { name: 'Records of the connection' }).waitFor();
    await isSound(t, shown, 'explorer-record');
  }
});
