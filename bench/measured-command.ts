/** Runs a program and accounts for it, as time(1) does: nothing else may run below this process meanwhile. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Measured {
  readonly wallSeconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** Largest resident set, as of a few milliseconds before the end. */
  readonly peakBytes: number;
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

/**
 * Output goes nowhere. The program is over when everything that it has started is over; the CPU time of what outlived it
 * is not counted. Throws when the program fails.
 */
export async function measure(program: string, parameters: readonly string[], folder: string): Promise<Measured> {
  const before = childTimes();
  const start = performance.now();
  const complaints = join(folder, 'stderr');
  const errors = openSync(complaints, 'w');
  const child = spawn(program, parameters, { cwd: folder, detached: true, stdio: ['ignore', 'ignore', errors] });
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, peakBytes(child.pid!));
  }, POLL_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', resolve);
  });
  // pmacctd's plugins outlive it
  while (hasGroup(child.pid!)) await sleep(POLL_MS);
  const wallSeconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  closeSync(errors);
  if (code !== 0) throw new Error(`${program} ${parameters.join(' ')} ended with ${code}: ${readFileSync(complaints, 'utf8').slice(-2000)}`);
  const after = childTimes();
  return { wallSeconds, userSeconds: after.user - before.user, systemSeconds: after.system - before.system, peakBytes: peak };
}
