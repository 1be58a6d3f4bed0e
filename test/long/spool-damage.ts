/** A spool's files cut off at every byte, and 10,000 flipped bits: it always starts, no row comes twice, each loss is stated. Limit: 40 min */
import { seededRandom } from '../../bench/random.ts';
import { scanSegment } from '../../agent/spool/spool-frame.ts';
import { afterDamage, filesOf, filledSpool } from '../agent/spool/spool-damage.ts';

const FLIPS = 10_000;
const SEED = Number(process.env['WEIR_TEST_SEED'] ?? 1);
const random = seededRandom(SEED);
// a block of 4 KiB a frame, so the fewer frames the fewer bytes
const world = await filledSpool(random, 4);
const files = filesOf(world);
let faulty = 0;
let stated = 0;

async function judge(what: string, name: string, bytes: Buffer): Promise<void> {
  const after = await afterDamage(world, files.map((file) => (file.name === name ? { name, bytes } : file)), random);
  const faults = after.faults(true);
  if (after.droppedRows > 0) stated++;
  if (faults.length === 0) return;
  faulty++;
  console.log(`${what}: ${faults.join('; ')}`);
}

/** Up to the last byte that says something. */
function usedBytes({ name, bytes }: { name: string; bytes: Buffer }): number {
  return name.startsWith('segment-') ? scanSegment(bytes).usedBytes : 12 + bytes.readUInt32LE(4);
}

let cuts = 0;
for (const file of files) {
  for (let at = 0; at <= usedBytes(file); at++, cuts++) await judge(`${file.name} cut off at ${at}`, file.name, file.bytes.subarray(0, at));
}
console.log(`cut off at each of ${cuts} bytes, seed ${SEED}: ${stated} times with rows stated, ${faulty} times something does not add up`);
for (let flip = 0; flip < FLIPS; flip++) {
  const file = files[Math.floor(random() * files.length)]!;
  const at = Math.floor(random() * usedBytes(file));
  const bytes = Buffer.from(file.bytes);
  bytes[at]! ^= 1 << Math.floor(random() * 8);
  await judge(`${file.name} byte ${at}`, file.name, bytes);
}
console.log(`${FLIPS} flipped bits, seed ${SEED}: ${faulty} times in all something does not add up`);
process.exit(faulty === 0 ? 0 : 1);
