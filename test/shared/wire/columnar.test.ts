import test from 'ava';
import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { STATUS_NODATA, NONE } from '../../../shared/records.ts';
import { BatchError } from '../../../shared/wire/batch-error.ts';
import { decodeColumnar } from '../../../shared/wire/decode-columnar.ts';
import { encodeColumnar, encodeColumns } from '../../../shared/wire/encode-columnar.ts';
import { batchRowAsJson, CONTEXT, inFieldOrder, recordAsJson, recordsOf, sampleRow, sealOf, WINDOW_START, type SampleRow } from './wire-samples.ts';

const [SAMPLE] = fc.sample(sampleRow, { numRuns: 1, seed: 7 }) as [SampleRow];

test('what an agent encodes is what the collector decodes, field by field', (t) => {
  fc.assert(fc.property(fc.array(sampleRow, { minLength: 1, maxLength: 40 }), fc.array(sampleRow, { maxLength: 5 }), (first, second) => {
    const sent = [recordsOf(first), recordsOf(second, WINDOW_START + 600)];
    const { batches } = decodeColumnar(encodeColumnar(sent, [], CONTEXT));
    const received = batches.flatMap((batch) => Array.from({ length: batch.rows }, (_, row) => inFieldOrder(batchRowAsJson(batch, row))));
    const expected = sent.flatMap((records) => Array.from({ length: records.count }, (_, row) => recordAsJson(records, row)));
    t.deepEqual(received, expected);
  }), { numRuns: 200 });
});

test('apache-arrow reads the stream as a table', (t) => {
  const rows = fc.sample(sampleRow, { numRuns: 1000, seed: 1 });
  const records = recordsOf(rows);
  const table = tableFromIPC(encodeColumnar([records], [sealOf()], CONTEXT));
  t.is(table.numRows, 1000);
  for (const row of [0, 1, 500, 999]) {
    const read = table.get(row)!.toJSON();
    const expected = recordAsJson(records, row);
    for (const name of ['eni-id', 'vm-id', 'direction', 'action', 'rule-id', 'region', 'srcport', 'protocol', 'tcp-flags', 'icmp-type']) {
      t.is(read[name.replaceAll('-', '_')], expected[name], `${name} of row ${row}`);
    }
    t.is(Number(read['packets']), expected['packets'] as number);
  }
});

test('equal sizes that are multiples of eight keep every column apart', (t) => {
  const records = recordsOf(Array.from({ length: 64 }, (_, i) => ({ ...SAMPLE, eni: i % 3, sourcePort: i })));
  const table = tableFromIPC(encodeColumnar([records], [], CONTEXT));
  t.is(table.numRows, 64);
  t.is(table.get(63)!.toJSON()['srcport'], 63);
});

test('seals travel with the attributes of their ENI, and without any row', (t) => {
  const seal = sealOf({ eniId: 'eni-b', undecodable: { 'bad-header': 4, 'truncated': 1 }, ringDrops: null, partial: true });
  const { batches, seals } = decodeColumnar(encodeColumnar([], [seal], CONTEXT));
  t.deepEqual(batches, []);
  t.deepEqual(seals, [{ ...seal, vswitchId: 'vsw-1', vmId: null, vpcId: 'vpc-1', accountId: '1234567890', region: null }]);
});

test('status rows stay behind: they follow from the seals', (t) => {
  const records = recordsOf([SAMPLE, SAMPLE]);
  records.addStatus(0, STATUS_NODATA, NONE);
  const { batches } = decodeColumnar(encodeColumnar([records], [], CONTEXT));
  t.deepEqual(batches.map(({ rows }) => rows), [2]);
});

test('decoded columns can be encoded again without a difference', (t) => {
  const rows = fc.sample(sampleRow, { numRuns: 50, seed: 3 });
  const bytes = encodeColumnar([recordsOf(rows), recordsOf(rows, WINDOW_START + 600)], [sealOf()], CONTEXT);
  const decoded = decodeColumnar(bytes);
  t.deepEqual(Buffer.from(encodeColumns(decoded.batches, decoded.seals)), Buffer.from(bytes));
});

test('bytes at an odd place in memory decode too', (t) => {
  const bytes = encodeColumnar([recordsOf([SAMPLE])], [], CONTEXT);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  t.deepEqual(batchRowAsJson(decodeColumnar(shifted.subarray(3)).batches[0]!, 0), batchRowAsJson(decodeColumnar(bytes).batches[0]!, 0));
});

const REFUSED: readonly [string, Partial<SampleRow>, RegExp][] = [
  ['a number that no whole double holds', { packets: 2 ** 53 }, /record batch 1, row 2: packets is 9007199254740992, not from 0 to 2\^53/],
  ['a last packet before the first', { lengthUs: -1 }, /row 2: last_seen lies before first_seen/],
];

for (const [title, change, message] of REFUSED) {
  test(`refused: ${title}`, (t) => {
    const error = t.throws(() => decodeColumnar(encodeColumnar([recordsOf([SAMPLE, { ...SAMPLE, ...change }])], [], CONTEXT)), { instanceOf: BatchError });
    t.regex(error.message, message);
    t.is(error.fault, 'invalid');
  });
}

test('refused: windows that are not aligned, and symbols that no field knows', (t) => {
  t.throws(() => decodeColumnar(encodeColumnar([recordsOf([SAMPLE], WINDOW_START + 1)], [], CONTEXT)), { message: /row 1: a window of 600 s cannot start at 1700000401/ });
  const verdicts = [{ ...CONTEXT.verdicts[0]!, action: 'MAYBE' as 'ACCEPT' }];
  t.throws(() => decodeColumnar(encodeColumnar([recordsOf([{ ...SAMPLE, verdict: 0 }])], [], { ...CONTEXT, verdicts })), { message: /row 1: action is "MAYBE"; it can be ACCEPT, REJECT/ });
});

test('whatever bytes come: a batch, or a reason', (t) => {
  const bytes = encodeColumnar([recordsOf(fc.sample(sampleRow, { numRuns: 20, seed: 5 }))], [sealOf()], CONTEXT);
  let refused = 0;
  const attempt = (damaged: Uint8Array): void => {
    try {
      decodeColumnar(damaged);
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      refused++;
    }
  };
  for (let length = 0; length < bytes.length; length += 7) attempt(bytes.subarray(0, length));
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
    const damaged = Uint8Array.from(bytes);
    for (const [at, value] of changes) damaged[at] = value;
    attempt(damaged);
  }), { numRuns: 5000 });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 500 });
  t.true(refused > 1000);
});
