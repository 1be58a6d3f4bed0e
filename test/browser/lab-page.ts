import type { ExecutionContext } from 'ava';
import type { Browser, Page } from 'playwright-core';
import { signedIn, type ConsolePage } from './browser-page.ts';
import { runLab, type Lab } from './lab.ts';

export interface LabPage {
  readonly lab: Lab;
  readonly shown: ConsolePage;
  readonly page: Page;
}

/** A lab of its own, and its flow logs in sight. */
export async function openFlowLogs(t: ExecutionContext, browser: Browser): Promise<LabPage> {
  const lab = await runLab(t);
  const shown = await signedIn(t, browser, lab, '/flow-logs');
  await shown.page.getByText('3 of 10 used').waitFor();
  return { lab, shown, page: shown.page };
}
