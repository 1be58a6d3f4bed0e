import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** Processor time that a process has used so far, of all its threads. */
export function processorSeconds(pid: number): number {
  // the name of the program, in parentheses, may hold spaces
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resolves when a process that had nothing to do computes: that a query was sent to it does not say that it works on it. */
export async function untilBusy(pid: number): Promise<void> {
  const enough = processorSeconds(pid) + 0.5;
  const startedMs = performance.now();
  while (processorSeconds(pid) < enough) {
    if (performance.now() - startedMs > 60_000) throw new Error(`process ${pid} has not begun to compute within a minute`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
