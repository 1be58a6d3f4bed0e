import test from 'ava';
import { seededRandom } from '../../../bench/random.ts';
import { scanSegment, type FoundFrame } from '../../../agent/spool/spool-frame.ts';
import { afterDamage, filesOf, filledSpool, type FileBytes } from './spool-damage.ts';
import { ENIS, SpoolWorld } from './spool-world.ts';

const SEED = Number(process.env['WEIR_TEST_SEED'] ?? Date.now() % 1_000_000);
const FLIPS = 60;
const CUTS = 50;

const isSegment = ({ name }: FileBytes): boolean => name.startsWith('segment-');

/** Losses of unknown size aside, as they are stated; but nothing is lost with one of the positions. */
async function faultsAfter(world: SpoolWorld, files: readonly FileBytes[], random: () => number, isExact = false): Promise<string[]> {
  return (await afterDamage(world, files, random)).faults(!isExact);
}

function changed(files: readonly FileBytes[], of: FileBytes, bytes: Buffer): FileBytes[] {
  return files.map((file) => (file === of ? { ...file, bytes } : file));
}

test(`whatever bit flips: it starts, no row comes twice, each loss is stated (seed ${SEED})`, async (t) => {
  const random = seededRandom(SEED);
  const world = await filledSpool(random);
  const files = filesOf(world);
  t.true(files.filter(isSegment).length > 1);
  for (let flip = 0; flip < FLIPS; flip++) {
    const file = files[Math.floor(random() * files.length)]!;
    const used = isSegment(file) ? 60_000 : 600;
    const at = Math.floor(random() * Math.min(used, file.bytes.length));
    const bytes = Buffer.from(file.bytes);
    bytes[at]! ^= 1 << Math.floor(random() * 8);
    t.deepEqual(await faultsAfter(world, changed(files, file, bytes), random, !isSegment(file)), [], `${file.name}, byte ${at}`);
  }
});

test(`wherever a file is cut off, or turns to zeros: the same (seed ${SEED})`, async (t) => {
  const random = seededRandom(SEED);
  const world = await filledSpool(random);
  const files = filesOf(world);
  for (let cut = 0; cut < CUTS; cut++) {
    const file = files[Math.floor(random() * files.length)]!;
    const at = Math.floor(random() * file.bytes.length);
    const bytes = random() < 0.5 ? file.bytes.subarray(0, at) : Buffer.concat([file.bytes.subarray(0, at), Buffer.alloc(file.bytes.length - at)]);
    t.deepEqual(await faultsAfter(world, changed(files, file, bytes), random, !isSegment(file)), [], `${file.name}, from byte ${at}`);
  }
});

test('a file that is missing, doubled or none of the spool\'s: the same', async (t) => {
  const random = seededRandom(SEED);
  const world = await filledSpool(random);
  const files = filesOf(world);
  for (const file of files) {
    t.deepEqual(await faultsAfter(world, files.filter((other) => other !== file), random, !isSegment(file)), [], `without ${file.name}`);
    t.deepEqual(await faultsAfter(world, [...files, { ...file, name: 'segment-0000000000000900.spool' }], random), [], `${file.name} twice`);
    t.deepEqual(await faultsAfter(world, [...files, { ...file, name: 'core' }], random), [], `${file.name} as a stray`);
  }
  t.deepEqual(await faultsAfter(world, files.filter(isSegment), random), [], 'both positions gone');
  t.deepEqual(await faultsAfter(world, [], random), [], 'all of it gone');
});

test('a batch whose body is damaged is stated with its counts; one without a header by its time', async (t) => {
  const random = seededRandom(7);
  const world = await filledSpool(random);
  const files = filesOf(world);
  const segment = files.filter(isSegment).at(-1)!;
  const { frames } = scanSegment(segment.bytes);
  const bound = boundFrame(files)[1].header.id;
  const withRows = frames.find(({ header }) => header.rows > 0 && header.id !== bound)!;
  const inBody = Buffer.from(segment.bytes);
  inBody[withRows.bodyOffset + 10]! ^= 1;
  const counted = await afterDamage(world, changed(files, segment, inBody), random);
  t.deepEqual(counted.faults(), [], 'to the packet');
  t.is(counted.droppedRows, withRows.header.rows);
  // the last window's seals, in the last frame
  const inHeader = Buffer.from(segment.bytes);
  inHeader[frames.at(-1)!.offset + 30]! ^= 1;
  const unknown = await afterDamage(world, changed(files, segment, inHeader), random);
  const last = frames.at(-1)!.header.window!.start;
  t.deepEqual(ENIS.map((eniId) => unknown.collector.seals.get(`${last} ${eniId}`)?.gapPackets), [null, null]);
  t.deepEqual(unknown.faults(true), []);
});

