import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { directoryInMemory } from './directory-in-memory.ts';
import { DiskFaults } from './disk-faults.ts';
import { everyFault, tellStory } from './storage-steps.ts';

test('killed, without power, or refused by the disk, at every step of publication, amendment, drop, expiry, release and compaction: each row once', async (t) => {
  t.timeout(900_000);
  const directory = directoryInMemory(t);
  const faults = await DiskFaults.install();
  t.teardown(() => faults.close());
  const folder = (name: string): string => {
    mkdirSync(join(directory, name));
    return join(directory, name);
  };
  const { steps, faults: none } = await tellStory(faults, folder('whole'), null);
  t.deepEqual(none, []);
  let told = 0;
  for (const fault of everyFault(steps)) {
    const { faults: wrong } = await tellStory(faults, folder(`${fault.step}-${fault.kind}`), fault);
    rmSync(join(directory, `${fault.step}-${fault.kind}`), { recursive: true });
    if (wrong.length > 0) t.fail(`${fault.kind} at step ${fault.step}: ${wrong.join('; ')}`);
    told++;
  }
  t.log(`${steps} steps, ${told} faults`);
  t.true(steps > 100);
});
