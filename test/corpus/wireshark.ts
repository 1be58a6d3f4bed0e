import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';

/**
 * Whether tshark, mergecap and capinfos can be run. They are what CI judges by, so there it fails the test; on a
 * machine that has nothing but Node, the test says that it has compared nothing.
 */
export function hasWireshark(t: ExecutionContext): boolean {
  try {
    for (const program of ['tshark', 'mergecap', 'capinfos']) execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    const text = `${(error as NodeJS.ErrnoException).path ?? 'tshark'} is missing (apt-get install tshark): not compared`;
    if (process.env['CI']) t.fail(text);
    else t.log(text);
    return false;
  }
}
