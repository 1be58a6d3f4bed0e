import test from 'ava';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { PROTOCOL_NUMBERS } from '../../../aggregator/query/language/protocol-names.ts';
import { FIELDS, type Field } from '../../../shared/fields.ts';
import { QueryServer } from './query-server.ts';
import { ADDRESSES, ENIS, FIRST_WINDOW, sampleRecords, type SampleRecord } from './sample-store.ts';

/** Searches against a plain predicate over the same records. */

type Predicate = (record: SampleRecord) => boolean;
interface Case { readonly text: string; readonly holds: Predicate }

const server = new QueryServer();
test.before(async () => server.store.add(sampleRecords(400, 7)));
test.after.always(() => server.stop());

async function matching(query: string): Promise<SampleRecord[]> {
  const answer = await server.ask({ query, limit: 1000, fields: 'all' });
  if (answer.status !== 200) throw new Error(`${query}: ${answer.text}`);
  return answer.json.records as SampleRecord[];
}

const sorted = (records: readonly SampleRecord[]) => records.map((record) => JSON.stringify(FIELDS.map((field) => record[field.name] ?? null))).sort();
const field = (name: string) => FIELDS.find((candidate) => candidate.name === name)!;
const numberFields: readonly Field[] = FIELDS.filter((candidate) => candidate.type.startsWith('uint'));
const key = (name: string) => fc.constantFrom(name, name.replaceAll('-', '_'));

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  ':': (a, b) => a === b, '=': (a, b) => a === b, '>': (a, b) => a > b, '>=': (a, b) => a >= b, '<': (a, b) => a < b, '<=': (a, b) => a <= b,
};
const numberCase = fc.tuple(fc.constantFrom(...numberFields), fc.constantFrom(...Object.keys(comparisons)),
  fc.constantFrom(0, 1, 2, 6, 22, 40, 80, 255, 256, 443, 65_535, 1e9, 2 ** 53 - 1), fc.boolean())
  .map(([{ name }, operator, value, colon]): Case => ({
    text: `${name}${colon && operator !== ':' ? ':' : ' '}${operator}${value}`,
    holds: (record) => record[name] != null && comparisons[operator]!(record[name] as number, value),
  }));
const rangeCase = fc.tuple(fc.constantFrom('dstport', 'bytes', 'tcp-flags'), fc.constantFrom(0, 22, 80, 255), fc.constantFrom(80, 443, 2000), fc.boolean(), fc.boolean())
  .map(([name, from, to, low, high]): Case => ({
    text: `${name} in ${low ? '[' : '('}${from} ${to}${high ? ']' : ')'}`,
    holds: (record) => {
      const value = record[name] as number | null;
      return value != null && (low ? value >= from : value > from) && (high ? value <= to : value < to);
    },
  }));
const escapeQuoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
const textCase = fc.tuple(fc.constantFrom('eni-id', 'vm-id', 'rule-id', 'agent-id'), fc.constantFrom(...ENIS, 'i-1', 'a"b', 'back\\slash', 'r-1', 'agent-1', '*', '%'))
  .chain(([name, value]) => key(name).map((written): Case => ({ text: `${written}:${escapeQuoted(value)}`, holds: (record) => record[name] === value })));
