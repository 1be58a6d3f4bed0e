import { ApiProblem } from '../../api/client.ts';

/** As many as the collector has processes for queries: more would only wait there. */
const AT_ONCE = 2;
const MAX_TRIES = 6;
const BUSY_MS = 2000;

let running = 0;
const waiting: (() => void)[] = [];

/** Runs a question when it is its turn, and once more where the collector says that it is busy. */
export async function inTurn<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    if (running >= AT_ONCE) await new Promise<void>((resolve) => { waiting.push(resolve); });
    else running++;
    try {
      signal.throwIfAborted();
      return await run();
    } catch (error) {
      if (!(error instanceof ApiProblem && error.status === 503 && tries < MAX_TRIES)) throw error;
    } finally {
      // whoever waits takes the place over
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
    await new Promise((resolve) => { setTimeout(resolve, BUSY_MS * tries); });
  }
}
