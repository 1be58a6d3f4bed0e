import test from 'ava';
import { NONE, STATUS_NODATA, STATUS_SKIPDATA } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import { statusRow } from '../../shared/status-rows.ts';
import { sealOf } from './wire/wire-samples.ts';

const NOTHING = { records: 0, packets: 0, bytes: 0, packetsSeen: 0 };

const CASES: readonly [string, Partial<Seal>, ReturnType<typeof statusRow>][] = [
  ['traffic and nothing lost', {}, null],
  ['no traffic', NOTHING, { status: STATUS_NODATA, skippedPackets: NONE }],
  ['frames without IP alone', { ...NOTHING, packetsSeen: 7, nonIpPackets: 7 }, { status: STATUS_NODATA, skippedPackets: NONE }],
  ['traffic that the traffic type leaves out', { ...NOTHING, packetsSeen: 7, filteredPackets: 7 }, null],
  ['traffic of which nothing could be decoded', { ...NOTHING, packetsSeen: 3, undecodable: { truncated: 3 } }, { status: STATUS_SKIPDATA, skippedPackets: 3 }],
  ['loss of every kind', { undecodable: { a: 1, b: 2 }, latePackets: 4, overflowPackets: 8, ringDrops: 16, gapPackets: 32, droppedPackets: 64 }, { status: STATUS_SKIPDATA, skippedPackets: 127 }],
  ['drops that cannot be counted', { ringDrops: null }, { status: STATUS_SKIPDATA, skippedPackets: NONE }],
  ['a gap of unknown size, beside late packets', { ...NOTHING, gapPackets: null, latePackets: 4 }, { status: STATUS_SKIPDATA, skippedPackets: NONE }],
];

for (const [title, seal, row] of CASES) {
  test(`status row: ${title}`, (t) => t.deepEqual(statusRow(sealOf(seal)), row));
}
