import test from 'ava';
import { Pipeline, type PipelineOptions } from '../../agent/pipeline.ts';
import { lostPackets, type Seal } from '../../shared/seal.ts';
import { valueReader } from '../../shared/record-values.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import type { CapturedPacket } from '../frames/captured-packet.ts';
import { udpFrame } from '../frames/frames.ts';
import { packetBatch } from '../frames/packet-batch.ts';

const INTERFACES = [{ name: null, linkType: 1 }];
const BASE_SECONDS = 1_700_000_000;
const FIELDS = ['eni-id', 'start', 'packets', 'first-seen', 'last-seen', 'flow-state'];

function topology(...enis: string[]) {
  const lines = enis.map((name) => `  - { eni-id: ${name}, addresses: [10.0.0.${name.slice(-1)}] }`);
  return parseTopology(`account-id: "1"\nregion: lab\nenis:\n${lines.join('\n')}\n`, 'test');
}

function live(enis: string[], changes: Partial<PipelineOptions> = {}) {
  const rows: (string | number | null)[][] = [];
  const seals: Seal[] = [];
  const pipeline = new Pipeline({ topology: topology(...enis), windowSeconds: 10, graceSeconds: 1, tableCapacity: 64, ...changes }, {
    rows: (records, context) => {
      for (let row = 0; row < records.count; row++) rows.push(FIELDS.map((name) => valueReader(name)(records, row, context)));
    },
    seals: (closed) => void seals.push(...closed),
  });
  const at = (seconds: number, to = '10.0.0.1'): CapturedPacket => ({ data: udpFrame({ src: '10.9.9.9', dst: to }), timeUs: (BASE_SECONDS + seconds) * 1e6 });
  return {
    pipeline, rows, seals,
    tick: (seconds: number) => pipeline.tick((BASE_SECONDS + seconds) * 1e6),
    packets: (...when: [number, string?][]) => {
      const batch = packetBatch(when.map(([seconds, to]) => at(seconds, to)));
      pipeline.process(batch, 0, batch.count, INTERFACES);
    },
  };
}

function summary(seals: readonly Seal[]): [string, number, number, boolean][] {
  return seals.map((seal) => [seal.eniId, seal.windowStart - BASE_SECONDS, seal.packetsSeen, seal.partial]);
}

test('the clock closes windows though no packet comes, once their grace is over', (t) => {
  const { tick, packets, seals } = live(['eni-1']);
  tick(0);
  packets([1]);
  tick(10.9);
  t.deepEqual(seals, []);
  tick(11);
  tick(35);
  t.deepEqual(summary(seals), [['eni-1', 0, 1, false], ['eni-1', 10, 0, false], ['eni-1', 20, 0, false]]);
  packets([29], [36]);
  tick(41);
  t.deepEqual(summary(seals).slice(3), [['eni-1', 30, 2, false]]);
  t.is(seals[3]!.latePackets, 1, 'a packet of a closed window is counted');
});

test('drops and gaps stand in the seal of each ENI concerned; what cannot be known stays unknown', (t) => {
  const { pipeline, tick, seals } = live(['eni-1', 'eni-2', 'eni-3']);
  tick(0);
  pipeline.countDrops(['eni-1', 'eni-2'], 5);
  pipeline.countDrops(['eni-1'], 2);
  pipeline.countDrops(['eni-2'], null);
  pipeline.countGap(['eni-3'], 9);
  tick(11);
  t.deepEqual(seals.map((seal) => [seal.ringDrops, seal.gapPackets, lostPackets(seal)]), [[7, 0, 7], [null, 0, 0], [0, 9, 9]]);
});

test('ENIs that join are watched from the next packet on; one that leaves says nothing more; the windows of both are partial', (t) => {
  const { pipeline, tick, packets, seals, rows } = live(['eni-1']);
  tick(0);
  packets([1, '10.0.0.1'], [1, '10.0.0.2']);
  pipeline.revise(topology('eni-2', 'eni-1'), 2);
  packets([2, '10.0.0.1'], [2, '10.0.0.2']);
  tick(11);
  pipeline.revise(topology('eni-2'), 3);
  packets([12, '10.0.0.1'], [12, '10.0.0.2']);
  pipeline.close(true);
  t.deepEqual(rows.map((row) => row.slice(0, 3)), [['eni-1', BASE_SECONDS, 2], ['eni-2', BASE_SECONDS, 1], ['eni-2', BASE_SECONDS + 10, 1]]);
  t.deepEqual(summary(seals), [['eni-1', 0, 2, false], ['eni-2', 0, 1, true], ['eni-1', 10, 0, true], ['eni-2', 10, 1, true]]);
  t.is(pipeline.statistics.unmatchedPackets, 2);
});

