/**
 * Each sample against its expected records, and both against tshark. `WEIR_REWRITE_GOLDEN=1 npx ava test/samples`
 * writes expected.json anew; read the difference before committing it.
 */
import test from 'ava';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fieldNames } from '../../agent/output/record-format.ts';
import { replayToText } from '../../agent/replay.ts';
import type { Seal } from '../../shared/seal.ts';
import type { TrafficType } from '../../shared/topology/topology.ts';
import { addUp, disagreements, type Sums } from '../corpus/oracle.ts';
import { readWithTshark } from '../corpus/tshark.ts';
import { hasWireshark } from '../corpus/wireshark.ts';
import { sumsByEni } from './eni-sums.ts';
import { SAMPLES, findSamples, type Sample } from './sample.ts';

const REWRITES = process.env['WEIR_REWRITE_GOLDEN'] === '1';
const MAX_SAMPLES_BYTES = 5e6;
const samples = findSamples();

type Row = Record<string, string | number | null>;

async function replayed(sample: Sample, trafficType: TrafficType): Promise<{ lines: string[]; seals: Seal[] }> {
  let text = '';
  const output = { write: (piece: string) => void (text += piece) };
  const seals: Seal[] = [];
  const options = { topology: sample.topology, windowSeconds: sample.windowSeconds, trafficType };
  const summary = await replayToText([sample.capture], options, output, 'json', fieldNames('all'), (closed) => seals.push(...closed));
  if (summary.damaged.length > 0) throw new Error(`${sample.name} is damaged`);
  return { lines: text.trimEnd().split('\n'), seals };
}

for (const sample of samples) {
  const expectedFile = join(sample.folder, 'expected.json');

  test(`${sample.name}: replay gives the expected records`, async (t) => {
    const { lines } = await replayed(sample, sample.trafficType);
    if (REWRITES) {
      if (process.env['CI']) return void t.fail('expected records are not rewritten in CI');
      writeFileSync(expectedFile, `[\n${lines.join(',\n')}\n]\n`);
    }
    t.deepEqual(lines.map((line) => JSON.parse(line) as Row), JSON.parse(readFileSync(expectedFile, 'utf8')) as Row[]);
  });

  test(`${sample.name}: every ENI has recorded what tshark shows for it`, async (t) => {
    if (!hasWireshark(t)) return void t.pass();
    const { lines } = await replayed(sample, 'All');
    const recorded = new Map<string, Sums>();
    for (const line of lines) {
      const row = JSON.parse(line) as Row;
      if (row['log-status'] !== 'OK') continue;
      const flow = `${row['srcaddr']} ${row['dstaddr']} ${row['protocol']} ${row['srcport']} ${row['dstport']}`;
      addUp(recorded, `${row['eni-id']} ${row['direction']} ${flow}`, Number(row['packets']), Number(row['bytes']));
    }
    const seen = (await readWithTshark(sample.folder, [sample.capture.slice(sample.folder.length + 1)])).values().next().value!;
    t.deepEqual(disagreements(sumsByEni(seen.packets, sample.topology.enis), recorded), []);
    const bytes = seen.packets.reduce((sum, packet) => sum + packet.lengthField + (packet.isIpv6 ? 40 : 0), 0);
    t.deepEqual([sample.frames, sample.ipPackets, sample.ipBytes], [seen.frames, seen.packets.length, bytes]);
    const readme = readFileSync(join(sample.folder, 'README.md'), 'utf8');
    t.true(readme.includes(`${sample.frames} frames, ${sample.ipPackets} of them IP with ${sample.ipBytes} bytes`), 'README.md states the totals');
  });
}

test('the samples are all there, and small', (t) => {
  const script = readFileSync(join(SAMPLES, 'make.sh'), 'utf8');
  const made = /^SAMPLES=\((.*)\)$/m.exec(script)![1]!.split(' ').sort();
  t.deepEqual(samples.map((sample) => sample.name), made);
  const files = readdirSync(SAMPLES, { recursive: true }).map((name) => join(SAMPLES, String(name)));
  t.true(files.reduce((sum, file) => sum + statSync(file).size, 0) < MAX_SAMPLES_BYTES);
});

test('together the samples show every kind of decision and status', (t) => {
  const rows = samples.flatMap((sample) => JSON.parse(readFileSync(join(sample.folder, 'expected.json'), 'utf8')) as Row[]);
  const kinds = new Set(rows.map((row) => (row['log-status'] === 'OK' ? `${row['rule-reason']} ${row['action']} ${row['direction']}` : String(row['log-status']))));
  t.log([...kinds].sort().join(', '));
  for (const kind of [
    'rule ACCEPT in', 'rule REJECT in', 'rule ACCEPT out', 'established ACCEPT in', 'established ACCEPT out', 'intra-group ACCEPT in',
    'default REJECT in', 'default ACCEPT out', 'default REJECT out', 'NODATA',
  ]) t.true(kinds.has(kind), kind);
  t.true(rows.some((row) => Number(row['fragments']) > 0), 'fragments');
  t.true(rows.some((row) => row['rule-reason'] === 'established' && row['icmp-type'] === 3), 'an ICMP error of a live connection');
});
