/**
 * Runs a program and accounts for it, as time(1) does: nothing else may run below this process meanwhile. Time and memory
 * are measured in runs of their own: to look at a process every few milliseconds takes it a tenth of its time.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Measured {
  readonly wallSeconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
}

const TICKS_PER_SECOND = 100;
const POLL_MS = 5;

/** CPU seconds of all children that have ended: fields 16 and 17 of /proc/self/stat, counted behind the command's name. */
function childTimes(): { user: number; system: number } {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ');
  return { user: Number(fields[13]) / TICKS_PER_SECOND, system: Number(fields[14]) / TICKS_PER_SECOND };
}

function peakBytes(pid: number): number {
  try {
    const line = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line ? Number(line[1]) * 1024 : 0;
  } catch {
    return 0; // it has just ended
  }
}

function hasGroup(leader: number): boolean {
  try {
    return process.kill(-leader, 0);
  } catch {
    return false;
  }
}

/** What it takes, output to nowhere. The CPU time of what outlives the program is not counted. Throws when it fails. */
export async function measure(program: string, parameters: readonly string[], folder: string): Promise<Measured> {
  const before = childTimes();
  const start = performance.now();
  await run(program, parameters, folder, () => {});
  const wallSeconds = (performance.now() - start) / 1000;
  const after = childTimes();
  return { wallSeconds, userSeconds: after.user - before.user, systemSeconds: after.system - before.system };
}

/** Its largest resident set, as of a few milliseconds before the end. Throws when it fails. */
export async function measureMemory(program: string, parameters: readonly string[], folder: string): Promise<number> {
  let peak = 0;
  let timer: NodeJS.Timeout | undefined;
  await run(program, parameters, folder, (pid) => {
    timer = setInterval(() => (peak = Math.max(peak, peakBytes(pid))), POLL_MS);
  }).finally(() => clearInterval(timer));
  return peak;
}

/** The program is over when everything that it has started is over. */
async function run(program: string, parameters: readonly string[], folder: string, onStart: (pid: number) => void): Promise<void> {
  const complaints = join(folder, 'stderr');
  const errors = openSync(complaints, 'w');
  const child = spawn(program, parameters, { cwd: folder, detached: true, stdio: ['ignore', 'ignore', errors] });
  if (child.pid !== undefined) onStart(child.pid);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', resolve);
  });
  // pmacctd's plugins outlive it
  while (hasGroup(child.pid!)) await sleep(POLL_MS);
  closeSync(errors);
  if (code !== 0) throw new Error(`${program} ${parameters.join(' ')} ended with ${code}: ${readFileSync(complaints, 'utf8').slice(-2000)}`);
}