test('the batch of the last number is damaged and may be stored: the next one is not taken for it', async (t) => {
  const random = seededRandom(8);
  const world = await filledSpool(random);
  const files = filesOf(world);
  const [segment, frame] = boundFrame(files);
  for (const [at, isStated] of [[frame.offset + 30, false], [frame.bodyOffset + 5, true]] as const) {
    const bytes = Buffer.from(segment.bytes);
    bytes[at]! ^= 1;
    const after = await afterDamage(world, changed(files, segment, bytes), random);
    t.deepEqual(after.faults(true), []);
    const unknown = [...after.collector.seals.values()].filter(({ gapPackets }) => gapPackets === null);
    // sent after the damaged one: under its number it would be taken for a duplicate
    if (isStated) t.true(unknown.length > 0);
    t.true(unknown.every(({ windowStart }) => windowStart === frame.header.window!.start));
    const others = world.windows.filter(({ start }) => start !== frame.header.window!.start).flatMap(({ batches }) => batches.flat());
    t.true(others.every(({ id }) => after.collector.rows.has(id)), 'nothing else is lost');
  }
});

test('a batch that is damaged while it waits is not sent, and is stated', async (t) => {
  const world = new SpoolWorld(seededRandom(9), 64 * 64 * 1024, 500);
  await world.start();
  for (let window = 0; window < 3; window++) {
    world.produce(5);
    world.sealWindow();
  }
  await world.settled();
  const [, bytes] = [...world.disk.files()].find(([name]) => name.startsWith('segment-'))!;
  const { header, bodyOffset } = scanSegment(bytes).frames.find((frame) => frame.header.rows > 0)!;
  // a digit of a packet count: what it says is well-formed all the same
  const at = bytes.indexOf('"packets":', bodyOffset) + '"packets":'.length;
  bytes[at] = bytes[at] === 0x31 ? 0x32 : 0x31;
  await world.ship(Infinity);
  t.deepEqual(world.faults(), []);
  t.is(world.droppedRows, header.rows);
});

test('a batch that was sent, and is damaged when it is to be sent again: the next one is not taken for it', async (t) => {
  const world = new SpoolWorld(seededRandom(10), 64 * 64 * 1024, 500);
  await world.start();
  for (let window = 0; window < 3; window++) {
    world.produce(5);
    world.sealWindow();
  }
  await world.settled();
  // the seals of the first window: what comes next is another window's
  await world.ship(1);
  world.collector.luck = () => 'answer lost';
  await world.ship(1);
  world.collector.luck = () => 'taken';
  world.crash(false);
  await world.start();
  const bound = boundFrame(filesOf(world))[1];
  const [, bytes] = [...world.disk.files()].find(([name]) => name.startsWith('segment-'))!;
  bytes[bound.bodyOffset + 5]! ^= 1;
  await world.ship(Infinity);
  t.deepEqual(world.faults(true), []);
  // nobody knows whether it was stored; under its number that statement would be taken for it
  t.deepEqual(ENIS.map((eniId) => world.collector.seals.get(`${bound.header.window!.start} ${eniId}`)?.gapPackets), [null, null]);
});

/** What is being sent, by the position. */
function boundFrame(files: readonly FileBytes[]): [FileBytes, FoundFrame] {
  const position = files.find(({ name }) => name === 'position-a')!;
  const { bound } = JSON.parse(position.bytes.toString('utf8', 12, 12 + position.bytes.readUInt32LE(4))) as { bound: { id: number } };
  for (const file of files.filter(isSegment)) {
    const frame = scanSegment(file.bytes).frames.find(({ header }) => header.id === bound.id);
    if (frame) return [file, frame];
  }
  throw new Error(`no frame ${bound.id}`);
}
