import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { CheckpointFile, readCheckpoints } from '../../../agent/checkpoint/checkpoint-file.ts';
import type { SavedPipeline } from '../../../agent/checkpoint/saved-state.ts';
import { Pipeline } from '../../../agent/pipeline.ts';
import { FIELDS } from '../../../shared/fields.ts';
import { valueReader } from '../../../shared/record-values.ts';
import type { RecordContext, Records } from '../../../shared/records.ts';
import type { Seal } from '../../../shared/seal.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';
import type { CapturedPacket } from '../../frames/captured-packet.ts';
import { tcpFrame, udpFrame } from '../../frames/frames.ts';
import { packetBatch } from '../../frames/packet-batch.ts';

const INTERFACES = [{ name: null, linkType: 1 }];
const BASE_US = 1_700_000_000_000_000;
const WINDOW_SECONDS = 10;

function topology(eniIds: readonly string[], extraRule = '') {
  const enis = eniIds.map((id) => `  - { eni-id: ${id}, addresses: [10.0.0.${id.slice(-1)}, "fd00::${id.slice(-1)}"], security-groups: [sg-1] }`);
  return parseTopology(`
account-id: "1"
region: lab
security-groups:
  - security-group-id: sg-1
    inner-access: drop
    rules:
      - { rule-id: r-web, direction: ingress, policy: accept, protocol: tcp, port-range: 80/80, priority: 10, cidr: 0.0.0.0/0 }
      - { rule-id: r-web6, direction: ingress, policy: accept, protocol: tcp, port-range: 80/80, priority: 10, cidr: "::/0" }
${extraRule}
enis:
${enis.join('\n')}
`, 'test');
}

class Collected {
  readonly rows: string[] = [];
  readonly seals: Seal[] = [];

  takeRows(records: Records, context: RecordContext): void {
    for (let row = 0; row < records.count; row++) {
      this.rows.push(JSON.stringify(FIELDS.map(({ name }) => valueReader(name)(records, row, context))));
    }
  }
}

function pipelineInto(collected: Collected, eniIds: readonly string[], extraRule = '', revision = 1): Pipeline {
  return new Pipeline({ topology: topology(eniIds, extraRule), windowSeconds: WINDOW_SECONDS, graceSeconds: 2, tableCapacity: 64, revision }, {
    rows: (records, context) => collected.takeRows(records, context),
    seals: (seals) => void collected.seals.push(...seals),
  });
}

function feed(pipeline: Pipeline, packets: readonly CapturedPacket[]): void {
  if (packets.length === 0) return;
  const batch = packetBatch(packets);
  pipeline.process(batch, 0, batch.count, INTERFACES);
}

const arbitraryPackets = fc.array(
  fc.record({
    from: fc.integer({ min: 1, max: 3 }), to: fc.integer({ min: 1, max: 3 }), v6: fc.boolean(), isUdp: fc.boolean(),
    port: fc.constantFrom(80, 4000), flags: fc.constantFrom('S', 'SA', 'A', 'FA', 'R'), stepMs: fc.integer({ min: -500, max: 5000 }),
  }),
  { minLength: 2, maxLength: 50 },
).map((steps) => {
  let timeUs = BASE_US;
  return steps.map(({ from, to, v6, isUdp, port, flags, stepMs }): CapturedPacket => {
    timeUs += stepMs * 1000;
    const ends = { src: v6 ? `fd00::${from}` : `10.0.0.${from}`, dst: v6 ? `fd00::${to}` : `10.0.0.${to}`, srcPort: port === 80 ? 4000 : 80, dstPort: port };
    return { data: isUdp ? udpFrame(ends) : tcpFrame({ ...ends, flags }), timeUs };
  });
});

/** As it comes back from a file. */
function stored(state: SavedPipeline): SavedPipeline {
  return deserialize(serialize(state)) as SavedPipeline;
}

