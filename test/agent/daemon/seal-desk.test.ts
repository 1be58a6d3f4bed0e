import test from 'ava';
import { SealDesk } from '../../../agent/daemon/seal-desk.ts';
import type { Seal } from '../../../shared/seal.ts';

/** Half a minute ago: the window of now goes on for as long as the tests take. */
const NOW = Math.floor(Date.now() / 1000) - 30;

function seal(eniId: string, windowStart: number, fields: Partial<Seal> = {}): Seal {
  return {
    agentId: 'a', eniId, windowStart, windowSeconds: 60, records: 0, packets: 0, bytes: 0, packetsSeen: 0, filteredPackets: 0,
    nonIpPackets: 0, undecodable: {}, latePackets: 0, overflowPackets: 0, droppedRecords: 0, droppedPackets: 0, ringDrops: 0, gapPackets: 0, revision: 1, partial: false,
    trafficType: 'All', ...fields,
  };
}

function desk(workers: number): { desk: SealDesk; out: Seal[][] } {
  const out: Seal[][] = [];
  return { desk: new SealDesk(workers, (seals) => out.push(seals)), out };
}

test('a window is stated when all workers have sealed it, with their counts together', (t) => {
  const { desk: d, out } = desk(2);
  d.watch(['x'], true);
  d.add(0, [seal('x', NOW, { packets: 2, packetsSeen: 3, undecodable: { a: 1 }, ringDrops: 1 })]);
  d.add(0, [seal('x', NOW + 60, { packets: 1, packetsSeen: 1 })]);
  t.is(out.length, 0);
  d.add(1, [seal('x', NOW, { packets: 5, packetsSeen: 6, undecodable: { a: 1 }, partial: true })]);
  t.is(out.length, 1);
  t.like(out[0]![0], { windowStart: NOW, packets: 7, packetsSeen: 9, undecodable: { a: 2 }, ringDrops: 1, partial: true });
  d.flush();
  t.like(out[1]![0], { windowStart: NOW + 60, packets: 1 });
});

test('what one worker cannot know is unknown', (t) => {
  const { desk: d, out } = desk(2);
  d.watch(['x'], true);
  d.add(0, [seal('x', NOW, { ringDrops: null })]);
  d.add(1, [seal('x', NOW, { ringDrops: 4 })]);
  t.is(out[0]![0]!.ringDrops, null);
});

test('a window that one worker never seals does not wait for ever', (t) => {
  const { desk: d, out } = desk(2);
  d.watch(['x'], true);
  d.add(0, [seal('x', NOW)]);
  for (let window = 1; window <= 3; window++) for (const worker of [0, 1]) d.add(worker, [seal('x', NOW + window * 60)]);
  t.deepEqual(out.map(([first]) => first!.windowStart).sort(), [NOW, NOW + 60, NOW + 120, NOW + 180]);
});

test('ENIs that were not watched in the window are left out, unless they had traffic', (t) => {
  const { desk: d, out } = desk(1);
  d.watch(['x'], true);
  d.add(0, [seal('x', NOW), seal('other', NOW), seal('loud', NOW, { packetsSeen: 1, packets: 1 })]);
  t.deepEqual(out[0]!.map(({ eniId }) => eniId), ['x', 'loud']);
  d.add(0, [seal('x', NOW - 600)]);
  t.is(out.length, 1, 'before it was watched');
  d.unwatch(['x']);
  d.add(0, [seal('x', NOW)]);
  t.is(out.length, 2, 'it was watched at the beginning');
  d.add(0, [seal('x', NOW + 600)]);
  t.is(out.length, 2, 'after it was watched');
});

test('a window in whose midst the watching began is partial, unless nothing was missed', (t) => {
  const { desk: d, out } = desk(1);
  d.watch(['late'], false);
  d.watch(['new'], true);
  d.add(0, [seal('late', NOW), seal('new', NOW)]);
  t.deepEqual(out[0]!.map(({ partial }) => partial), [true, false]);
  d.add(0, [seal('late', NOW + 60)]);
  t.false(out[1]![0]!.partial);
});

test('an interface that is there and cannot be captured leaves the loss unknown', (t) => {
  const { desk: d, out } = desk(1);
  d.watch(['x'], true);
  d.blind(['x']);
  d.add(0, [seal('x', NOW)]);
  t.is(out[0]![0]!.gapPackets, null);
  d.watch(['x'], true);
  d.add(0, [seal('x', NOW + 60)]);
  t.is(out[1]![0]!.gapPackets, 0);
});

test('workers that recorded different types, or cut time differently, do not make a whole together', (t) => {
  const { desk: d, out } = desk(2);
  d.watch(['x'], true);
  d.add(0, [seal('x', NOW, { trafficType: 'All' })]);
  d.add(1, [seal('x', NOW, { trafficType: 'Drop' })]);
  t.like(out[0]![0], { trafficType: 'Drop', partial: false });
  d.add(0, [seal('x', NOW + 60, { windowSeconds: 10, packets: 1 })]);
  d.add(1, [seal('x', NOW + 60, { packets: 2 })]);
  t.is(out.length, 1, 'two windows that begin together are two');
  d.flush();
  t.deepEqual(out.slice(1).map(([of]) => [of!.windowSeconds, of!.packets, of!.partial]), [[10, 1, true], [60, 2, true]]);
});

test('a window is partial when its ENI is not asked for any more, not when its interface goes', (t) => {
  const { desk: d, out } = desk(1);
  d.watch(['x', 'y'], true);
  d.unwatch(['x']);
  d.leave(['x', 'y']);
  d.add(0, [seal('x', NOW), seal('y', NOW)]);
  t.deepEqual(out[0]!.map(({ eniId, partial }) => [eniId, partial]), [['x', false], ['y', true]]);
  d.watch(['y'], true);
  d.add(0, [seal('y', NOW + 60)]);
  t.false(out[1]![0]!.partial);
});