test('the table lets go of connections that are idle, and of both directions when it is full', (t) => {
  const { pipeline, tick, packets } = live(['eni-1'], { tableCapacity: 2 });
  tick(0);
  packets([1]);
  t.is(pipeline.statistics.tableSize, 1);
  const answer = packetBatch([{ data: udpFrame({ src: '10.0.0.1', dst: '10.9.9.9', srcPort: 53, dstPort: 40000 }), timeUs: (BASE_SECONDS + 2) * 1e6 }]);
  pipeline.process(answer, 0, 1, INTERFACES);
  t.is(pipeline.statistics.tableSize, 2);
  const other = packetBatch([{ data: udpFrame({ src: '10.9.9.8', dst: '10.0.0.1' }), timeUs: (BASE_SECONDS + 3) * 1e6 }]);
  pipeline.process(other, 0, 1, INTERFACES);
  t.is(pipeline.statistics.tableSize, 1, 'question and answer left together');
  tick(400);
  t.is(pipeline.statistics.tableSize, 0);
});

for (const step of [-3600, -1, 1, 3600]) {
  test(`a clock set by ${step} s closes and reopens windows; no row is negative or longer than its window`, (t) => {
    const { pipeline, tick, packets, seals, rows } = live(['eni-1']);
    tick(0);
    packets([1], [8]);
    pipeline.clockStep(step * 1e6);
    tick(8.5 + step);
    packets([9 + step], [12 + step]);
    tick(20 + step);
    pipeline.close(true);
    t.is(rows.reduce((sum, row) => sum + Number(row[2]), 0), 4);
    for (const [, start, , first, last] of rows.map((row) => row.map(Number))) {
      t.true(first! >= start! && last! >= first! && last! < start! + 10, JSON.stringify({ start, first, last }));
    }
    t.true(seals[0]!.partial);
    t.is(seals.reduce((sum, seal) => sum + seal.packetsSeen, 0), 4);
    t.is(seals.reduce((sum, seal) => sum + lostPackets(seal), 0), 0);
    t.deepEqual(rows.map((row) => row[5]).filter((state) => state === 'new').length, 1, 'the flow is the same before and after');
  });
}

test('a narrower width cuts the open window, which is partial; late packets still find it', (t) => {
  const { pipeline, tick, packets, seals, rows } = live(['eni-1']);
  tick(0);
  packets([1]);
  pipeline.setWindow(5);
  packets([4.9], [5.1], [4.8], [6]);
  tick(20);
  t.deepEqual(seals.map(({ windowStart, windowSeconds, packetsSeen, latePackets, partial }) => [windowStart - BASE_SECONDS, windowSeconds, packetsSeen, latePackets, partial]), [
    [0, 10, 3, 0, true], [5, 5, 2, 0, false], [10, 5, 0, 0, false],
  ]);
  t.deepEqual(rows.map((row) => [Number(row[1]) - BASE_SECONDS, row[2]]), [[0, 3], [5, 2]]);
});

test('a wider width waits until its windows begin: none is cut', (t) => {
  const { pipeline, tick, packets, seals } = live(['eni-1'], { windowSeconds: 5 });
  tick(1);
  pipeline.setWindow(20);
  packets([2], [12], [21], [39]);
  tick(42);
  t.deepEqual(seals.map(({ windowStart, windowSeconds, packetsSeen, partial }) => [windowStart - BASE_SECONDS, windowSeconds, packetsSeen, partial]), [
    [0, 5, 1, false], [5, 5, 0, false], [10, 5, 1, false], [15, 5, 0, false], [20, 20, 2, false],
  ]);
});

test('a width that changes before anything was watched is there at once', (t) => {
  const { pipeline, tick, packets, seals } = live(['eni-1'], { windowSeconds: 20, watch: new Map() });
  tick(3);
  pipeline.setWindow(5);
  pipeline.revise(topology('eni-1'), 2, new Map([['eni-1', 'All']]));
  packets([4], [6]);
  tick(12);
  t.deepEqual(seals.map(({ windowStart, windowSeconds, packetsSeen, partial }) => [windowStart - BASE_SECONDS, windowSeconds, packetsSeen, partial]), [
    [0, 5, 1, true], [5, 5, 1, false],
  ]);
});

test('the traffic type changes: what had come is kept by the old one, and the seal says what both have in common', (t) => {
  const { pipeline, tick, packets, seals, rows } = live(['eni-1', 'eni-2'], { watch: new Map([['eni-1', 'All'], ['eni-2', 'Allow']]) });
  const both = (seconds: number) => packets([seconds, '10.0.0.1'], [seconds, '10.0.0.2']);
  const watch = (...list: [string, 'All' | 'Allow' | 'Drop'][]) => pipeline.revise(topology('eni-1', 'eni-2'), 1, new Map(list));
  tick(0);
  both(1);
  watch(['eni-1', 'Drop'], ['eni-2', 'Drop']);
  both(2);
  watch(['eni-1', 'All']);
  both(3);
  tick(11);
  tick(21);
  t.deepEqual(seals.map((seal) => [seal.eniId, seal.windowStart - BASE_SECONDS, seal.packetsSeen, seal.packets, seal.filteredPackets, seal.partial, seal.trafficType]), [
    ['eni-1', 0, 3, 2, 1, false, 'Drop'], ['eni-2', 0, 2, 1, 1, true, null], ['eni-1', 10, 0, 0, 0, false, 'All'],
  ]);
  t.deepEqual(rows.map((row) => [row[0], row[2]]), [['eni-1', 2], ['eni-2', 1]]);
});
