import { unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** A file stays so long after the ledger has given it up: a query that has listed it may still have to open it. */
const GRACE_MS = 120_000;

/** Files that the ledger names no more. One that stays behind after all is an orphan, and goes at the next start. */
export class DiscardedFiles {
  private readonly root: string;
  private readonly timers = new Map<NodeJS.Timeout, readonly string[]>();

  constructor(root: string) {
    this.root = root;
  }

  /** Paths are relative to the data directory. */
  removeLater(paths: readonly string[]): void {
    if (paths.length === 0) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.remove(paths);
    }, GRACE_MS);
    timer.unref();
    this.timers.set(timer, paths);
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) await unlink(join(this.root, path)).catch(() => {});
  }

  /** Nobody reads any more: all go now. */
  async close(): Promise<void> {
    const paths = [...this.timers.values()].flat();
    for (const timer of this.timers.keys()) clearTimeout(timer);
    this.timers.clear();
    await this.remove(paths);
  }
}
