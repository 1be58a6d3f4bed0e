import { closeSync, fchmodSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Nobody else's: tokens and rules are among what is kept. */
const OWNER_ONLY = 0o600;

/**
 * Replaces a file: after a crash there is the old text or the new one, never a part. `isDurable`: it outlives the
 * machine too, not only the process. Throws what the file system throws.
 */
export function replaceKept(path: string, text: string, isDurable = true): void {
  const descriptor = openSync(`${path}.new`, 'w', OWNER_ONLY);
  try {
    fchmodSync(descriptor, OWNER_ONLY); // one that was left behind keeps its mode
    writeFileSync(descriptor, text);
    if (isDurable) fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(`${path}.new`, path);
  if (isDurable) syncDirectory(dirname(path));
}

/** null: there is none. */
export function readKept(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** What a directory lists survives a crash only after this. */
function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
