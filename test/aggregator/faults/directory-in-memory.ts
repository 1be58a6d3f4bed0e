import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder where thousands of starts and syncs cost little: on Linux, in memory. */
export function directoryInMemory(t: { teardown(work: () => void): void }): string {
  const path = mkdtempSync(join(parent(), 'weir-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function parent(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
