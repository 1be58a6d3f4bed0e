import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Limits what the process may map, core dumps and file sizes, from outside, with util-linux's prlimit. The limit on
 * memory counts from what the process has mapped already, since V8 reserves gigabytes of addresses that it never
 * touches. Does nothing on systems without prlimit.
 */
export async function limitProcess(pid: number, extraBytes: number, fileBytes: number): Promise<void> {
  if (PRLIMIT === null) return;
  const bytes = mappedBytes(pid) + extraBytes;
  await run(PRLIMIT, ['--pid', String(pid), `--as=${bytes}`, '--core=0', `--fsize=${fileBytes}`]);
}

/** No file holds the memory of the process when it crashes. */
export async function forbidCoreDump(pid: number): Promise<void> {
  if (PRLIMIT !== null) await run(PRLIMIT, ['--pid', String(pid), '--core=0']);
}

function mappedBytes(pid: number): number {
  const kilobytes = /^VmSize:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status names no VmSize`);
  return Number(kilobytes) * 1024;
}

const PRLIMIT = process.platform === 'linux' ? findProgram('prlimit') : null;

/** Whether workers are limited by the kernel here. */
export const LIMITS_PROCESSES = PRLIMIT !== null;

function findProgram(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}
