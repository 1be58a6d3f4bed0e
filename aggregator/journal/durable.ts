import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What a directory lists survives a crash only after this. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates a directory for the owner alone, with its parents, each durably. */
export async function makeDirectory(path: string): Promise<void> {
  if (!await isMade(path)) {
    // mkdir's own recursion never ends below a folder that has no room for others, such as /proc
    await makeDirectory(dirname(path));
    if (!await isMade(path)) await mkdir(path);
  }
}

/** False where the parent is missing. */
async function isMade(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return true;
    throw error;
  }
  await syncDirectory(dirname(path));
  return true;
}

/** Replaces a file: after a crash there is the old content or the new one, never a part. */
export async function replaceFile(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${path}.new`;
  try {
    await writeFile(temporary, content, { mode, flush: true });
    await rename(temporary, path);
  } catch (error) {
    // on a full disk it would keep what room there is
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncDirectory(dirname(path));
}
