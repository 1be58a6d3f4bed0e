import test from 'ava';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { addressInRange, cidrRange, halvesOf } from '../../../../aggregator/query/sql/address-range.ts';
import { sqlHalf, sqlString } from '../../../../aggregator/query/sql/literal.ts';
import { FIXED_STATEMENTS } from '../../../../aggregator/query/sql/log-view.ts';
import { formatAddress, parseAddress, parseCidr } from '../../../../shared/address.ts';

let connection: DuckDBConnection;
test.before(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  await connection.run(FIXED_STATEMENTS.join(';'));
});

/** Groups with many zeros and ones, since runs of zeros are what is hard; now and then an IPv4-mapped address. */
const words = fc.oneof(
  fc.array(fc.constantFrom(0, 0, 0, 1, 0xf, 0x10, 0xabc, 0xffff), { minLength: 8, maxLength: 8 }).map((groups) =>
    Int32Array.from([0, 2, 4, 6], (index) => groups[index]! << 16 | groups[index + 1]!)),
  fc.integer().map((address) => Int32Array.of(0, 0, 0xffff, address)));

function ipaddrText(address: Int32Array): string {
  const bytes = [...address].flatMap((word) => [word >>> 24, word >>> 16 & 255, word >>> 8 & 255, word & 255]);
  const parsed = new ipaddr.IPv6(bytes);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toRFC5952String();
}

async function column(sql: string): Promise<unknown[]> {
  return (await connection.runAndReadAll(sql)).getRows().map((row) => row[0]);
}

test('addresses in SQL print as ipaddr.js and as shared/address.ts print them', async (t) => {
  const addresses = fc.sample(words, { numRuns: 3000, seed: 11 });
  const rows = addresses.map((address, index) => {
    const { high, low } = halvesOf(address);
    return `(${index}, ${sqlHalf(high)}, ${sqlHalf(low)})`;
  });
  const texts = await column(`SELECT weir_address(hi, lo) FROM (VALUES ${rows.join(', ')}) v(i, hi, lo) ORDER BY i`);
  t.deepEqual(texts, addresses.map((address) => formatAddress(address, 0)));
  // ipaddr.js compresses a single zero group where RFC 5952 section 4.2.2 forbids it; those are left to shared/address.ts.
  const agreed = addresses.map((address, index) => [texts[index], ipaddrText(address)]).filter(([, reference]) => !singleZero(reference as string));
  t.true(agreed.length > 1000);
  for (const [text, reference] of agreed) t.is(text, reference);
});

function singleZero(text: string): boolean {
  return text.includes('::') && text.split(':').filter((group) => group !== '').length === 7;
}

test('cidr_contains agrees with the comparison of halves, and with ipaddr.js', async (t) => {
  const cases = fc.sample(fc.tuple(words, words, fc.nat(128), fc.boolean()), { numRuns: 400, seed: 3 }).map(([address, other, bits, near]) => {
    const network = formatAddress(near ? address : other, 0);
    return { address, cidr: `${network}/${network.includes(':') ? bits : bits % 33}` };
  });
  const rows = cases.map(({ address, cidr }) => {
    const { high, low } = halvesOf(address);
    const inRange = `(SELECT ${addressInRange('a', cidrRange(parseCidr(cidr)!))} FROM (SELECT ${sqlHalf(high)} AS a_hi, ${sqlHalf(low)} AS a_lo))`;
    return `SELECT cidr_contains(${sqlString(formatAddress(address, 0))}, ${sqlString(cidr)}) AS c, ${inRange} AS r`;
  });
  let inside = 0;
  for (let index = 0; index < rows.length; index++) {
    const { address, cidr } = cases[index]!;
    const parsed = ipaddr.process(formatAddress(address, 0));
    const [network, bits] = ipaddr.parseCIDR(cidr);
    const expected = parsed.kind() === network.kind() && parsed.match(network as never, bits);
    if (expected) inside++;
    t.deepEqual((await connection.runAndReadAll(rows[index]!)).getRows()[0], [expected, expected], `${formatAddress(address, 0)} ${cidr}`);
  }
  t.true(inside > 50);
});

test('cidr_contains of what is no address or network is NULL or false, not an error', async (t) => {
  const pairs = ['nonsense', '', '300.1.1.1', '1.2.3', ':::::', 'g::1', '1.2.3.4'].flatMap((address) =>
    ['10.0.0.0/8', 'x', '10.0.0.0/99', '::/200', '1.2.3.4/-1', ''].map((cidr) => `cidr_contains(${sqlString(address)}, ${sqlString(cidr)})`));
  const [row] = (await connection.runAndReadAll(`SELECT ${pairs.join(', ')}`)).getRows();
  t.false(row!.includes(true));
  t.truthy(parseAddress('1.2.3.4'));
});
