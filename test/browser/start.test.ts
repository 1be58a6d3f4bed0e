/**
 * `npm start` as a newcomer has it, built program and all: what it says leads to the console, the samples are there, and
 * from there on it is create, traffic, search, why, disable, with the collector and the commands that it names.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { temporaryDirectory } from '../aggregator/collector-fixture.ts';
import { askUntil, isSound, launchBrowser, openConsole, signIn } from './browser-page.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SAMPLE = 'samples/ssh-brute-force';

interface Started {
  readonly url: string;
  readonly adminTokenFile: string;
  /** As Ctrl-C does; the exit code. */
  interrupt(): Promise<number | null>;
}

async function npmStart(t: ExecutionContext): Promise<Started> {
  const child = spawn(process.execPath, ['scripts/start.mjs', '--port', '0', '--data', join(temporaryDirectory(t), 'data')], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  t.teardown(() => { if (child.exitCode === null) child.kill('SIGKILL'); });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { said += text; });
  child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text; });
  while (!said.includes('Ctrl-C ends it.')) {
    const ended = await Promise.race([exited, once(child.stdout, 'data').then(() => null)]);
    if (ended) throw new Error(`npm start ended with ${ended[0]}: ${said}`);
  }
  const [, url, adminTokenFile] = /console {2}(\S+?)\/ {3}\(sign in with the token in (\S+)\)/.exec(said) ?? [];
  if (url === undefined || adminTokenFile === undefined) throw new Error(`npm start names no console: ${said}`);
  return {
    url, adminTokenFile,
    interrupt: async () => {
      child.kill('SIGINT');
      return (await exited)[0];
    },
  };
}

test('npm start: create, traffic, search, why, disable', async (t) => {
  t.timeout(480_000);
  const [started, browser] = await Promise.all([npmStart(t), launchBrowser()]);
  t.teardown(() => browser.close());
  const weir = (...args: string[]) => promisify(execFile)(process.execPath, ['dist/weir.js', ...args], { cwd: ROOT, env: { ...process.env, WEIR_COLLECTOR: started.url, WEIR_TOKEN_FILE: started.adminTokenFile } });
  const shown = await openConsole(t, browser, started);
  const { page } = shown;
  await shown.open('/');
  await signIn(shown, readFileSync(started.adminTokenFile, 'utf8').trim());
  // the samples are there
  await page.getByRole('link', { name: 'Explorer' }).click();
  await page.locator('.record').first().waitFor();
  await page.locator('.histogram rect').first().waitFor();
  await isSound(t, shown, 'start-explorer');

  await weir('authorize');
  await weir('apply', '-f', `${SAMPLE}/topology.yaml`);
  await page.getByRole('link', { name: 'Flow logs' }).click();
  await page.getByRole('button', { name: 'Create flow log' }).click();
  const panel = page.getByRole('dialog', { name: 'Create flow log' });
  await panel.getByLabel('Name', { exact: true }).fill('bastion');
  await panel.getByRole('radio', { name: 'ENI', exact: true }).check();
  await panel.getByRole('combobox', { name: 'ENI' }).click();
  await panel.getByRole('option', { name: /eni-bastion/ }).click();
  await panel.getByRole('combobox', { name: 'LogStore' }).selectOption({ label: 'A new LogStore …' });
  await panel.getByLabel('Its name').fill('bastion');
  await panel.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('row', { name: /eni-bastion/ }).getByText('Active').waitFor();

  await weir('replay', `${SAMPLE}/capture.pcapng.gz`, '--topology', `${SAMPLE}/topology.yaml`, '--window', '10s', '--collector', started.url, '--logstore', 'bastion');
  await shown.open('/explorer?logstore=bastion&from=0&q=action:REJECT');
  await askUntil(page, 'Run', async () => (await page.locator('.record .rejected').count()) > 0);
  await page.locator('.record .rejected').first().click();
  await page.getByRole('menuitem', { name: 'Show the record, and why' }).click();
  const why = page.getByRole('dialog', { name: 'Record' });
  await why.getByText(/^Rule r-blocked of group sg-bastion rejected it/).waitFor();
  await why.getByRole('region', { name: 'Rules that came close' }).waitFor();
  await isSound(t, shown, 'start-why');
  for (const [dashboard, mark] of [['overview', '.line-plot canvas'], ['rejections', '.bars li'], ['top talkers', '.sankey rect'], ['~between-enis', '.sankey rect'], ['~new-destinations', '.numbers dd']] as const) {
    await shown.open(`/dashboards/bastion/${encodeURIComponent(dashboard)}?from=0`);
    await page.locator(mark).first().waitFor();
  }

  await shown.open('/flow-logs');
  await page.getByRole('button', { name: 'Disable bastion' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('button', { name: 'Enable bastion' }).waitFor();
  t.deepEqual(shown.troubles(), []);
  await page.close();
  t.is(await started.interrupt(), 0);
});
