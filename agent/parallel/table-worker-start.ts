import type { Worker } from 'node:worker_threads';
import { programThread } from '../program-thread.ts';
import { helpfulWorkers } from './helpful-workers.ts';

/** The thread allocates next to nothing but rows, which lie outside of its heap: more would only be more memory. */
const YOUNG_GENERATION_MB = 2;

let prepared: Worker | null = null;

/**
 * Starts the thread that a replay with these words is going to ask for, by the files among them. Should it not, nobody
 * will miss it: by itself the thread keeps no process alive.
 */
export function prepareTableWorker(words: readonly string[]): void {
  const isUpToUs = !words.some((word) => word.startsWith('--workers'));
  if (isUpToUs && helpfulWorkers(words) > 1) prepared = started();
}

/** A thread for a flow table. It starts while what it is told is still being found out. */
export function startTableWorker(): Worker {
  const worker = prepared ?? started();
  prepared = null;
  return worker;
}

function started(): Worker {
  const worker = programThread(new URL('./table-worker.ts', import.meta.url), {
    name: 'flow-table', resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  worker.unref();
  return worker;
}
