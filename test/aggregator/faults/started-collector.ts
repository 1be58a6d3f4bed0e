import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./collector-process.ts', import.meta.url));

export interface StartedCollector {
  readonly pid: number;
  readonly target: { readonly url: string; readonly token: string };
  /** Ends it with SIGKILL. */
  stop(): Promise<void>;
}

/** A collector in a process of its own, ready to serve. */
export async function startCollectorProcess(data: string): Promise<StartedCollector> {
  const child = spawn(process.execPath, ['--import=tsx', PROGRAM, data], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the collector did not start: exit code ${code}`))),
  ])) as [string];
  const { url, adminTokenFile } = JSON.parse(line) as { url: string; adminTokenFile: string };
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { pid: child.pid!, target: { url, token: readFileSync(adminTokenFile, 'utf8').trim() }, stop };
}