const wildcardCase = fc.tuple(fc.constantFrom('eni-id', 'vm-id'), fc.array(fc.constantFrom('*', '?', 'e', 'eni-', 'a', '_', '%', '\\', "'", '1'), { minLength: 2, maxLength: 4 }).map((parts) => parts.join('')))
  .filter(([, pattern]) => /[*?]/.test(pattern) && pattern !== '*')
  .map(([name, pattern]): Case => {
    const expression = new RegExp(`^${pattern.replace(/[\\^$.|+()[\]{}]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
    return { text: `${name}:${pattern}`, holds: (record) => record[name] != null && expression.test(record[name] as string) };
  });
const listedCase = fc.constantFrom('action', 'direction', 'log-status', 'flow-state').chain((name) =>
  fc.tuple(fc.constantFrom(...field(name).values!), fc.boolean()).map(([value, lower]): Case => ({ text: `${name}:${lower ? value.toLowerCase() : value}`, holds: (record) => record[name] === value })));
const presentCase = fc.constantFrom(...FIELDS).map(({ name }): Case => ({ text: `${name}:*`, holds: (record) => record[name] != null }));

function inNetwork(address: unknown, cidr: string): boolean {
  if (typeof address !== 'string') return false;
  const parsed = ipaddr.parse(address);
  const [network, bits] = cidr.includes('/') ? ipaddr.parseCIDR(cidr) : [ipaddr.parse(cidr), ipaddr.parse(cidr).kind() === 'ipv4' ? 32 : 128] as const;
  return parsed.kind() === network.kind() && parsed.match(network as never, bits);
}
const cidr = fc.oneof(
  fc.constantFrom(...ADDRESSES, '10.0.0.0/8', '10.0.0.0/22', '0.0.0.0/0', '::/0', '::/127', 'fe80::/10', '2001:db8::/63', '2001:db8::/64', '::/96', '::/80', '255.255.255.254/31'),
  fc.tuple(fc.constantFrom(...ADDRESSES), fc.nat(32)).map(([address, bits]) => `${address}/${bits}`));
const cidrCase = fc.tuple(fc.constantFrom('srcaddr', 'dstaddr'), cidr)
  .map(([name, network]): Case => ({ text: `${name}:${network}`, holds: (record) => inNetwork(record[name], network) }));
const octetCase = fc.constantFrom(['10.*', '10.0.0.0/8'], ['10.0.*', '10.0.0.0/16'], ['10.0.3.*', '10.0.3.0/24'])
  .map(([text, network]): Case => ({ text: `srcaddr:${text}`, holds: (record) => inNetwork(record['srcaddr'], network!) }));
const timeCase = fc.tuple(fc.nat(5), fc.constantFrom('>=', '<')).map(([window, operator]): Case => {
  const start = FIRST_WINDOW + window * 60;
  return { text: `start ${operator} ${new Date(start * 1000).toISOString()}`, holds: (record) => comparisons[operator]!(record['start'] as number, start) };
});
const instantCase = fc.integer({ min: 0, max: 300e6 }).map((us): Case => {
  const text = ((FIRST_WINDOW * 1e6 + us) / 1e6).toFixed(6);
  return { text: `first-seen > ${text}`, holds: (record) => record['first-seen'] != null && (record['first-seen'] as number) > Number(text) };
});
const wordCase = fc.oneof(
  fc.constantFrom(22, 443, 40_000).map((port): Case => ({ text: String(port), holds: (record) => record['srcport'] === port || record['dstport'] === port })),
  cidr.map((network): Case => ({ text: network, holds: (record) => inNetwork(record['srcaddr'], network) || inNetwork(record['dstaddr'], network) })),
  fc.constantFrom('tcp', 'UDP', 'icmpv6').map((name): Case => ({ text: name, holds: (record) => record['protocol'] === PROTOCOL_NUMBERS.get(name.toLowerCase()) })),
  fc.constantFrom(['reject', 'action', 'REJECT'], ['in', 'direction', 'in'], ['eni-a', 'eni-id', 'eni-a'], ['nodata', 'log-status', 'NODATA'], ['"agent-1"', 'agent-id', 'agent-1'])
    .map(([text, name, value]): Case => ({ text: text!, holds: (record) => record[name!] === value })));
const term = fc.oneof(numberCase, rangeCase, textCase, wildcardCase, listedCase, presentCase, cidrCase, octetCase, timeCase, instantCase, wordCase);

const search = fc.letrec<{ any: Case }>((tie) => ({
  any: fc.oneof({ maxDepth: 3, withCrossShrink: true }, term,
    tie('any').map((part): Case => ({ text: `not (${part.text})`, holds: (record) => !part.holds(record) })),
    fc.tuple(tie('any'), tie('any'), fc.constantFrom(' and ', ' ')).map(([a, b, word]): Case => ({ text: `(${a.text})${word}(${b.text})`, holds: (record) => a.holds(record) && b.holds(record) })),
    fc.tuple(tie('any'), tie('any')).map(([a, b]): Case => ({ text: `(${a.text} or ${b.text})`, holds: (record) => a.holds(record) || b.holds(record) }))),
})).any;

test('a search finds the records for which it holds', async (t) => {
  let found = 0;
  await fc.assert(fc.asyncProperty(search, async ({ text, holds }) => {
    const records = await matching(text);
    found += records.length;
    const expected = server.store.records.filter(holds);
    if (JSON.stringify(sorted(records)) !== JSON.stringify(sorted(expected))) throw new Error(`${text}: ${records.length} found, ${expected.length} expected`);
  }), { numRuns: 120 });
  t.true(found > 0);
});

test('no value breaks out of its literal', async (t) => {
  const evil = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.array(fc.constantFrom("'", '"', '\\', ';', '--', '/*', '*/', ')', '$$', ' OR 1=1 ', 'x', '%', '\n', '’', '\u0000', '::')).map((parts) => parts.join('')))
    .filter((text) => !/[\p{Cc}\p{Surrogate}]/u.test(text.replace(/[\t\n\r]/g, '')));
  await fc.assert(fc.asyncProperty(evil, async (text) => {
    const found = await matching(`eni-id:${escapeQuoted(text)}`);
    const count = server.store.records.filter((record) => record['eni-id'] === text).length;
    if (found.length !== count) throw new Error(`${JSON.stringify(text)} found ${found.length}`);
  }), { numRuns: 60 });
  t.is((await matching(`eni-id:"o'brien"`)).length, server.store.records.filter((record) => record['eni-id'] === "o'brien").length);
});

const refusals: [query: string, message: RegExp][] = [
  ['eni-id > 5', /eni-id is text/],
  ['dstport:http', /dstport takes a whole number/],
  ['bytes:1.5', /bytes takes a whole number/],
  ['bytes:99999999999999999', /below 2\^53/],
  ['protocol:tpc', /protocol number or name/],
  ['action:DROP', /action is never "DROP": it takes ACCEPT, REJECT/],
  ['srcaddr:10.0.0', /srcaddr takes an address, a CIDR/],
  ['srcaddr:10.0.0.0/33', /srcaddr takes an address, a CIDR/],
  ['srcaddr > 10.0.0.1', /srcaddr is an address/],
  ['srcaddr in [10.0.0.1 ::1]', /both ends/],
  ['eni-id in [a b]', /eni-id is text: write \(eni-id:a or eni-id:b\)/],
  ['start:tomorrow', /whole Unix seconds or an RFC 3339/],
];
for (const [query, message] of refusals) {
  test(`refuses ${query}`, async (t) => {
    const answer = await server.ask({ query });
    t.is(answer.status, 400);
    t.regex(answer.json.detail, message);
    t.true(answer.json.position.offset > 0);
  });
}

test('ranges of addresses include both ends and keep to their family', async (t) => {
  const ofV4 = await matching('srcaddr in [10.0.0.1 10.200.0.9]');
  t.deepEqual(new Set(ofV4.map((record) => record['srcaddr'])), new Set(['10.0.0.1', '10.0.3.7', '10.200.0.9']));
  const ofV6 = await matching('srcaddr in [:: 2001:db8::1]');
  t.deepEqual(new Set(ofV6.map((record) => record['srcaddr'])), new Set(['::1', '::', '2001:db8::1']));
});
