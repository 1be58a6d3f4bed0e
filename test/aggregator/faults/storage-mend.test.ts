import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { directoryInMemory } from './directory-in-memory.ts';
import { DiskFaults } from './disk-faults.ts';
import { makeDamaged, mendTooLate, mendWith, MEND_CASES } from './storage-mend.ts';
import { everyFault } from './storage-steps.ts';

test.serial('a damaged batch comes again, killed or refused by the disk at every step: each row once, each window whole', async (t) => {
  t.timeout(300_000);
  const directory = directoryInMemory(t);
  const faults = await DiskFaults.install();
  t.teardown(() => faults.close());
  let told = 0;
  for (const [i, mendCase] of MEND_CASES.entries()) {
    const damaged = join(directory, String(i));
    await makeDamaged(damaged, mendCase);
    const attempt = async (fault: Parameters<typeof mendWith>[3]): Promise<number> => {
      const copy = join(directory, 'copy');
      cpSync(damaged, copy, { recursive: true });
      const { steps, wrong } = await mendWith(faults, copy, mendCase, fault);
      rmSync(copy, { recursive: true });
      t.deepEqual(wrong.slice(0, 5), [], `${mendCase.name}: ${fault?.kind} at step ${fault?.step}`);
      told++;
      return steps;
    };
    // and one that comes when it is taken and not published
    for (const fault of everyFault(await attempt(null) + 1)) {
      if (!mendCase.isPartlyPublished || fault.kind === 'crash-cut' || fault.kind === 'power') await attempt(fault);
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