test('killed and restored at any moments, an agent states what one that lived on would have stated', (t) => {
  fc.assert(fc.property(arbitraryPackets, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 12 }), (packets, pieces) => {
    const whole = new Collected();
    const undisturbed = pipelineInto(whole, ['eni-1', 'eni-2']);
    feed(undisturbed, packets);
    undisturbed.close();

    const parts = new Collected();
    let pipeline = pipelineInto(parts, ['eni-1', 'eni-2']);
    let saved: SavedPipeline[] = [];
    let at = 0;
    pieces.forEach((count, piece) => {
      feed(pipeline, packets.slice(at, at + count));
      at += count;
      saved.push(stored(pipeline.checkpoint(saved.length === 0)));
      if (piece % 3 !== 2) return;
      // the agents that follow know the ENIs in another order
      pipeline = pipelineInto(parts, piece % 2 === 0 ? ['eni-2', 'eni-1'] : ['eni-1', 'eni-2']);
      // no window has ended: nobody was away
      t.true(pipeline.restore(saved, null, 0));
      saved = [];
    });
    feed(pipeline, packets.slice(at));
    pipeline.close();
    t.deepEqual(parts.rows.sort(), whole.rows.sort());
    const bySeal = (seals: Seal[]) => seals.map((seal) => JSON.stringify(seal)).sort();
    t.deepEqual(bySeal(parts.seals), bySeal(whole.seals));
  }), { numRuns: 200 });
});

test('what was handed on after the checkpoint is not stated twice', (t) => {
  const collected = new Collected();
  const at = (seconds: number): CapturedPacket => ({ data: tcpFrame({ src: '10.9.9.9', dst: '10.0.0.1', flags: seconds === 1 ? 'S' : 'A' }), timeUs: BASE_US + seconds * 1e6 });
  const first = pipelineInto(collected, ['eni-1']);
  feed(first, [at(1)]);
  const saved = [stored(first.checkpoint(true))];
  feed(first, [at(2), at(13)]);
  t.deepEqual(collected.seals.map((seal) => seal.packetsSeen), [2], 'the window was sealed, then the agent died');
  const second = pipelineInto(collected, ['eni-1']);
  second.restore(saved, BASE_US / 1e6, BASE_US);
  feed(second, [at(14)]);
  second.close();
  t.deepEqual(collected.seals.map((seal) => seal.packetsSeen), [2, 1]);
  t.deepEqual(collected.rows.map((row) => (JSON.parse(row) as unknown[])[12]), [2, 1]);
  t.true(collected.rows.every((row) => row.includes('"r-web"')), 'the connection is still known');
});

test('a window that ended while nobody watched is partial', (t) => {
  const collected = new Collected();
  const first = pipelineInto(collected, ['eni-1']);
  feed(first, [{ data: udpFrame({ src: '10.9.9.9', dst: '10.0.0.1' }), timeUs: BASE_US + 1e6 }]);
  const second = pipelineInto(collected, ['eni-1']);
  second.restore([stored(first.checkpoint(true))], null, BASE_US + 25e6);
  second.tick(BASE_US + 25e6);
  second.close();
  t.deepEqual(collected.seals.map(({ packetsSeen, partial }) => [packetsSeen, partial]), [[1, true], [0, false], [0, false]]);
});

