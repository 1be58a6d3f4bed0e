/** The console as people use it, in Chromium, over a collector with records: each page, both themes, both widths. */
import test from 'ava';
import type { Browser } from 'playwright-core';
import { runCollector } from '../aggregator/collector-fixture.ts';
import { isSound, launchBrowser, LOOKS, openConsole, signedIn, signIn } from './browser-page.ts';
import { runLab } from './lab.ts';
import { openFlowLogs } from './lab-page.ts';

let browser: Browser;
test.before(async () => { browser = await launchBrowser(); });
test.after.always(() => browser?.close());

test.serial('each page, in both themes and both widths', async (t) => {
  t.timeout(300_000);
  const lab = await runLab(t);
  for (const look of LOOKS) {
    const shown = await openConsole(t, browser, lab, look);
    const { page } = shown;
    const sound = (name: string): Promise<void> => isSound(t, shown, name);
    const heading = (name: string) => page.getByRole('heading', { level: 1, name });
    await shown.open('/');
    await heading('Sign in to Weir').waitFor();
    await sound('sign-in');
    await signIn(shown, lab.adminToken);
    // there are records, so the start is the flow logs
    await heading('Flow logs').waitFor();
    t.is(new URL(page.url()).pathname, '/flow-logs');
    await page.getByText(/\d+ (?:s|min|h) ago/).first().waitFor();
    await sound('flow-logs');
    await page.getByRole('link', { name: 'lab', exact: true }).click();
    await page.getByRole('grid').waitFor();
    await sound('flow-log');
    await shown.open('/completeness?logstore=main&from=-6h');
    await page.getByRole('grid').waitFor();
    await sound('completeness');
    await shown.open(`/completeness?logstore=main&from=-6h&cell=eni-db&at=${lab.firstStart + 10 * 600}-600`);
    await page.getByRole('dialog').getByText('host-1').first().waitFor();
    await sound('completeness-cell');
    for (const part of ['enis', 'agents', 'security-groups', 'vswitches', 'vpcs']) {
      await shown.open(`/network/${part}`);
      await page.getByRole('table').waitFor();
      await sound(`network-${part}`);
    }
    await shown.open('/network/security-groups/sg-front?logstore=main');
    await page.getByText('r-ssh-drop').first().waitFor();
    await page.getByText('no hit in these records').first().waitFor();
    await sound('security-group');
    await shown.open('/flow-logs?panel=create');
    await page.getByRole('dialog').getByText('First, the account').waitFor();
    await sound('authorization');
    t.is((await lab.request('/v1/authorization', { method: 'PUT' })).status, 200);
    await shown.open('/flow-logs?panel=create');
    await page.getByRole('combobox', { name: 'VPC' }).waitFor();
    await sound('create-panel');
    await shown.open('/flow-logs?edit=fl-lab');
    await page.getByRole('dialog', { name: 'Edit flow log' }).getByLabel('Description').waitFor();
    await sound('edit-panel');
    t.is((await lab.request('/v1/authorization', { method: 'DELETE' })).status, 204);
  }
});

