/** A LogStore of many records, and scrolling through all of them. */
import assert from 'node:assert/strict';
import type { ExecutionContext } from 'ava';
import type { Browser, Page } from 'playwright-core';
import { runCollector, type RunningCollector } from '../aggregator/collector-fixture.ts';
import { signedIn } from './browser-page.ts';

const START = 1_772_366_400;
const WINDOWS = 10;
const WINDOW_SECONDS = 600;
const BATCH = 10_000;
/** Places between the last record and the first that are scrolled to. */
const LOOKS_AT = 400;

export function sampleRecord(at: number): Record<string, unknown> {
  const start = START + at % WINDOWS * WINDOW_SECONDS;
  return {
    'eni-id': `eni-${at % 50}`, 'srcaddr': `10.${at >> 16 & 255}.${at >> 8 & 255}.${at & 255}`, 'srcport': 1024 + at % 60_000, 'dstaddr': '10.200.0.1', 'dstport': at % 7 === 0 ? 22 : 443, 'protocol': 6,
    'direction': 'in', 'packets': 1 + at % 90, 'bytes': 60 + at % 9000, start, 'end': start + WINDOW_SECONDS, 'action': at % 7 === 0 ? 'REJECT' : 'ACCEPT', 'log-status': 'OK', 'first-seen': start + 1, 'last-seen': start + 2,
    'rule-id': `r-${at % 12}`, 'rule-reason': 'rule', 'sg-id': 'sg-web',
  };
}

export async function send(collector: RunningCollector, logStore: string, records: readonly object[], sequence: number): Promise<void> {
  const answer = await collector.request('/v1/batches', {
    method: 'POST', body: records.map((line) => JSON.stringify(line)).join('\n'),
    headers: { 'content-type': 'application/x-ndjson', 'weir-agent-id': 'agent-1', 'weir-epoch': '1', 'weir-sequence': String(sequence), 'weir-logstore': logStore },
  });
  if (answer.status !== 200) throw new Error(await answer.text());
}

/** Runs in the page: rows are loaded by scrolling to the end of what there is, over and over, and then looked through at a run. */
function scrolling(rows: number, mostMs: number): string {
  return `(async () => {
    const view = document.querySelector('.records');
    const rowCount = () => Math.round(document.querySelector('.record-body').offsetHeight / 28);
    const begun = performance.now();
    const scroll = (top) => new Promise((resolve) => { view.scrollTop = top; requestAnimationFrame(resolve); });
    while (rowCount() < ${rows} && performance.now() - begun < ${mostMs}) {
      const before = rowCount();
      await scroll(view.scrollHeight);
      while (rowCount() === before && performance.now() - begun < ${mostMs}) await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
    const loadedMs = performance.now() - begun;
    const height = view.scrollHeight;
    for (let part = 0; part <= ${LOOKS_AT}; part++) await scroll(height * (1 - part / ${LOOKS_AT}));
    return { rows: rowCount(), loadedMs };
  })()`;
}

interface TraceEvent { readonly name: string; readonly pid: number; readonly tid: number; readonly dur?: number; readonly tdur?: number; readonly args?: { readonly name?: string } }

export interface Scrolled {
  readonly rows: number;
  /** Until all of them were there. */
  readonly loadedMs: number;
  /** How long each task of the page took the processor, by the thread's own clock, the longest first: that of the wall also counts what others do on the machine. */
  readonly taskMs: readonly number[];
  /** As the browser reports them, by the clock of the wall. */
  readonly longTasks: readonly number[];
}

/** Scrolls through so many records of the explorer that is shown. */
export async function scrollRows(page: Page, records: number, mostMs: number): Promise<Scrolled> {
  const cdp = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  cdp.on('Tracing.dataCollected', ({ value }) => { for (const event of value) events.push(event as unknown as TraceEvent); });
  await page.evaluate("globalThis.longTasks = []; new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) globalThis.longTasks.push(duration); }).observe({ type: 'longtask' })");
  await cdp.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel', '__metadata'] } });
  const { rows, loadedMs } = await page.evaluate<{ rows: number; loadedMs: number }>(scrolling(records, mostMs));
  const ended = new Promise((resolve) => { cdp.once('Tracing.tracingComplete', resolve); });
  await cdp.send('Tracing.end');
  await ended;
  const mains = new Set(events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
  const taskMs = events.filter(({ pid, tid, tdur }) => tdur !== undefined && mains.has(`${pid} ${tid}`)).map(({ tdur }) => tdur! / 1000).sort((a, b) => b - a);
  assert.ok(taskMs.length > 100, `${taskMs.length} tasks were seen`);
  return { rows, loadedMs, taskMs, longTasks: await page.evaluate<number[]>('globalThis.longTasks') };
}

/** A LogStore of so many records, all of them scrolled. */
export async function scrollThrough(t: ExecutionContext, browser: Browser, records: number, mostMs: number): Promise<string> {
  const collector = await runCollector(t);
  for (let first = 0; first < records; first += BATCH) await send(collector, 'big', Array.from({ length: Math.min(BATCH, records - first) }, (_, at) => sampleRecord(first + at)), first / BATCH + 1);
  await collector.flush();
  const shown = await signedIn(t, browser, collector, '/explorer?logstore=big&from=0');
  const { page } = shown;
  await page.locator('.record').first().waitFor();
  await page.locator('.cm-content').waitFor();
  const { rows, loadedMs, taskMs } = await scrollRows(page, records, mostMs);
  // and a row for each ENI that nobody sealed
  assert.ok(rows >= records, `${rows} rows`);
  assert.ok(await page.locator('.record').count() < 100, 'only those in sight are drawn');
  await page.locator('.record [tabindex="0"]').first().focus();
  await page.keyboard.press('Control+End');
  await page.locator(`[data-row="${rows - 1}"]`).waitFor();
  assert.deepEqual(shown.troubles(), []);
  return `${rows} rows, loaded in ${(loadedMs / 1000).toFixed(1)} s, ${taskMs.length} tasks; the longest took ${taskMs.slice(0, 5).map((ms) => ms.toFixed(1)).join(', ')} ms of processor time`;
}
