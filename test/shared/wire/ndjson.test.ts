import test from 'ava';
import fc from 'fast-check';
import { BatchError } from '../../../shared/wire/batch-error.ts';
import { decodeColumnar } from '../../../shared/wire/decode-columnar.ts';
import { decodeNdjson } from '../../../shared/wire/decode-ndjson.ts';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { sealToJson, wireSeals } from '../../../shared/wire/wire-seal.ts';
import { batchRowAsJson, CONTEXT, recordAsJson, recordsOf, sampleRow, sealOf } from './wire-samples.ts';

function lines(...values: unknown[]): Uint8Array {
  return Buffer.from(values.map((value) => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`).join(''));
}

test('NDJSON says the same as the columnar encoding', (t) => {
  fc.assert(fc.property(fc.array(sampleRow, { minLength: 1, maxLength: 40 }), fc.constantFrom('All' as const, 'Allow' as const, 'Drop' as const, null), (rows, trafficType) => {
    const records = recordsOf(rows);
    const seal = sealOf({ ringDrops: null, undecodable: { truncated: 2 }, trafficType });
    const json = rows.map((_, row) => recordAsJson(records, row));
    const [fromLines, fromColumns] = [
      decodeNdjson(lines(...json, { seal: sealToJson(wireSeals([seal], CONTEXT)[0]!) }), 'agent-1'),
      decodeColumnar(encodeColumnar([records], [seal], CONTEXT)),
    ];
    t.deepEqual(fromLines.seals, fromColumns.seals);
    t.is(fromColumns.seals[0]!.trafficType, trafficType);
    t.is(fromLines.batches.length, 1);
    for (let row = 0; row < rows.length; row++) t.deepEqual(batchRowAsJson(fromLines.batches[0]!, row), batchRowAsJson(fromColumns.batches[0]!, row));
  }), { numRuns: 100 });
});

const LEAST = {
  'eni-id': 'eni-a', 'srcaddr': '10.0.0.1', 'dstaddr': '2001:db8::1', 'protocol': 17, 'direction': 'in', 'packets': 1, 'bytes': 60,
  'start': 1_700_000_400, 'end': 1_700_001_000, 'action': 'ACCEPT',
};

test('a line by hand: what is left out is absent, ports are 0, the agent is that of the request', (t) => {
  const { batches } = decodeNdjson(lines('', { ...LEAST, vm_id: 'vm-1' }, '  '), 'by-hand');
  const row = batchRowAsJson(batches[0]!, 0);
  t.like(row, { 'srcaddr': '10.0.0.1', 'dstaddr': '2001:db8::1', 'srcport': 0, 'vm-id': 'vm-1', 'agent-id': 'by-hand', 'rule-id': null, 'first-seen': null, 'initiator': null });
});

test('a seal by hand: counts are 0, and losses that nobody counted are unknown', (t) => {
  const { seals } = decodeNdjson(lines({ seal: { 'eni-id': 'eni-a', 'window-start': 600, 'window-seconds': 600 } }), 'by-hand');
  t.like(seals[0]!, { agentId: 'by-hand', eniId: 'eni-a', records: 0, ringDrops: null, gapPackets: null, partial: false, trafficType: 'All' });
});

const REFUSED: readonly [string, unknown, RegExp][] = [
  ['no JSON', '{"eni-id":', /line 2 is not JSON/],
  ['no object', '[1]', /line 2 is no object/],
  ['a field that does not exist', { ...LEAST, sourceport: 1 }, /line 2: there is no field "sourceport"/],
  ['__proto__', '{"__proto__": 1}', /line 2: there is no field "__proto__"/],
  ['a field under both its names', { ...LEAST, 'vm-id': 'a', 'vm_id': 'b' }, /line 2: vm-id stands twice/],
  ['a port out of range', { ...LEAST, srcport: 65_536 }, /line 2: srcport is 65536, not a whole number from 0 to 65535/],
  ['half a packet', { ...LEAST, packets: 0.5 }, /line 2: packets is 0.5, not a whole number/],
  ['a number in quotes', { ...LEAST, bytes: '60' }, /line 2: bytes is "60", not/],
  ['no address', { ...LEAST, srcaddr: '10.0.0.256' }, /line 2: srcaddr is "10.0.0.256", not an IPv4 or IPv6 address/],
  ['an address that is missing', { ...LEAST, dstaddr: undefined }, /line 2: dstaddr is null/],
  ['an ENI that is missing', { ...LEAST, 'eni-id': undefined }, /line 2: eni_id is undefined|line 2: eni_id is null/],
  ['packets that are missing', { ...LEAST, packets: undefined }, /line 2: packets is absent/],
  ['a direction that does not exist', { ...LEAST, direction: 'up' }, /line 2: direction is "up"; it can be in, out/],
  ['a window out of step', { ...LEAST, start: 1_700_000_401 }, /line 2: a window of 599 s cannot start at 1700000401/],
  ['a window without length', { ...LEAST, end: 1_700_000_400 }, /line 2: a window of 0 seconds/],
  ['another version', { ...LEAST, version: 2 }, /line 2: version is 2/],
  ['a NODATA record', { ...LEAST, 'log-status': 'NODATA' }, /line 2: log-status is "NODATA"; only OK records are taken/],
  ['a seal of something else', { seal: { 'eni-id': 'e', 'window-start': 0, 'window-seconds': 60, 'lost': 1 } }, /line 2: a seal has no "lost"/],
  ['a traffic type that does not exist', { seal: { 'eni-id': 'e', 'window-start': 0, 'window-seconds': 60, 'traffic-type': 'Deny' } }, /line 2: traffic-type is "Deny"; it can be All, Allow, Drop or null/],
  ['a traffic type that cannot be printed', { seal: { 'eni-id': 'e', 'window-start': 0, 'window-seconds': 60, 'traffic-type': { toString: 1, valueOf: 1 } } }, /line 2: traffic-type is {"toString":1,"valueOf":1}; it can be/],
  ['a seal without its ENI', { seal: { 'window-start': 0, 'window-seconds': 60 } }, /line 2: eni-id is null/],
  ['an endless line', `{"eni-id":"${'x'.repeat(20_000)}"}`, /line 2 has more than 16384 bytes/],
];

for (const [title, line, message] of REFUSED) {
  test(`refused: ${title}`, (t) => {
    t.regex(t.throws(() => decodeNdjson(lines(LEAST, line), 'a'), { instanceOf: BatchError }).message, message);
  });
}

test('whatever lines come: a batch, or a reason', (t) => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.json(), fc.string(), fc.constant(JSON.stringify(LEAST)))), (texts) => {
    try {
      decodeNdjson(lines(...texts), 'a');
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
    }
  }), { numRuns: 2000 });
  t.pass();
});