test('an agent whose windows have another width finishes those of the one before', (t) => {
  const after = (windowSeconds: number, sealedThrough: number | null) => {
    const collected = new Collected();
    const at = (seconds: number): CapturedPacket => ({ data: udpFrame({ src: '10.9.9.9', dst: '10.0.0.1' }), timeUs: BASE_US + seconds * 1e6 });
    const first = pipelineInto(new Collected(), ['eni-1']);
    feed(first, [at(8), at(11)]);
    const second = new Pipeline({ topology: topology(['eni-1']), windowSeconds, graceSeconds: 2, tableCapacity: 64 }, {
      rows: (records, context) => collected.takeRows(records, context),
      seals: (seals) => void collected.seals.push(...seals),
    });
    t.true(second.restore([stored(first.checkpoint(true))], sealedThrough, BASE_US + 11.5e6));
    feed(second, [at(11.9), at(9.9), at(12.1), at(26), at(40)]);
    return collected.seals.map((seal) => [seal.windowStart - BASE_US / 1e6, seal.windowSeconds, seal.packetsSeen, seal.latePackets, seal.partial]);
  };
  t.deepEqual(after(4, null), [[0, 10, 2, 0, true], [10, 10, 2, 0, true], [12, 4, 1, 0, false], [16, 4, 0, 0, false], [20, 4, 0, 0, false], [24, 4, 1, 0, false], [28, 4, 0, 0, false], [32, 4, 0, 0, false]]);
  t.deepEqual(after(4, BASE_US / 1e6)[0], [10, 10, 3, 1, true], 'what was handed on is not stated again');
  t.deepEqual(after(20, null), [[0, 10, 2, 0, true], [10, 10, 3, 0, false]]);
});

test('a connection keeps its verdict over a restart, unless its rule is gone', (t) => {
  const packets = [1, 2].map((seconds): CapturedPacket => ({ data: tcpFrame({ src: '10.9.9.9', dst: '10.0.0.1', flags: seconds === 1 ? 'S' : 'A' }), timeUs: BASE_US + seconds * 1e6 }));
  const before = pipelineInto(new Collected(), ['eni-1']);
  feed(before, packets.slice(0, 1));
  const saved = [stored(before.checkpoint(true))];
  const verdictOf = (extraRule: string) => {
    const collected = new Collected();
    const after = pipelineInto(collected, ['eni-1'], extraRule, 2);
    after.restore(saved, null, BASE_US);
    feed(after, packets.slice(1));
    after.close();
    return collected.rows.map((row) => FIELDS.map(({ name }, i) => [name, (JSON.parse(row) as unknown[])[i]] as const)
      .filter(([name]) => ['packets', 'rule-id', 'ruleset-rev', 'action'].includes(name)).map(([, value]) => value));
  };
  const drop = '      - { rule-id: r-none, direction: ingress, policy: drop, protocol: tcp, port-range: 80/80, priority: 1, cidr: 0.0.0.0/0 }';
  t.deepEqual(verdictOf(drop), [[2, 'ACCEPT', 'r-web', 1]]);
});

function temporaryFile(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-checkpoint-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, 'state');
}

test('a checkpoint file gives back every whole frame, whatever follows it', (t) => {
  const path = temporaryFile(t);
  t.deepEqual(readCheckpoints(path), []);
  const file = new CheckpointFile<number[]>(path);
  t.true(file.wantsWhole);
  file.write([1], true);
  const ends = [readFileSync(path).length];
  for (const n of [2, 3]) {
    file.write([n], false);
    ends.push(readFileSync(path).length);
  }
  file.close();
  const bytes = readFileSync(path);
  for (let length = 0; length <= bytes.length; length++) {
    writeFileSync(path, bytes);
    truncateSync(path, length);
    t.deepEqual(readCheckpoints(path), [[1], [2], [3]].slice(0, ends.filter((end) => end <= length).length));
  }
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 0x10;
    writeFileSync(path, damaged);
    t.is(readCheckpoints(path).length, ends.filter((end) => end <= at).length, `a bit flipped at ${at}`);
  }
  appendFileSync(path, Buffer.alloc(100, 0xff));
});

test('a checkpoint file is written anew when its changes outgrow it, and stays whole', (t) => {
  const path = temporaryFile(t);
  const file = new CheckpointFile<Uint8Array>(path);
  file.write(new Uint8Array(1000), true);
  for (let i = 0; !file.wantsWhole; i++) {
    t.true(i < 200);
    file.write(new Uint8Array(10_000), false);
  }
  file.write(Uint8Array.of(7), true);
  t.deepEqual(readCheckpoints<Uint8Array>(path).map((state) => [...state]), [[7]]);
  file.remove();
  t.deepEqual(readCheckpoints(path), []);
});
