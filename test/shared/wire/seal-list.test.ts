import test from 'ava';
import { BatchError } from '../../../shared/wire/batch-error.ts';
import { sealsFromJson } from '../../../shared/wire/seal-list.ts';
import { sealToJson, type WireSeal } from '../../../shared/wire/wire-seal.ts';
import { sealOf } from './wire-samples.ts';

const bytes = (text: string) => Buffer.from(text);
const withAttributes = (seal: Partial<WireSeal>): WireSeal => ({ ...sealOf(seal), vswitchId: null, vmId: null, vpcId: null, accountId: null, region: null, ...seal });

test('a list is read as JSON.parse reads it, whatever stands in its texts', (t) => {
  const seals = ['eni-a', 'e"],[{\\', ', "x": [', 'ü'].map((eniId) => withAttributes({ eniId, undecodable: { 'truncated': 1, '__proto__x': 2 } }));
  const list = seals.map(sealToJson);
  t.deepEqual(sealsFromJson(bytes(JSON.stringify(list)), 'x'), seals);
  t.deepEqual(sealsFromJson(bytes(` ${JSON.stringify(list, null, 2)}\n`), 'x'), seals);
  t.deepEqual(sealsFromJson(bytes('[ ]'), 'x'), []);
});

for (const text of ['', '[', '{}', '[,]', '[1]', '[{}', '[}]', '[{"eni-id":"a"},]', '[{"__proto__":1}]', '["unended]', `[${'['.repeat(9000)}]`]) {
  test(`refused with a reason: ${text.slice(0, 20)}`, (t) => {
    t.throws(() => sealsFromJson(bytes(text), 'x'), { instanceOf: BatchError });
  });
}

test('an object with millions of keys is refused unread', (t) => {
  const keys = Array.from({ length: 2_000_000 }, (_, i) => `"${i * 977}":0`).join(',');
  const text = bytes(`[{"undecodable":{${keys}}}]`);
  const before = process.cpuUsage();
  t.throws(() => sealsFromJson(text, 'the list'), { message: 'the list: seal 1 has more than 16384 bytes' });
  // of the processor: how late it got it says nothing
  t.true(process.cpuUsage(before).user < 100_000);
});
