import { forbidCoreDump } from './query/worker/address-space.ts';

/**
 * What the process writes is for its user alone, and what it has in memory, tokens too, goes to no file when it crashes.
 * Its children take both over.
 */
export async function guardSecrets(): Promise<void> {
  process.umask(0o077);
  await forbidCoreDump(process.pid);
}
