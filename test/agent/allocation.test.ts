import test from 'ava';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./allocation-of-packets.ts', import.meta.url));

/** Bytes of the heap taken for each packet, by a process of its own that nothing else runs in. */
function bytesPerPacket(mode: 'pipeline' | 'control'): number {
  // compiled at once, not when a busy machine finds the time for it: what is not compiled yet allocates
  const said = execFileSync(process.execPath, ['--no-concurrent-recompilation', '--expose-gc', '--import=tsx', PROGRAM, mode], { encoding: 'utf8' });
  return Number(said);
}

test('a packet of a known flow allocates nothing', (t) => {
  const bytes = bytesPerPacket('pipeline');
  t.true(bytes < 1, `${bytes} bytes a packet`);
});

test('control: one object a packet is noticed', (t) => {
  const bytes = bytesPerPacket('control');
  t.true(bytes > 8, `${bytes} bytes a packet`);
});
