/** Journal and ledger cut off, and set to zero, at every byte, and 10,000 flipped bits: it starts, no row twice, none lost without a word. Limit: 60 min */
import { join } from 'node:path';
import { seededRandom } from '../../bench/random.ts';
import { directoryInMemory } from '../aggregator/faults/directory-in-memory.ts';
import { cutOff, DamagedStorage, flipped, ofWholeFiles, zeroed, type Damage } from '../aggregator/faults/storage-damage.ts';

const FLIPS = 10_000;
const SEED = Number(process.env['WEIR_TEST_SEED'] ?? 1);
const random = seededRandom(SEED);
const leftovers: (() => void)[] = [];
const directory = directoryInMemory({ teardown: (work) => void leftovers.push(work) });
const storage = await DamagedStorage.make(directory);
const files = storage.files();
let faulty = 0;

async function judge(what: string, damages: Iterable<Damage>): Promise<void> {
  let count = 0;
  let withLoss = 0;
  let faults = 0;
  for (const damage of damages) {
    const verdict = await storage.judge(join(directory, 'copy'), damage);
    count++;
    if (verdict.lost > 0) withLoss++;
    faults += verdict.faults.length;
    for (const fault of verdict.faults) console.log(fault);
  }
  faulty += faults;
  console.log(`${what}, seed ${SEED}: ${count} damages, ${withLoss} with rows that are lost and told, ${faults} faults`);
}

function* atEveryByte(damage: (path: string, at: number) => Damage): Generator<Damage> {
  for (const { path, bytes } of files) for (let at = 0; at < bytes; at++) yield damage(path, at);
}

function* flips(): Generator<Damage> {
  for (let i = 0; i < FLIPS; i++) {
    const { path, bytes } = files[Math.floor(random() * files.length)]!;
    yield flipped(path, Math.floor(random() * bytes), Math.floor(random() * 8));
  }
}

await judge('whole files', ofWholeFiles(storage));
await judge('cut off', atEveryByte(cutOff));
await judge('set to zero', atEveryByte(zeroed));
await judge('flipped bits', flips());
for (const work of leftovers) work();
process.exit(faulty === 0 ? 0 : 1);
