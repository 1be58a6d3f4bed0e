/** Whatever the API answers is shown as text: markup, text that runs the other way, characters that cannot be seen, and far too much of it. */
import test, { type ExecutionContext } from 'ava';
import type { Browser, Page, Route } from 'playwright-core';
import { isWithinWindow, launchBrowser, signedIn, type ConsolePage } from './browser-page.ts';
import { runLab } from './lab.ts';
import { openFlowLogs } from './lab-page.ts';

let browser: Browser;
test.before(async () => { browser = await launchBrowser(); });
test.after.always(() => browser?.close());

const MARKUP = '<script>globalThis.hacked=1</script><img src=x onerror="globalThis.hacked=1"><b class="hostile">';
const HOSTILE = `${MARKUP}\u202egnirts\u2066\u0000\u0007\u{1f4a3}`;
const LONG = HOSTILE + '<i>'.repeat(3400);
/** As it stands in bodies: by itself, or between the quotes of a query. */
const ASKED = [HOSTILE, HOSTILE.replaceAll('"', '\\"')];
const UNSEEN = ['\u0000', '\u0007', '\u202e', '\u2066'];
/** What the page reads rather than shows: times, numbers in texts, words of which it knows all, and addresses that it computes with. */
const READ = new Set([
  'next', 'cursor', 'state', 'status', 'scope', 'type', 'created', 'updated', 'expires', 'opened', 'started', 'last-seen', 'window', 'traffic-type', 'resource-type', 'agent-state',
  'direction', 'policy', 'protocol', 'port-range', 'source-port-range', 'cidr', 'entries', 'addresses', 'inner-access', 'columns', 'token-id',
]);

/** The same text always becomes the same, so that what refers to each other still does. */
function spoiled(value: unknown, key: string): unknown {
  if (typeof value === 'string') return READ.has(key) || /^\d{4}-\d\d-\d\dT|^-?\d+$/.test(value) ? value : ['description', 'host', 'unassigned-because', 'agent-reason'].includes(key) ? LONG : HOSTILE + value;
  if (Array.isArray(value)) return READ.has(key) ? value : value.map((item) => spoiled(item, key));
  if (value !== null && typeof value === 'object') {
    // a LogStore is asked for by its name, which is short; other names are only shown
    const hasLongName = !('rows' in value);
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, name === 'name' && hasLongName ? LONG + String(item) : spoiled(item, name)]));
  }
  return value;
}

/** The page asks with the spoiled texts; the collector is asked with the true ones. */
async function spoil(route: Route): Promise<void> {
  const request = route.request();
  const url = decodeURIComponent(request.url().replaceAll('+', ' ')).replaceAll(HOSTILE, '');
  const body = ASKED.reduce((text, asked) => text?.replaceAll(JSON.stringify(asked).slice(1, -1), ''), request.postData() ?? undefined);
  // a page that is left waits for nothing
  const response = await route.fetch({ url: encodeURI(url), ...(body === undefined ? {} : { postData: body }) }).catch(() => null);
  if (!response) return;
  const isJson = /json/.test(response.headers()['content-type'] ?? '') && response.status() !== 204;
  await route.fulfill(isJson ? { response, json: spoiled(await response.json(), '') } : { response });
}

async function isHarmless(t: ExecutionContext, shown: ConsolePage, name: string): Promise<void> {
  const { page } = shown;
  t.is(await page.evaluate('typeof globalThis.hacked'), 'undefined', name);
  t.is(await page.locator('#console script, #console img, .hostile').count(), 0, name);
  t.deepEqual(shown.troubles(), [], name);
  const text = await page.locator('#console').innerText();
  t.true(text.includes('<script>globalThis.hacked=1</script>'), `${name} shows it`);
  for (const character of UNSEEN) t.false(text.includes(character), `${name}: what cannot be seen has a sign`);
  await isWithinWindow(t, shown, name);
}

test.serial('every text of every answer', async (t) => {
  t.timeout(300_000);
  const { shown, page } = await openFlowLogs(t, browser);
  await page.route('**/v1/**', spoil);
  const look = async (path: string, ready: (page: Page) => Promise<unknown>): Promise<void> => {
    await shown.open(path);
    await ready(page);
    await isHarmless(t, shown, path);
  };
  await look('/flow-logs', () => page.getByText('3 of 10 used').waitFor());
  await shown.screenshot('hostile-flow-logs');
  await look(`/flow-logs/${encodeURIComponent(`${HOSTILE}fl-lab`)}`, () => page.getByRole('grid').waitFor());
  await look(`/flow-logs?edit=${encodeURIComponent(`${HOSTILE}fl-lab`)}`, () => page.getByRole('dialog', { name: 'Edit flow log' }).getByText('Resource').waitFor());
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: /^Delete/ }).first().click();
  await page.getByRole('dialog').getByText('cannot be brought back').waitFor();
  await isHarmless(t, shown, 'a confirmation');
  await shown.screenshot('hostile-confirmation');
  await look('/flow-logs?panel=create', () => page.getByRole('dialog').getByText('First, the account').waitFor());
  await look(`/completeness?logstore=${encodeURIComponent(`${HOSTILE}main`)}`, () => page.getByRole('grid').waitFor());
  await page.getByRole('gridcell', { name: /PARTIAL/ }).first().click();
  await page.getByRole('dialog').getByText('Dropped by the ring').waitFor();
  await isHarmless(t, shown, 'a cell');
  for (const part of ['enis', 'agents', 'security-groups', 'vswitches', 'vpcs']) await look(`/network/${part}`, () => page.getByRole('table').waitFor());
  await look(`/network/security-groups/${encodeURIComponent(`${HOSTILE}sg-front`)}`, () => page.getByRole('table').first().waitFor());
  await shown.screenshot('hostile-security-group');
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

test.serial('what the API refuses is text too', async (t) => {
  t.timeout(300_000);
  const { shown, page } = await openFlowLogs(t, browser);
  await page.route('**/v1/flow-logs**', (route) => route.fulfill({ status: 422, contentType: 'application/problem+json', body: JSON.stringify({ status: 422, title: HOSTILE, detail: LONG }) }));
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByRole('alert').waitFor();
  shown.troubles();
  await isHarmless(t, shown, 'a refusal');
});

test.serial('names that the API takes', async (t) => {
  t.timeout(300_000);
  const lab = await runLab(t);
  const put = async (path: string, body: object): Promise<number> => (await lab.request(path, { method: 'PUT', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })).status;
  const name = MARKUP + 'x'.repeat(256 - MARKUP.length);
  t.is(await put('/v1/vpcs/vpc-lab', { name, cidrs: ['10.20.0.0/16'] }), 200);
  t.is(await put('/v1/security-groups/sg-unused', { name, type: 'advanced', rules: [] }), 200);
  t.is((await lab.request('/v1/flow-logs/fl-lab', { method: 'PATCH', body: JSON.stringify({ name, description: name }), headers: { 'content-type': 'application/json' } })).status, 200);
  const shown = await signedIn(t, browser, lab, '/flow-logs');
  const { page } = shown;
  await page.getByText(MARKUP).first().waitFor();
  await isHarmless(t, shown, 'flow logs');
  for (const path of ['/flow-logs/fl-lab', '/network/vpcs', '/network/security-groups', '/network/security-groups/sg-unused']) {
    await shown.open(path);
    await page.getByText(MARKUP).first().waitFor();
    await isHarmless(t, shown, path);
  }
});
