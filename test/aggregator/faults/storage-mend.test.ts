import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { directoryInMemory } from './directory-in-memory.ts';
import { DiskFaults } from './disk-faults.ts';
import { makeDamaged, mendTooLate, mendWith, MEND_CASES } from './storage-mend.ts';
import { everyFault } from './storage-steps.ts';

test.serial('a damaged batch comes again, killed or refused by the disk at every step: each row once, each window whole', async (t) => {
  t.timeout(900_000);
  const directory = directoryInMemory(t);
  const faults = await DiskFaults.install();
  t.teardown(() => faults.close());
  let told = 0;
  for (const [i, mendCase] of MEND_CASES.entries()) {
    const damaged = join(directory, String(i));
    await makeDamaged(damaged, mendCase);
    const attempt = async (fault: Parameters<typeof mendWith>[3]): Promise<{ opened: number; steps: number }> => {
      const copy = join(directory, 'copy');
      cpSync(damaged, copy, { recursive: true });
      const { opened, steps, wrong } = await mendWith(faults, copy, mendCase, fault);
      rmSync(copy, { recursive: true });
      t.deepEqual(wrong.slice(0, 5), [], `${mendCase.name}: ${fault?.kind} at step ${fault?.step}`);
      told++;
      return { opened, steps };
    };
    // and one that comes when it is taken and not published
    const { opened, steps } = await attempt(null);
    for (const fault of everyFault(steps + 1)) {
      // what happens before is the same, and each of their lives publishes many windows
      if (!mendCase.isPartlyPublished || fault.step > opened) await attempt(fault);
    }
  }
  t.log(`${told} faults`);
  t.true(told > 100);
});

test.serial('a damaged batch that comes again after it is published as lost: it stays lost, and its windows say so', async (t) => {
  const directory = directoryInMemory(t);
  for (const [i, mendCase] of MEND_CASES.entries()) {
    const root = join(directory, String(i));
    await makeDamaged(root, mendCase);
    const { lost, wrong } = await mendTooLate(root, mendCase);
    t.deepEqual(wrong, [], mendCase.name);
    // one that nobody knows to be stored is taken whenever it comes
    t.is(lost.length > 0, mendCase.isKnown, mendCase.name);
  }
});
