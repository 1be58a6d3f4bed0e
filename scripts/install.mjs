/** Brings node_modules in line with package-lock.json, so that `npm start` and `npm test` work on a fresh clone. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OLDEST_NODE = [20, 19];

/** Ends the process where Weir cannot run. */
export function installWhatIsMissing() {
  requireNode();
  if (isInstalled()) return;
  console.error('installing what is missing ...');
  if (npm('ci')) return;
  console.error('npm ci failed: is the registry within reach?');
  process.exit(1);
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  console.error(`Weir needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}`);
  process.exit(1);
}

/** Whether every package of the lockfile is there in that version; those for other systems need not be. */
function isInstalled() {
  const installedFile = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    return path in installed ? installed[path].version === version : Boolean(optional);
  });
}

function npm(...words) {
  const program = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const options = ['--no-audit', '--no-fund', '--loglevel=error'];
  const { status, stderr, error } = spawnSync(program, [...words, ...options], {
    cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8', shell: process.platform === 'win32',
  });
  if (status !== 0) console.error(error?.message ?? stderr.split('\n').slice(0, 4).join('\n'));
  return status === 0;
}
