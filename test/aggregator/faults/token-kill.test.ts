import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Tokens } from '../../../aggregator/control/tokens.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

const KILLS = 8;
const PROGRAM = fileURLToPath(new URL('./token-process.ts', import.meta.url));

test(`kill -9 ${KILLS} times while tokens change: what was answered holds, what was not is the old state or the new one`, async (t) => {
  t.timeout(600_000);
  const directory = temporaryDirectory(t);
  const last = new Map<string, string>();
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, ['--import=tsx', PROGRAM, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const ended = once(lines, 'close');
    let told = 0;
    // after some changes, at any instruction of the next
    const until = 5 + Math.floor(Math.random() * 60);
    lines.on('line', (line) => {
      const [state, token] = line.split(' ');
      if (token) last.set(token, state!);
      if (++told === until) child.kill('SIGKILL');
    });
    await ended;
    const tokens = await Tokens.open(directory, join(directory, 'admin-token'), { append: async () => {} });
    t.truthy(tokens.check(readFileSync(join(directory, 'admin-token'), 'utf8').trim()).entry);
    for (const [token, state] of last) {
      const isValid = tokens.check(token).entry !== null;
      if (state === 'changing') last.set(token, isValid ? 'valid' : 'void');
      else t.is(isValid, state === 'valid', `${state} after kill ${kill + 1}`);
    }
  }
  t.true([...last.values()].filter((state) => state === 'void').length > KILLS);
});
