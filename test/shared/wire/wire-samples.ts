import fc from 'fast-check';
import { FIELDS } from '../../../shared/fields.ts';
import { valueReader, type FieldValue } from '../../../shared/record-values.ts';
import { formatAddress } from '../../../shared/address.ts';
import { NONE, Records, STATUS_OK, type RecordContext } from '../../../shared/records.ts';
import type { Seal } from '../../../shared/seal.ts';
import type { Verdict } from '../../../shared/verdict/verdict.ts';
import { isValid, safeInteger, WIRE_COLUMNS, words, type ColumnBatch } from '../../../shared/wire/column-batch.ts';

const ENI = { vpcId: 'vpc-1', mac: null, addresses: [], securityGroups: [], interface: null, side: null, agentId: null };
const VERDICTS: readonly Verdict[] = [
  { action: 'ACCEPT', reason: 'rule', sgId: 'sg-web', ruleId: 'r-1', revision: 3 },
  { action: 'REJECT', reason: 'default', sgId: null, ruleId: null, revision: 3 },
  { action: 'ACCEPT', reason: 'established', sgId: 'sg-web', ruleId: 'r-2', revision: 4_294_967_295 },
  { action: 'ACCEPT', reason: 'no-group', sgId: null, ruleId: null, revision: 0 },
];

export const CONTEXT: RecordContext = {
  agentId: 'agent-1',
  accountId: '1234567890',
  region: null,
  enis: [
    { ...ENI, eniId: 'eni-a', vmId: 'vm-a', vswitchId: 'vsw-1' },
    { ...ENI, eniId: 'eni-b', vmId: null, vswitchId: 'vsw-1' },
    { ...ENI, eniId: 'eni-ü "x"', vmId: 'vm-c', vswitchId: null, vpcId: null },
  ],
  verdicts: VERDICTS,
};

export const WINDOW_START = 1_700_000_400;

export interface SampleRow {
  readonly eni: number;
  readonly verdict: number;
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
  readonly direction: number;
  readonly packets: number;
  readonly bytes: number;
  readonly firstSeenUs: number;
  readonly lengthUs: number;
  readonly tcpFlags: number;
  readonly icmp: number;
  readonly fragments: number;
  readonly initiator: number;
  readonly flowState: number;
}

const address = fc.oneof(
  fc.tuple(fc.constant(0), fc.constant(0), fc.constant(0xffff), fc.integer()),
  fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer()),
);

export const sampleRow: fc.Arbitrary<SampleRow> = fc.record({
  eni: fc.nat(CONTEXT.enis.length - 1),
  verdict: fc.nat(VERDICTS.length - 1),
  source: address,
  destination: address,
  sourcePort: fc.nat(65_535),
  destinationPort: fc.nat(65_535),
  protocol: fc.constantFrom(1, 6, 6, 17, 58, 47, 255),
  direction: fc.nat(1),
  packets: fc.maxSafeNat(),
  bytes: fc.maxSafeNat(),
  firstSeenUs: fc.integer({ min: WINDOW_START * 1e6, max: (WINDOW_START + 600) * 1e6 }),
  lengthUs: fc.nat(600_000_000),
  tcpFlags: fc.nat(255),
  icmp: fc.oneof(fc.constant(NONE), fc.nat(0xffff)),
  fragments: fc.nat(0x7fff_ffff),
  initiator: fc.nat(2),
  flowState: fc.nat(2),
});

export function recordsOf(rows: readonly SampleRow[], windowStart = WINDOW_START, windowSeconds = 600): Records {
  const records = new Records(windowStart, windowSeconds, 1);
  for (const sample of rows) {
    const row = records.add();
    records.eni[row] = sample.eni;
    records.verdict[row] = sample.verdict;
    records.source.set(sample.source, row * 4);
    records.destination.set(sample.destination, row * 4);
    records.sourcePort[row] = sample.sourcePort;
    records.destinationPort[row] = sample.destinationPort;
    records.protocol[row] = sample.protocol;
    records.direction[row] = sample.direction;
    records.packets[row] = sample.packets;
    records.bytes[row] = sample.bytes;
    records.firstSeenUs[row] = sample.firstSeenUs;
    records.lastSeenUs[row] = sample.firstSeenUs + sample.lengthUs;
    records.tcpFlags[row] = sample.tcpFlags;
    records.icmp[row] = sample.icmp;
    records.fragments[row] = sample.fragments;
    records.initiator[row] = sample.initiator;
    records.flowState[row] = sample.flowState;
    records.status[row] = STATUS_OK;
    records.skippedPackets[row] = NONE;
  }
  return records;
}

export function sealOf(values: Partial<Seal> = {}): Seal {
  return {
    agentId: 'agent-1', eniId: 'eni-a', windowStart: WINDOW_START, windowSeconds: 600, records: 1, packets: 2, bytes: 120, packetsSeen: 2,
    filteredPackets: 0, nonIpPackets: 0, undecodable: {}, latePackets: 0, overflowPackets: 0, droppedRecords: 0, droppedPackets: 0, ringDrops: 0, gapPackets: 0, revision: 3, partial: false,
    trafficType: 'All', ...values,
  };
}

/** A record as `--format json` prints it, with every field. */
export function recordAsJson(records: Records, row: number, context: RecordContext = CONTEXT): Record<string, FieldValue> {
  return Object.fromEntries(FIELDS.map(({ name }) => [name, valueReader(name)(records, row, context)]));
}

/** A row of decoded columns in the same form. */
export function batchRowAsJson(batch: ColumnBatch, row: number): Record<string, FieldValue> {
  const result: Record<string, FieldValue> = { 'log-status': 'OK', 'skipped-packets': null };
  const half = new Int32Array(4);
  for (const { name, field, half: which } of WIRE_COLUMNS) {
    const column = batch.columns.get(name)!;
    if (column.kind === 'symbol') {
      result[field.name] = column.dictionary[column.index[row]!]!;
    } else if (which !== null) {
      const pairs = words(column);
      half[which === 'hi' ? 0 : 2] = pairs[2 * row + 1]!;
      half[which === 'hi' ? 1 : 3] = pairs[2 * row]!;
      if (which === 'lo') result[field.name] = formatAddress(half, 0);
    } else if (!isValid(column.valid, row)) {
      result[field.name] = null;
    } else if (column.values instanceof BigInt64Array) {
      const value = safeInteger(words(column), row);
      result[field.name] = field.type === 'instant' ? value / 1e6 : value;
    } else {
      result[field.name] = Number(column.values[row]);
    }
  }
  return result;
}

export function inFieldOrder(row: Record<string, FieldValue>): Record<string, FieldValue> {
  return Object.fromEntries(FIELDS.map(({ name }) => [name, row[name]!]));
}