test.serial('a flow log is authorized, created, disabled, enabled and deleted', async (t) => {
  t.timeout(300_000);
  const { lab, shown, page } = await openFlowLogs(t, browser);
  await page.getByRole('button', { name: 'Create flow log' }).click();
  const panel = page.getByRole('dialog', { name: 'Create flow log' });
  await panel.getByRole('button', { name: 'Authorize' }).click();
  await panel.getByLabel('Name', { exact: true }).fill('databases');
  await panel.getByRole('radio', { name: 'VSwitch' }).check();
  const picker = panel.getByRole('combobox', { name: 'VSwitch' });
  await picker.click();
  await picker.fill('10.20.2');
  await panel.getByRole('option', { name: /vsw-back.*4 ENIs/ }).waitFor();
  await shown.screenshot('create-picking');
  await picker.press('Enter');
  t.is(await picker.inputValue(), 'vsw-back');
  await panel.getByText('Covers 4 ENIs now, and those that join later').waitFor();
  await panel.getByRole('radio', { name: /Drop/ }).check();
  await panel.getByRole('combobox', { name: 'LogStore' }).selectOption({ label: 'A new LogStore …' });
  await panel.getByLabel('Its name').fill('No Good');
  await panel.getByLabel('Keep for days').fill('7');
  await isSound(t, shown, 'create');
  // what the API refuses is said, and the panel stays
  await panel.getByLabel('Its name').press('Control+Enter');
  await panel.getByRole('alert').getByText(/LogStore name/).waitFor();
  t.is(shown.troubles().filter((trouble) => trouble.startsWith('422') || trouble.startsWith('400')).length, 1);
  await panel.getByLabel('Its name').fill('db-drops');
  await panel.getByLabel('Its name').press('Control+Enter');
  await page.getByText('4 of 10 used').waitFor();
  const made = (await lab.json<{ 'flow-logs': Record<string, unknown>[] }>('/v1/flow-logs?logstore=db-drops'))['flow-logs'];
  t.like(made[0], { 'name': 'databases', 'resource-type': 'VSwitch', 'resource-id': 'vsw-back', 'traffic-type': 'Drop', 'window': '600s', 'analysis-report': true, 'status': 'Active' });
  t.like(await lab.json('/v1/logstores/db-drops'), { 'retention-days': 7, 'search': true });

  await page.getByRole('button', { name: 'Edit databases' }).click();
  const edit = page.getByRole('dialog', { name: 'Edit flow log' });
  t.is(await edit.getByLabel('Name', { exact: true }).inputValue(), 'databases');
  t.true(await edit.getByRole('radio', { name: /Drop/ }).isChecked());
  await edit.getByText('vsw-back').waitFor();
  t.regex(page.url(), /edit=fl-/, 'what is edited is in the address');
  await edit.getByLabel('Description').fill('all of it, more often');
  await edit.getByRole('radio', { name: 'All', exact: true }).check();
  await edit.getByRole('radio', { name: '1 minute' }).check();
  await edit.getByRole('combobox', { name: 'LogStore' }).selectOption('main');
  await isSound(t, shown, 'edit');
  // that LogStore has a report, of another flow log
  await edit.getByLabel('Description').press('Control+Enter');
  await edit.getByRole('alert').getByText('has its analysis report already').waitFor();
  t.is(shown.troubles().filter((trouble) => trouble.startsWith('409')).length, 1);
  await edit.getByRole('checkbox', { name: /^Analysis report/ }).uncheck();
  const [change] = await Promise.all([page.waitForRequest((request) => request.method() === 'PATCH'), edit.getByLabel('Description').press('Control+Enter')]);
  t.deepEqual(JSON.parse(change.postData()!), { 'description': 'all of it, more often', 'traffic-type': 'All', 'window': '60s', 'logstore': 'main', 'analysis-report': false }, 'only what is another');
  await edit.waitFor({ state: 'detached' });
  await page.getByRole('row', { name: /databases/ }).getByText('1 min').waitFor();
  t.like((await lab.json<{ 'flow-logs': Record<string, unknown>[] }>('/v1/flow-logs?logstore=main'))['flow-logs'].find(({ name }) => name === 'databases'), {
    'traffic-type': 'All', 'window': '60s', 'description': 'all of it, more often', 'resource-id': 'vsw-back', 'analysis-report': false,
  });
  await page.getByRole('button', { name: 'Edit databases' }).click();
  await edit.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForURL(({ searchParams }) => !searchParams.has('edit'));

  await page.getByRole('button', { name: 'Disable databases' }).click();
  await shown.screenshot('disable');
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('button', { name: 'Enable databases' }).click();
  t.is((await lab.json<{ 'flow-logs': unknown[] }>('/v1/flow-logs?status=Inactive'))['flow-logs'].length, 2);
  await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click();
  await page.getByRole('button', { name: 'Disable databases' }).waitFor();
  await page.getByRole('button', { name: 'Delete databases' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Delete databases' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('3 of 10 used').waitFor();
  t.deepEqual(shown.troubles(), []);
});

test.serial('an empty installation greets with three steps; a token that may only look changes nothing', async (t) => {
  t.timeout(300_000);
  const collector = await runCollector(t);
  const { token } = await collector.json<{ token: string }>('/v1/tokens', { method: 'POST', body: '{"scope":"query","name":"onlooker"}', headers: { 'content-type': 'application/json' } });
  for (const look of LOOKS.slice(1)) {
    const other = await signedIn(t, browser, collector, '/', { token, look });
    await other.page.getByRole('heading', { name: 'Three steps to the first record' }).waitFor();
    await isSound(t, other, 'first-steps');
  }
  const shown = await signedIn(t, browser, collector, '/', { token });
  const { page } = shown;
  await page.getByRole('heading', { name: 'Three steps to the first record' }).waitFor();
  t.is(await page.getByRole('listitem').getByRole('button', { name: 'Copy' }).count(), 3);
  await isSound(t, shown, 'first-steps');
  await shown.open('/flow-logs');
  await page.getByText('0 of 10 used').waitFor();
  t.is(await page.getByRole('button', { name: /create/i }).count(), 0);
  await shown.open('/network');
  await page.getByText('The inventory is shown to admin tokens').waitFor();
  t.deepEqual(shown.troubles(), []);
});

test.serial('keys go everywhere; the state is in the address; times and colours are as chosen', async (t) => {
  t.timeout(300_000);
  const { shown, page } = await openFlowLogs(t, browser);
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Shortcuts' }).getByText('Go to Network').waitFor();
  await isSound(t, shown, 'shortcuts');
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.keyboard.type('move');
  await page.waitForURL('**/flow-logs?q=move');
  await page.getByRole('row').nth(2).waitFor({ state: 'detached' });
  t.is(await page.getByRole('row').count(), 2);
  await page.getByRole('searchbox').blur();
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await page.getByRole('heading', { level: 1, name: 'Completeness' }).waitFor();
  await page.goBack();
  await page.waitForURL('**/flow-logs?q=move');
  t.is(await page.getByRole('searchbox').inputValue(), 'move');

  await shown.open('/completeness?logstore=main&from=-6h');
  const grid = page.getByRole('grid');
  await grid.waitFor();
  // one is lost of eni-db, and nobody has sealed eni-lost
  await grid.getByRole('gridcell', { name: /MISSING/ }).nth(18).waitFor();
  t.is(await grid.getByRole('gridcell', { name: /MISSING/ }).count(), 19);
  await grid.locator('[tabindex="0"]').focus();
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.waitForURL('**cell=eni-db**');
  await page.getByRole('dialog').getByText('Dropped by the ring').waitFor();
  await page.keyboard.press('Escape');
  await page.waitForURL(({ searchParams }) => !searchParams.has('cell'));

  const before = await page.locator('.grid-ticks').innerText();
  await page.getByRole('radio', { name: 'UTC' }).check();
  t.not(await page.locator('.grid-ticks').innerText(), before);
  const colour = (): Promise<string> => page.evaluate<string>('getComputedStyle(document.body.parentElement).backgroundColor');
  const light = await colour();
  await page.getByRole('radio', { name: 'Dark' }).check();
  t.not(await colour(), light);
  await page.reload();
  t.not(await colour(), light);
  t.deepEqual(shown.troubles(), []);
});

test.serial('a grid of 100 ENIs and 144 windows draws what is in sight, and keys reach all of it', async (t) => {
  t.timeout(300_000);
  const lab = await runLab(t);
  const shown = await signedIn(t, browser, lab, '/flow-logs');
  const { page } = shown;
  await page.route('**/v1/completeness?**', (route) => {
    const starts = Array.from({ length: 144 }, (_, window) => lab.firstStart - 86_400 + window * 600);
    const cells = starts.flatMap((start, window) => Array.from({ length: 100 }, (_, eni) => ({
      'eni-id': `eni-${String(eni).padStart(3, '0')}`, start, 'seconds': 600, 'state': (eni * 7 + window) % 50 === 0 ? 'PARTIAL' : eni === 42 ? 'MISSING' : 'COMPLETE',
      'lost-packets': 0, 'loss-unknown': false, 'nodata': eni % 9 === 0, 'agents': [],
    })));
    const isFirst = new URL(route.request().url()).searchParams.get('limit') === '1';
    return route.fulfill({ json: { summary: null, windows: starts.map((start) => ({ start, seconds: 600, rows: 1 })), cells: isFirst ? cells.slice(0, 1) : cells, next: null } });
  });
  await shown.open('/completeness?logstore=main');
  await page.getByText('100 ENIs × 144 windows').waitFor();
  await shown.screenshot('completeness-large');
  t.true(await page.getByRole('gridcell').count() < 60 * 144);
  await page.getByRole('grid').locator('[tabindex="0"]').focus();
  await page.keyboard.press('Control+End');
  await page.locator('[data-row="99"] [data-column="143"]:focus').waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL('**cell=eni-099**');
  t.deepEqual(shown.troubles(), []);
});

test.serial('the token stays out of the address, of storage and of reach; a session ends when its token does', async (t) => {
  t.timeout(300_000);
  const collector = await runCollector(t);
  const { id, token } = await collector.json<{ id: string; token: string }>('/v1/tokens', { method: 'POST', body: '{"scope":"admin"}', headers: { 'content-type': 'application/json' } });
  const shown = await openConsole(t, browser, collector);
  const { page, context } = shown;
  await shown.open('/flow-logs');
  await page.getByLabel('Token', { exact: true }).fill('weir_wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('check digits').waitFor();
  shown.troubles();
  await signIn(shown, token);
  await page.getByText('0 of 10 used').waitFor();
  t.is(await page.evaluate('document.cookie'), '');
  const kept = await page.evaluate<string>('JSON.stringify([localStorage, sessionStorage, location.href, document.documentElement.outerHTML])');
  t.false(kept.includes(token.slice(5, 20)));
  const [cookie] = await context.cookies();
  t.like(cookie, { httpOnly: true, sameSite: 'Strict', path: '/' });
  t.false(cookie!.value.includes(token.slice(5, 20)));
  await page.reload();
  await page.getByText('0 of 10 used').waitFor();
  t.deepEqual(shown.troubles(), []);

  t.is((await collector.request(`/v1/tokens/${id}`, { method: 'DELETE' })).status, 204);
  // unless the page has asked by itself meanwhile, and is no more
  await page.evaluate("[...document.querySelectorAll('button')].find((button) => button.textContent === 'Refresh')?.click()");
  await page.getByText('the token was revoked').waitFor();
  t.is(shown.troubles().filter((trouble) => trouble.startsWith('401')).length > 0, true);
  await signIn(shown, collector.adminToken);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to Weir' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in to Weir' }).waitFor();
  t.deepEqual(shown.troubles(), []);
});
