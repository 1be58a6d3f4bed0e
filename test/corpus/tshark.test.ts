import test from 'ava';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CORPUS, corpusFiles } from './corpus-files.ts';
import { Oracle, addUp, disagreements, sumsOfRows, type ListedFrame, type Sums } from './oracle.ts';
import { replayFile } from './replayed-file.ts';
import { readWithTshark, type TsharkFile } from './tshark.ts';
import { hasWireshark } from './wireshark.ts';

/** test/corpus/differences.yaml: everything that is not equal, to the packet. */
interface Differences {
  /** Files whose link type Weir does not decode, and Wireshark's number of it. */
  'unsupported-link-types': Record<string, number>;
  /** Packets by class, in each file that has any. */
  files: Record<string, Record<string, number>>;
  /** `FILE#FRAME`: single frames. */
  frames: Record<string, ListedFrame>;
}

const ZEEK = join(CORPUS, 'zeek/');
const AIM = 0.995;
const differences = parse(readFileSync(new URL('differences.yaml', import.meta.url), 'utf8')) as Differences;

function listedFrames(file: string): Map<number, ListedFrame> {
  const frames = Object.entries(differences.frames).filter(([name]) => name.startsWith(`${file}#`));
  return new Map(frames.map(([name, listed]) => [Number(name.slice(file.length + 1)), listed]));
}

/** Compares one file; what is not explained goes to `unexplained`. */
async function compare(file: string, seen: TsharkFile, unexplained: string[]): Promise<{ packets: number; byClass: Record<string, number> }> {
  const byClass: Record<string, number> = {};
  const expected = new Map<string, Sums>();
  const oracle = new Oracle(listedFrames(file));
  for (const packet of seen.packets) {
    const { flow, bytes, difference } = oracle.judge(packet);
    if (difference) byClass[difference] = (byClass[difference] ?? 0) + 1;
    if (flow !== null) addUp(expected, flow, 1, bytes);
  }
  const { rows, summary, error } = await replayFile(join(ZEEK, file));
  if (error) unexplained.push(`${file}: ${error.message}`);
  else if (summary?.packets !== seen.frames) unexplained.push(`${file}: tshark read ${seen.frames} frames, weir ${summary?.packets}`);
  unexplained.push(...disagreements(expected, sumsOfRows(rows)).map((line) => `${file}: ${line}`));
  return { packets: seen.packets.length, byClass };
}

test('replay and tshark count the same packets and bytes of each flow, but for the listed differences', async (t) => {
  const files = corpusFiles(ZEEK);
  if (files.length === 0) {
    t.log(`the corpus is absent (${ZEEK}): nothing compared`);
    return void t.pass();
  }
  if (!hasWireshark(t)) return void t.pass();
  const dissected = await readWithTshark(ZEEK, files);
  const unsupported = differences['unsupported-link-types'];
  const found: Differences['files'] = {};
  const unexplained: string[] = [];
  const total = { files: 0, packets: 0, different: 0 };
  const perClass: Record<string, number> = {};
  for (const file of files) {
    const seen = dissected.get(file)!;
    if (file in unsupported) {
      t.is(seen.encapsulation, unsupported[file]!, file);
      t.is((await replayFile(join(ZEEK, file))).error?.code, 'CAPTURE_LINK_TYPE', file);
      continue;
    }
    const { packets, byClass } = await compare(file, seen, unexplained);
    if (Object.keys(byClass).length > 0) found[file] = byClass;
    total.files++;
    total.packets += packets;
    for (const [name, count] of Object.entries(byClass)) {
      total.different += count;
      perClass[name] = (perClass[name] ?? 0) + count;
    }
  }
  const equalShare = 1 - total.different / total.packets;
  t.log(`${total.files} files, ${total.packets} IP packets, ${(equalShare * 100).toFixed(3)} % equal; the rest: ${JSON.stringify(perClass)}`);
  t.deepEqual(unexplained, []);
  t.deepEqual(found, differences.files);
  t.is(files.length, 800);
  t.true(equalShare > AIM);
});
