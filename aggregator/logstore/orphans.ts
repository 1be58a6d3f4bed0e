import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LOGSTORES, WINDOW_STATES } from './layout.ts';

/** Deletes files that the ledger does not name: a publication that was cut off, or a replaced file. Returns how many. */
export function removeOrphans(root: string, named: ReadonlySet<string>): number {
  let removed = 0;
  for (const top of [LOGSTORES, WINDOW_STATES]) {
    if (!existsSync(join(root, top))) continue;
    for (const entry of readdirSync(join(root, top), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      if (named.has(path.slice(root.length + 1))) continue;
      rmSync(path);
      removed++;
    }
  }
  return removed;
}
