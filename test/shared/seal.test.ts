import test from 'ava';
import { addSeals, lostPackets, type Seal } from '../../shared/seal.ts';

function seal(changes: Partial<Seal> = {}): Seal {
  return {
    agentId: 'agent', eniId: 'eni-1', windowStart: 600, windowSeconds: 60, records: 1, packets: 2, bytes: 3, packetsSeen: 10,
    filteredPackets: 1, nonIpPackets: 1, undecodable: { 'ipv4-header': 2 }, latePackets: 1, overflowPackets: 1, droppedRecords: 1, droppedPackets: 1, ringDrops: 1, gapPackets: 1,
    revision: 1, partial: false, trafficType: 'All', ...changes,
  };
}

test('each loss is counted once; what cannot be known is not a number', (t) => {
  t.is(lostPackets(seal()), 7);
  t.is(lostPackets(seal({ ringDrops: null, gapPackets: null })), 5);
});

test('seals add up; unknown stays unknown, partial stays partial', (t) => {
  const sum = addSeals(seal({ partial: true, undecodable: { 'link-depth': 1 } }), seal({ ringDrops: null }));
  t.is(sum.packetsSeen, 20);
  t.deepEqual([sum.droppedRecords, sum.droppedPackets], [2, 2]);
  t.deepEqual(sum.undecodable, { 'link-depth': 1, 'ipv4-header': 2 });
  t.is(sum.ringDrops, null);
  t.is(sum.gapPackets, 2);
  t.true(sum.partial);
  t.false(addSeals(seal(), seal()).partial);
});

const TYPES = ['All', 'Allow', 'Drop', null] as const;
/** By the places of both in TYPES. */
const COMMON = [
  ['All', 'Allow', 'Drop', null],
  ['Allow', 'Allow', null, null],
  ['Drop', null, 'Drop', null],
  [null, null, null, null],
];

test('of two traffic types what both record stays', (t) => {
  const sums = TYPES.map((a) => TYPES.map((b) => addSeals(seal({ trafficType: a }), seal({ trafficType: b })).trafficType));
  t.deepEqual(sums, COMMON);
});
