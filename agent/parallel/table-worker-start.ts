import type { Worker } from 'node:worker_threads';
import { programThread } from '../program-thread.ts';

/** The thread allocates next to nothing but rows, which lie outside of its heap: more would only be more memory. */
const YOUNG_GENERATION_MB = 2;

/** A thread for a flow table. It starts while what it is told is still being found out; by itself it keeps no process alive. */
export function startTableWorker(): Worker {
  const worker = programThread(new URL('./table-worker.ts', import.meta.url), {
    name: 'flow-table', resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  worker.unref();
  return worker;
}
