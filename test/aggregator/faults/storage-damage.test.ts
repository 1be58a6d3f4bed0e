import { join } from 'node:path';
import test from 'ava';
import { seededRandom } from '../../../bench/random.ts';
import { directoryInMemory } from './directory-in-memory.ts';
import { cutOff, DamagedStorage, flipped, ofWholeFiles, zeroed, type Damage } from './storage-damage.ts';

const SEED = Number(process.env['WEIR_TEST_SEED'] ?? Date.now() % 1_000_000);
const FLIPS = 300;
/** Of the bytes at which a file is cut off; the long form takes each. */
const CUTS = 30;

test(`journal and ledger damaged in every way: it starts, no row twice, none lost without a word (seed ${SEED})`, async (t) => {
  t.timeout(900_000);
  const random = seededRandom(SEED);
  const directory = directoryInMemory(t);
  const storage = await DamagedStorage.make(directory);
  const files = storage.files();
  const damages: Damage[] = ofWholeFiles(storage);
  for (const { path, bytes } of files) {
    for (let i = 0; i < CUTS; i++) damages.push([cutOff, zeroed][i % 2]!(path, Math.floor(random() * bytes)));
  }
  for (let i = 0; i < FLIPS; i++) {
    const { path, bytes } = files[Math.floor(random() * files.length)]!;
    damages.push(flipped(path, Math.floor(random() * bytes), Math.floor(random() * 8)));
  }
  let withLoss = 0;
  const faults: string[] = [];
  for (const damage of damages) {
    const verdict = await storage.judge(join(directory, 'copy'), damage);
    if (verdict.lost > 0) withLoss++;
    faults.push(...verdict.faults);
  }
  t.log(`${damages.length} damages of ${files.length} files, ${withLoss} with rows that are lost, ${faults.length} faults`);
  t.deepEqual(faults.slice(0, 5), []);
  t.true(withLoss > 20);
});
