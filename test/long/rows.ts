/** A hundred thousand rows of the explorer, scrolled in Chromium: no task of the page takes the processor for longer than 50 ms. Limit: 10 min */
import type { ExecutionContext } from 'ava';
import { launchBrowser } from '../browser/browser-page.ts';
import { scrollThrough } from '../browser/many-records.ts';

const ends: (() => unknown)[] = [];
const t = { teardown: (end: () => unknown) => { ends.push(end); } } as unknown as ExecutionContext;
const browser = await launchBrowser();
try {
  console.log(await scrollThrough(t, browser, 100_000, 500_000));
} finally {
  for (const end of ends.reverse()) await end();
  await browser.close();
}
