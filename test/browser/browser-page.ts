import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import type { RunningCollector } from '../aggregator/collector-fixture.ts';

/** Debian's; another one by CHROMIUM. */
export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const SCREENSHOTS = fileURLToPath(new URL('../../test-output/browser/', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PATIENCE_MS = 120_000;
const NARROW_HEIGHT = 844;
const WIDE_HEIGHT = 860;

export interface Look {
  readonly width: 390 | 1280;
  readonly theme: 'light' | 'dark';
}
export const WIDE: Look = { width: 1280, theme: 'light' };
export const LOOKS: readonly Look[] = [WIDE, { width: 1280, theme: 'dark' }, { width: 390, theme: 'light' }, { width: 390, theme: 'dark' }];

/** One browser for the tests of a file; to be closed after them. `program` runs it elsewhere, with the arguments that it is given. */
export async function launchBrowser(program = CHROMIUM): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(`there is no ${CHROMIUM}: apt-get install chromium, or name another one by the environment variable CHROMIUM`);
  return chromium.launch({ executablePath: program, timeout: 180_000, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--force-color-profile=srgb'] });
}

export interface ConsolePage {
  readonly look: Look;
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong besides what the test looks at: errors, failed requests, requests to others. Taken away by the call. */
  troubles(): string[];
  open(path: string): Promise<void>;
  /** With the theme and width that it has. */
  screenshot(name: string): Promise<void>;
  /** What axe-core finds serious, as texts. */
  seriousFindings(): Promise<string[]>;
}

/** A page of its own, with nothing kept; ends with the test. */
export async function openConsole(t: ExecutionContext, browser: Browser, collector: Pick<RunningCollector, 'url'>, look: Look = WIDE): Promise<ConsolePage> {
  const { width, theme } = look;
  const context = await browser.newContext({
    viewport: { width, height: width === 390 ? NARROW_HEIGHT : WIDE_HEIGHT }, colorScheme: theme, timezoneId: 'Europe/Berlin', locale: 'en-GB', reducedMotion: 'reduce',
    isMobile: width === 390, hasTouch: width === 390,
  });
  t.teardown(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  let troubles: string[] = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) troubles.push(`console: ${message.text()}`); });
  page.on('pageerror', (error) => void troubles.push(`error: ${error.message}`));
  page.on('requestfailed', (request) => { if (request.failure()?.errorText !== 'net::ERR_ABORTED') troubles.push(`failed: ${request.method()} ${request.url()} ${request.failure()?.errorText}`); });
  page.on('response', (response) => { if (response.status() >= 400) troubles.push(`${response.status()}: ${response.request().method()} ${response.url()}`); });
  page.on('request', (request) => { if (!request.url().startsWith(`${collector.url}/`) && !request.url().startsWith('data:')) troubles.push(`leaves the origin: ${request.url()}`); });
  return {
    look, page, context,
    troubles: () => {
      const found = troubles;
      troubles = [];
      return found;
    },
    open: async (path) => { await page.goto(collector.url + path); },
    screenshot: async (name) => {
      mkdirSync(SCREENSHOTS, { recursive: true });
      await page.screenshot({ path: join(SCREENSHOTS, `${name}-${width}-${theme}.png`) });
    },
    seriousFindings: async () => {
      await page.evaluate(AXE);
      const { violations } = await page.evaluate<{ violations: { id: string; impact: string; help: string; nodes: { html: string; failureSummary: string }[] }[] }>(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] })");
      return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join(' | ')}`);
    },
  };
}

/** Signs in as a person does. */
export async function signIn({ page }: ConsolePage, token: string): Promise<void> {
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.frame').waitFor();
}

/** A page of its own at this path, signed in. */
export async function signedIn(t: ExecutionContext, browser: Browser, collector: Pick<RunningCollector, 'url' | 'adminToken'>, path: string, { look = WIDE, token = collector.adminToken }: { look?: Look; token?: string } = {}): Promise<ConsolePage> {
  const shown = await openConsole(t, browser, collector, look);
  await shown.open(path);
  await signIn(shown, token);
  return shown;
}

/** What holds of every page, however it looks: nothing serious for axe-core, no trouble, no wider than the window. */
export async function isSound(t: ExecutionContext, shown: ConsolePage, name: string): Promise<void> {
  t.deepEqual(await shown.seriousFindings(), [], `${name}: axe-core`);
  t.deepEqual(shown.troubles(), [], name);
  await shown.screenshot(name);
  await isWithinWindow(t, shown, name);
}

export async function isWithinWindow(t: ExecutionContext, { page }: ConsolePage, name: string): Promise<void> {
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  t.true(overflow <= 0, `${name} is ${overflow} pixels wider than the window`);
}

/** Asks again and again, as a person would who waits for a window: later each time, for who asks again ends what was asked before. */
export async function askUntil(page: Page, button: string, holds: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + PATIENCE_MS;
  for (let pauseMs = 700; !(await holds()); pauseMs *= 1.3) {
    if (Date.now() > limit) throw new Error(`not in time: ${await page.locator('#content').innerText()}`);
    await page.getByRole('button', { name: button, exact: true }).click();
    for (const next = Date.now() + pauseMs; Date.now() < next && !(await holds());) await page.waitForTimeout(100);
  }
}
