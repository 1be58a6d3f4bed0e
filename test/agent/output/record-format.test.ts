import test from 'ava';
import fc from 'fast-check';
import { LineBytes } from '../../../agent/output/line-bytes.ts';
import { RECORD_FORMATS, RecordFormatter, type RecordFormat } from '../../../agent/output/record-format.ts';
import { FIELDS } from '../../../shared/fields.ts';
import { valueReader, type FieldValue } from '../../../shared/record-values.ts';
import { NONE, Records, STATUS_SKIPDATA, recordContext, type RecordContext } from '../../../shared/records.ts';
import { DEFAULT_TOPOLOGY } from '../../../shared/topology/topology.ts';

const NAMES = FIELDS.map((field) => field.name);
const eni = DEFAULT_TOPOLOGY.enis[0]!;
const context: RecordContext = recordContext('agent "ä"', {
  ...DEFAULT_TOPOLOGY, accountId: 'a, b', enis: [eni, { ...eni, eniId: 'eni ünï', vmId: 'vm\t1' }],
}, [
  { action: 'ACCEPT', reason: 'rule', sgId: 'sg-1', ruleId: 'r "1"', revision: 1 },
  { action: 'REJECT', reason: 'default', sgId: null, ruleId: null, revision: 2 },
]);

/** The line as it is defined: value by value. */
function lineOf(format: RecordFormat, rows: Records, row: number): string {
  const values = NAMES.map((name) => valueReader(name)(rows, row, context));
  if (format === 'json') return `${JSON.stringify(Object.fromEntries(NAMES.map((name, i) => [name, values[i]])))}\n`;
  const text = (value: FieldValue): string => (value === null || value === '' ? '-' : String(value).replace(/\s/g, '_'));
  const csv = (value: FieldValue): string => (value === null ? '' : /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  return `${values.map(format === 'text' ? text : csv).join(format === 'text' ? ' ' : ',')}\n`;
}

const word = fc.oneof(fc.constantFrom(0, 0xffff, -1), fc.integer());
const count = fc.oneof(fc.constantFrom(0, 9, 10, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1), fc.nat());
/** Whole microseconds of any size, and those with a fraction that files with nanoseconds give. */
const instant = fc.oneof(fc.nat(), fc.integer({ min: 1_600_000_000_000_000, max: 2 ** 53 - 1 }), fc.nat(1_700_000_000).map((s) => s * 1e6 + 100), fc.integer({ min: 0, max: 2 ** 52 }).map((ns) => ns / 1000));
const arbitraryRow = fc.record({
  eni: fc.nat(1), verdict: fc.nat(1), source: fc.tuple(fc.constantFrom(0, 1), fc.constant(0), word, word), destination: fc.tuple(word, word, word, word),
  sourcePort: fc.nat(65535), destinationPort: fc.nat(65535), protocol: fc.constantFrom(6, 17, 1), direction: fc.nat(1), packets: count, bytes: count,
  firstSeenUs: instant, lastSeenUs: instant, tcpFlags: fc.nat(255), icmp: fc.constantFrom(NONE, 0x0301), fragments: fc.nat(), initiator: fc.nat(2),
  flowState: fc.nat(2), isStatus: fc.boolean(),
});

test('every row is spelled as its values are, in each format', (t) => {
  fc.assert(fc.property(fc.array(arbitraryRow, { maxLength: 20 }), (given) => {
    const rows = new Records(1_700_000_400, 600);
    for (const { isStatus, source, destination, ...columns } of given) {
      if (isStatus) {
        rows.addStatus(columns.eni, STATUS_SKIPDATA, columns.packets);
        continue;
      }
      const row = rows.add();
      for (const [name, value] of Object.entries(columns)) (rows as unknown as Record<string, Int32Array>)[name]![row] = value;
      rows.source.set(source, row * 4);
      rows.destination.set(destination, row * 4);
    }
    for (const format of RECORD_FORMATS) {
      const formatter = new RecordFormatter(format, NAMES);
      const lines = new LineBytes();
      let expected = '';
      for (let row = 0; row < rows.count; row++) {
        formatter.line(lines, rows, row, context);
        expected += lineOf(format, rows, row);
      }
      t.is(lines.written.toString(), expected);
    }
  }), { numRuns: 300 });
});
