import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LOGSTORES, WINDOW_STATES } from './layout.ts';

/** Every file where LogStores and seals lie, relative to the data directory. */
export function storedFiles(root: string): string[] {
  return [LOGSTORES, WINDOW_STATES].filter((top) => existsSync(join(root, top))).flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)));
}

/** Deletes files that the ledger does not name: a publication that was cut off, or a replaced file. Returns how many. */
export function removeOrphans(root: string, named: ReadonlySet<string>): number {
  const orphans = storedFiles(root).filter((path) => !named.has(path));
  for (const path of orphans) rmSync(join(root, path));
  return orphans.length;
}
