import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';

export const MAX_WORKERS = 2;

/** Of smaller captures one thread has read the most by the time that a second one is warm: docs/decisions/066-packet-kernel.md. */
const WORTH_A_THREAD_BYTES = 512 * 1024 * 1024;

/** How many threads make the replay of these files faster. What comes out of a pipe may be slow, and is wanted at once. */
export function helpfulWorkers(paths: readonly string[]): number {
  const bytes = paths.reduce((sum, path) => sum + bytesOf(path), 0);
  return bytes >= WORTH_A_THREAD_BYTES ? Math.min(availableParallelism(), MAX_WORKERS) : 1;
}

/** Of what cannot be looked at, 0: to say so is for who opens it. */
function bytesOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
