import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * Receiving records goes first: the process gets what processor time others leave, and is the first to go where memory
 * runs out. On Linux each thread has a priority of its own, and those that come later take that of the thread that
 * starts them. Where the system does not let us, queries run all the same.
 */
export function yieldToOthers(pid: number, niceness: number): void {
  for (const thread of threadsOf(pid)) {
    try {
      setPriority(thread, niceness);
    } catch {
      continue; // it has ended
    }
  }
  if (process.platform !== 'linux') return;
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // it has ended, or the system forbids it
  }
}

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [pid];
  }
}
