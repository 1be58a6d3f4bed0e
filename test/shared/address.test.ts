import test from 'ava';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { formatAddress, parseAddress, parseCidr } from '../../shared/address.ts';

/** Groups that are often zero, so that runs of zeros and their ties come up. */
const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(1, 0xffff));
const groups = fc.array(group, { minLength: 8, maxLength: 8 });

function wordsOf(parts: readonly number[]): Int32Array {
  return Int32Array.from([0, 1, 2, 3], (word) => parts[word * 2]! << 16 | parts[word * 2 + 1]!);
}

test('IPv6 text agrees with ipaddr.js and reads back to the same words', (t) => {
  fc.assert(fc.property(groups, fc.nat(3), (parts, before) => {
    const words = wordsOf(parts);
    const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
    const table = new Int32Array(before + 4);
    table.set(words, before);
    const text = formatAddress(table, before);
    const theirs = new ipaddr.IPv6([...parts]);
    t.is(text, mapped ? theirs.toIPv4Address().toString() : theirs.toRFC5952String());
    t.deepEqual(parseAddress(text), words);
    t.deepEqual(parseAddress(theirs.toNormalizedString()), words);
  }), { numRuns: 3000 });
});

test('IPv4 text agrees with ipaddr.js and reads back to the same words', (t) => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (octets) => {
    const text = new ipaddr.IPv4([...octets]).toString();
    const words = parseAddress(text)!;
    t.deepEqual(Array.from(words.subarray(0, 3)), [0, 0, 0xffff]);
    t.is(words[3]! >>> 0, octets.reduce((sum, octet) => sum * 256 + octet, 0));
    t.is(formatAddress(words, 0), text);
    t.is(formatAddress(new Uint32Array(words), 0), text);
  }));
});

const REFUSED = [
  '', ' ', '10', '10.0', '10.0.0', '10.0.0.0.0', '10.0.0.256', '10.0.0.01', '010.0.0.1', '0x0a.0.0.1', '10.0.0.1 ', ' 10.0.0.1',
  '10.0.0.-1', '1000.0.0.1', '10..0.1', '10.0.0.', 'localhost', '::1%eth0', 'fe80::1%1', ':', ':::', '::1::', '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', '12345::', 'g::', '1:2:3:4:5:6:7:', ':1:2:3:4:5:6:7', '::ffff:010.0.0.1',
  '1.2.3.4::', '::1.2.3.4:5', '[::1]', '10.0.0.1/32', `::${'0'.repeat(100)}1`,
];

test('what is no address is refused', (t) => {
  for (const text of REFUSED) t.is(parseAddress(text), null, text);
});

test('text at random is refused or read as ipaddr.js reads it', (t) => {
  const character = fc.constantFrom(...'0123456789abcdefABCDEF:::.../%x '.split(''));
  const text = fc.oneof(fc.string({ unit: character, maxLength: 40 }), groups.map((parts) => parts.map((part) => part.toString(16)).join(':')));
  fc.assert(fc.property(text, (candidate) => {
    const words = parseAddress(candidate);
    if (!words) return;
    const theirs = ipaddr.process(candidate);
    const bytes = theirs.kind() === 'ipv4' ? (theirs as ipaddr.IPv4).toIPv4MappedAddress().toByteArray() : theirs.toByteArray();
    t.deepEqual(words, wordsOf(Array.from({ length: 8 }, (_, at) => bytes[at * 2]! << 8 | bytes[at * 2 + 1]!)));
  }), { numRuns: 20_000 });
});

test('dotted ends and upper case are read', (t) => {
  t.deepEqual(parseAddress('::ffff:10.1.2.3'), parseAddress('10.1.2.3'));
  t.deepEqual(parseAddress('64:ff9b::192.0.2.33'), parseAddress('64:ff9b::c000:221'));
  t.deepEqual(parseAddress('2001:DB8::A'), parseAddress('2001:db8:0:0:0:0:0:a'));
  t.deepEqual(parseAddress('1:2:3:4:5:6:1.2.3.4'), parseAddress('1:2:3:4:5:6:102:304'));
  t.deepEqual(parseAddress('1:2:3:4:5:6:7::'), parseAddress('1:2:3:4:5:6:7:0'));
});

test('a CIDR gives its network, prefix and family', (t) => {
  const cases: [string, string, number, number][] = [
    ['10.0.0.0/8', '10.0.0.0', 104, 4],
    ['10.1.2.3/8', '10.0.0.0', 104, 4],
    ['192.0.2.255/25', '192.0.2.128', 121, 4],
    ['192.0.2.7', '192.0.2.7', 128, 4],
    ['0.0.0.0/0', '0.0.0.0', 96, 4],
    ['::/0', '::', 0, 6],
    ['2001:db8:ffff::1/33', '2001:db8:8000::', 33, 6],
    ['2001:db8::1', '2001:db8::1', 128, 6],
  ];
  for (const [text, network, prefixLength, family] of cases) {
    const cidr = parseCidr(text)!;
    t.is(formatAddress(cidr.words, 0), network, text);
    t.is(cidr.prefixLength, prefixLength, text);
    t.is(cidr.family, family as 4 | 6, text);
  }
});

test('what is no CIDR is refused', (t) => {
  for (const text of ['', '/', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/08', '10.0.0.0/8/8', '10.0.0/8', '::/129', '::/1e1', '10.0.0.0/255.0.0.0', 'any', '0/0']) {
    t.is(parseCidr(text), null, text);
  }
});
