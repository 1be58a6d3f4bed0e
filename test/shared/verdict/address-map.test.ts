import test from 'ava';
import fc from 'fast-check';
import { formatAddress, parseCidr } from '../../../shared/address.ts';
import { Ipv4Map, Ipv6Map, nestedIntervals } from '../../../shared/verdict/address-map.ts';
import { addressNumber, type AddressBlock } from '../../../shared/verdict/peer-set.ts';

/** Words near the ends and near each other, so that blocks nest and touch. */
const word = fc.oneof(fc.constantFrom(0, -1, 1, 0x80000000 | 0, 0x7fffffff, 0x0a000000, 0x0a0000ff), fc.integer({ min: 0x0a000000, max: 0x0a000fff }), fc.integer());

function block(words: number[], prefixLength: number, family: 4 | 6): AddressBlock {
  const text = `${formatAddress(family === 4 ? [0, 0, 0xffff, words[3]!] : words, 0)}`;
  // An IPv6 address that looks like a mapped one is not what is tested here.
  const cidr = parseCidr(`${family === 6 && !text.includes(':') ? '::' : text}/${prefixLength}`)!;
  const first = addressNumber(cidr.words);
  return { family, first, last: first + (1n << BigInt(128 - cidr.prefixLength)) - 1n };
}

/** The innermost block that holds the address. */
function expected(blocks: readonly AddressBlock[], address: bigint): number {
  let best = -1;
  blocks.forEach(({ first, last }, at) => {
    if (first > address || address > last) return;
    if (best < 0 || last - first < blocks[best]!.last - blocks[best]!.first) best = at;
  });
  return best;
}

function distinct(blocks: AddressBlock[]): AddressBlock[] {
  return [...new Map(blocks.map((one) => [`${one.first} ${one.last}`, one])).values()];
}

const sizes = { minLength: 0, maxLength: 8 };
const large = { minLength: 200, maxLength: 400, size: 'max' } as const;

test('IPv4 addresses find the innermost of nested blocks, with few and with many of them', (t) => {
  const one = fc.tuple(word, fc.oneof(fc.nat(32), fc.constantFrom(24, 28, 30, 31, 32))).map(([address, length]) => block([0, 0, 0, address], length, 4));
  fc.assert(fc.property(fc.oneof(fc.array(one, sizes), fc.array(one, large)).map(distinct), fc.array(word, { minLength: 40, maxLength: 40 }), (blocks, addresses) => {
    const intervals = nestedIntervals(blocks.map((its, at) => ({ block: its, content: at })), 4, -1, (_around, at) => at);
    const map = new Ipv4Map(intervals);
    const edges = blocks.flatMap(({ first, last }) => [Number(first & 0xffffffffn) | 0, Number(last & 0xffffffffn) | 0]);
    for (const address of addresses.concat(edges.slice(0, 40))) {
      t.is(map.find(address), expected(blocks, addressNumber([0, 0, 0xffff, address])));
    }
  }), { numRuns: 60 });
});

test('IPv6 addresses find the innermost of nested blocks', (t) => {
  const words = fc.tuple(fc.constantFrom(0x20010db8, 0, -1), fc.constantFrom(0, 1, -1), word, word);
  const one = fc.tuple(words, fc.oneof(fc.nat(128), fc.constantFrom(32, 64, 96, 127, 128))).map(([address, length]) => block(address, length, 6));
  fc.assert(fc.property(fc.array(one, { maxLength: 30 }).map(distinct), fc.array(words, { minLength: 30, maxLength: 30 }), (blocks, addresses) => {
    const intervals = nestedIntervals(blocks.map((its, at) => ({ block: its, content: at })), 6, -1, (_around, at) => at);
    const map = new Ipv6Map(intervals);
    for (const address of addresses) t.is(map.find(...address), expected(blocks, addressNumber(address)));
    for (const { first, last } of blocks) {
      for (const edge of [first, last]) {
        const at = (shift: bigint): number => Number(edge >> shift & 0xffffffffn) | 0;
        t.is(map.find(at(96n), at(64n), at(32n), at(0n)), expected(blocks, edge));
      }
    }
  }), { numRuns: 200 });
});

test('blocks inside one another see the value around them', (t) => {
  const blocks = ['10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24', '10.2.0.0/16', '11.0.0.0/8'].map((text) => {
    const { words, prefixLength } = parseCidr(text)!;
    return { block: block([...words], prefixLength - 96, 4), content: text };
  });
  const seen: string[] = [];
  nestedIntervals(blocks.toReversed(), 4, 0, (around, content) => seen.push(`${content} in ${around}`));
  t.deepEqual(seen, ['10.0.0.0/8 in 0', '10.1.0.0/16 in 1', '10.1.1.0/24 in 2', '10.2.0.0/16 in 1', '11.0.0.0/8 in 0']);
});
