import test from 'ava';
import fc from 'fast-check';
import { FIELDS } from '../../shared/fields.ts';
import { mergeRows } from '../../shared/record-merge.ts';
import { valueReader } from '../../shared/record-values.ts';
import { NONE, Records, recordContext } from '../../shared/records.ts';
import { DEFAULT_TOPOLOGY } from '../../shared/topology/topology.ts';

const CONTEXT = recordContext('agent', DEFAULT_TOPOLOGY, [
  { action: 'ACCEPT', reason: 'rule', sgId: 'sg', ruleId: 'r', revision: 1 },
  { action: 'REJECT', reason: 'default', sgId: null, ruleId: null, revision: 2 },
]);

const arbitraryRow = fc.record({
  verdict: fc.integer({ min: 0, max: 1 }), host: fc.integer({ min: 1, max: 2 }), port: fc.integer({ min: 1, max: 2 }),
  direction: fc.integer({ min: 0, max: 1 }), icmp: fc.constantFrom(NONE, 8 << 8), packets: fc.integer({ min: 1, max: 9 }),
  firstSeenUs: fc.integer({ min: 1, max: 9 }), flags: fc.integer({ min: 0, max: 255 }), initiator: fc.integer({ min: 0, max: 2 }),
  flowState: fc.integer({ min: 0, max: 2 }),
});

function add(rows: Records, shape: (typeof arbitraryRow extends fc.Arbitrary<infer T> ? T : never)): void {
  const row = rows.add();
  rows.verdict[row] = shape.verdict;
  rows.source.set([0, 0, 0xffff, shape.host], row * 4);
  rows.destination.set([shape.host, 0, 0, 1], row * 4);
  rows.sourcePort[row] = shape.port;
  rows.destinationPort[row] = 80;
  rows.protocol[row] = 6;
  rows.direction[row] = shape.direction;
  rows.icmp[row] = shape.icmp;
  rows.packets[row] = shape.packets;
  rows.bytes[row] = shape.packets * 100;
  rows.firstSeenUs[row] = shape.firstSeenUs;
  rows.lastSeenUs[row] = shape.firstSeenUs + shape.packets;
  rows.tcpFlags[row] = shape.flags;
  rows.fragments[row] = shape.packets % 3;
  rows.initiator[row] = shape.initiator;
  rows.flowState[row] = shape.flowState;
  rows.skippedPackets[row] = NONE;
}

/** The merge rules of the field table, applied to plain values. */
function mergedValue(rule: string, values: (string | number | null)[], order: readonly string[] | undefined): string | number | null {
  const numbers = values.map(Number);
  switch (rule) {
    case 'sum': return values.every((value) => value === null) ? null : numbers.reduce((a, b) => a + b, 0);
    case 'min': return Math.min(...numbers);
    case 'max': return Math.max(...numbers);
    case 'or': return numbers.reduce((a, b) => a | b, 0);
    case 'flow-state':
    case 'initiator': return order!.find((value) => values.includes(value))!;
    default: return values[0]!;
  }
}

test('merging rows in columns follows the merge rules of the field table', (t) => {
  fc.assert(fc.property(fc.array(arbitraryRow, { maxLength: 40 }), (shapes) => {
    const rows = new Records(0, 10, 1);
    for (const shape of shapes) add(rows, shape);
    const plain = Array.from({ length: rows.count }, (_, row) => FIELDS.map((field) => valueReader(field.name)(rows, row, CONTEXT)));
    const groups = new Map<string, (string | number | null)[][]>();
    for (const values of plain) {
      const key = FIELDS.map((field, i) => (field.merge === 'key' ? values[i] : '')).join('|');
      groups.set(key, [...(groups.get(key) ?? []), values]);
    }
    const expected = [...groups.values()].map((group) =>
      FIELDS.map((field, i) => mergedValue(field.merge, group.map((values) => values[i]!), field.values)));
    mergeRows(rows);
    t.deepEqual(Array.from({ length: rows.count }, (_, row) => FIELDS.map((field) => valueReader(field.name)(rows, row, CONTEXT))), expected);
  }));
});
