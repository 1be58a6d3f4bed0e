/**
 * The life of a flow log as a person sees it, in Chromium: an empty installation greets, a flow log is created, an agent
 * records what really passes, the explorer finds it and says why, and it is disabled. Needs root, for network namespaces.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ACCEPTED_PORT, ENIS, inventory, REJECTED_PORT, ServiceNetwork } from '../service/service-network.ts';
import { askUntil, CHROMIUM, isSound, launchBrowser, openConsole, signIn } from './browser-page.ts';

const { web } = ENIS;
test('from an empty installation to the reason of a record, and the end', async (t) => {
  t.timeout(300_000);
  const network = new ServiceNetwork(t, ['--aggregation-delay', '3s']);
  await network.startCollector();
  const program = join(network.directory, 'chromium');
  writeFileSync(program, `#!/bin/sh\nexec ip netns exec ${network.home.name} ${CHROMIUM} "$@"\n`);
  chmodSync(program, 0o755);
  const browser = await launchBrowser(program);
  t.teardown(() => browser.close());
  const shown = await openConsole(t, browser, { url: 'http://127.0.0.1:8790' });
  const { page } = shown;
  await shown.open('/');
  await signIn(shown, network.adminToken);
  await page.getByRole('heading', { name: 'Three steps to the first record' }).waitFor();
  t.is((await network.curl('PUT', '/v1/inventory', inventory([web]))).status, 200);
  await page.getByRole('button', { name: 'Look again' }).click();
  await page.getByRole('listitem').filter({ hasText: 'Describe the network' }).getByText('done').waitFor();

  await page.getByRole('link', { name: 'Create it here' }).click();
  const panel = page.getByRole('dialog', { name: 'Create flow log' });
  await panel.getByRole('button', { name: 'Authorize' }).click();
  await panel.getByLabel('Name', { exact: true }).fill('everything');
  await panel.getByRole('combobox', { name: 'VPC' }).click();
  await panel.getByRole('option', { name: /vpc-1.*1 ENI/ }).click();
  await panel.getByRole('combobox', { name: 'LogStore' }).selectOption({ label: 'A new LogStore …' });
  await panel.getByLabel('Its name').fill('flows');
  await panel.getByRole('radio', { name: '1 minute' }).check();
  await panel.getByRole('button', { name: 'Create' }).click();
  await page.getByText('1 of 10 used').waitFor();

  // nobody wants to wait a minute here: shorter windows than the panel offers
  const { body: { 'flow-logs': [made] } } = await network.curl('GET', '/v1/flow-logs') as unknown as { body: { 'flow-logs': [{ 'flow-log-id': string }] } };
  t.is((await network.curl('PATCH', `/v1/flow-logs/${made['flow-log-id']}`, { window: '5s' })).status, 200);
  const { body: { token } } = await network.curl('POST', '/v1/tokens', { 'scope': 'enrol', 'agent-id': 'host-0' });
  network.startAgent(0, String(token));
  await shown.open('/network/agents');
  await askUntil(page, 'Refresh', async () => (await page.getByText('up to date').count()) > 0);
  await network.send(web, ACCEPTED_PORT, 20);
  await network.send(web, REJECTED_PORT, 10);
  await shown.open('/flow-logs');
  await askUntil(page, 'Refresh', async () => (await page.getByText(/\d+ s ago|now/).count()) > 0);
  await isSound(t, shown, 'life-flow-logs');
  // by now it surely records
  await network.send(web, ACCEPTED_PORT, 20);
  await network.send(web, REJECTED_PORT, 10);

  await page.getByRole('link', { name: 'flows', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Explorer' }).waitFor();
  await page.locator('.record').first().waitFor();
  await page.locator('.cm-content').waitFor();
  await page.getByRole('textbox', { name: 'Query' }).click();
  await page.keyboard.insertText(`dstport:${REJECTED_PORT} action:REJECT`);
  await page.keyboard.press('Control+Enter');
  await askUntil(page, 'Run', async () => (await page.locator('.record .accepted').count()) === 0 && (await page.locator('.record .rejected').count()) > 0);
  await page.locator('.record .rejected').first().click();
  await page.getByRole('menuitem', { name: 'Show the record, and why' }).click();
  const why = page.getByRole('dialog', { name: 'Record' });
  await why.getByText('No rule matched').waitFor();
  await why.getByRole('region', { name: 'Rules that came close' }).getByText('not: destination port').waitFor();
  await isSound(t, shown, 'life-why');
  await shown.open('/explorer?logstore=flows&from=-1h&q=rule-id:dns');
  await page.locator('.cm-content').waitFor();
  await askUntil(page, 'Run', async () => (await page.locator('.record .accepted').count()) > 0);
  await page.locator('.record .accepted').first().click();
  await page.getByRole('menuitem', { name: 'Show the record, and why' }).click();
  await why.getByText(/^Rule dns of group sg-1 accepted it/).waitFor();

  await shown.open('/completeness?logstore=flows&from=-1h');
  await page.getByRole('gridcell', { name: /COMPLETE|PARTIAL|NODATA/ }).first().waitFor();
  await shown.open('/flow-logs');
  await page.getByRole('button', { name: 'Disable everything' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('button', { name: 'Enable everything' }).waitFor();
  await shown.open('/network/enis');
  await askUntil(page, 'Refresh', async () => /\bno\b/.test(await page.getByRole('row', { name: /eni-web/ }).innerText()));
  t.deepEqual(shown.troubles(), []);
});
