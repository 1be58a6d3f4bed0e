import type { Counter } from 'prom-client';
import type { Logger } from 'winston';
import { windowEnd } from '../logstore/window.ts';
import type { LeftOut } from './publication.ts';

/** So many ENIs are remembered; after that, one may be named in the log again. */
const MAX_NAMED = 10_000;

/** Tells of rows that came and went to no LogStore: all in a metric, each ENI once in the log. */
export class LeftOutRows {
  private readonly rows: Counter<'reason'>;
  private readonly log: Logger;
  private readonly named = new Set<string>();

  constructor(rows: Counter<'reason'>, log: Logger) {
    this.rows = rows;
    this.log = log;
  }

  note(leftOut: readonly LeftOut[]): void {
    for (const each of leftOut) {
      const { eniId, rows, logStore, window } = each;
      this.rows.inc({ reason: logStore === null ? 'no-flow-log' : 'retention' }, rows);
      const key = JSON.stringify([eniId, logStore]);
      if (this.named.has(key)) continue;
      if (this.named.size >= MAX_NAMED) this.named.clear();
      this.named.add(key);
      const time = `the window from ${timeText(window.start)} to ${timeText(windowEnd(window))}`;
      this.log.warn(logStore === null
        ? `${eniId}: ${rows} rows of ${time} go to no LogStore: no flow log covered the ENI then`
        : `${eniId}: ${rows} rows of ${time} do not go to the LogStore ${logStore}: it keeps nothing of that time any more`);
    }
  }
}

function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
