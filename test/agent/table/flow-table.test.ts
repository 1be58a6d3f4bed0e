import test from 'ava';
import fc from 'fast-check';
import { FlowTable, NO_ENTRY } from '../../../agent/table/flow-table.ts';
import { ENTRY_DOUBLES, ENTRY_LAST_US } from '../../../agent/table/entry.ts';
import { KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC0, KEY_SRC3, KEY_WORDS, META_IPV6 } from '../../../shared/flow-key.ts';

function key(n: number): Int32Array {
  const words = new Int32Array(KEY_WORDS);
  words[KEY_SRC3] = n >> 3;
  words[KEY_DST3] = 7;
  words[KEY_PORTS] = n & 7;
  // every second key is IPv6; two of those differ in the first words of the address only
  words[KEY_META] = n % 2 === 0 ? 6 : 6 | META_IPV6;
  words[KEY_SRC0] = n % 2 === 0 ? 0 : n >> 2;
  return words;
}

test('I1: finds what was inserted and not removed, as a Map does', (t) => {
  const steps = fc.array(fc.record({ n: fc.integer({ min: 0, max: 40 }), remove: fc.integer({ min: 0, max: 3 }).map((of4) => of4 === 0) }), { maxLength: 300, size: 'max' });
  // with few hashes there are runs in the index longer than what a slot can say of its distance
  const property = fc.property(steps, fc.boolean(), (sequence, hasFewHashes) => {
    const table = new FlowTable(16);
    const model = new Map<number, number>();
    const hashOf = (n: number): number => (hasFewHashes ? (n & 3) * 0x10000001 : table.hash(key(n), 0));
    for (const { n, remove } of sequence) {
      const words = key(n);
      const hash = hashOf(n);
      const found = table.find(words, 0, hash);
      if (found !== (model.get(n) ?? NO_ENTRY)) return false;
      if (remove && found !== NO_ENTRY) {
        table.remove(found);
        model.delete(n);
      } else if (found === NO_ENTRY && !table.isFull) {
        model.set(n, table.insert(words, 0, hash));
      }
    }
    return table.size === model.size && [...model].every(([n, entry]) => table.find(key(n), 0, hashOf(n)) === entry);
  });
  t.notThrows(() => fc.assert(property, { numRuns: 1000 }));
});

test('I1 holds where the entries outgrow the first index, with some removed before', (t) => {
  const flows = 70_000;
  const table = new FlowTable(1 << 17);
  const entries = new Map<number, number>();
  for (let n = 0; n < flows; n++) {
    entries.set(n, table.insert(key(n), 0, table.hash(key(n), 0)));
    if (n % 3 !== 0 || n === 0) continue;
    table.remove(entries.get(n / 3)!);
    entries.delete(n / 3);
  }
  for (let n = flows; table.highWater < flows; n++) entries.set(n, table.insert(key(n), 0, table.hash(key(n), 0)));
  t.is(table.size, entries.size);
  const isFound = (n: number): boolean => table.find(key(n), 0, table.hash(key(n), 0)) === (entries.get(n) ?? NO_ENTRY);
  for (let n = 0; n < 100_000; n++) if (!isFound(n)) t.fail(`flow ${n}`);
  for (const [n, entry] of entries) {
    if (n % 2 !== 0) continue;
    table.remove(entry);
    entries.delete(n);
  }
  for (let n = 0; n < 100_000; n++) if (!isFound(n)) t.fail(`flow ${n}, after others have gone`);
  t.is(table.size, entries.size);
});

test('keys that differ in a single word are different flows', (t) => {
  for (const family of [0, META_IPV6]) {
    const table = new FlowTable(16);
    const base = Int32Array.from({ length: KEY_WORDS }, (_, word) => word + 1);
    base[KEY_META] = 6 | family;
    // the same hash for all, so that only the comparison tells them apart
    t.is(table.insert(base, 0, 42), table.find(base, 0, 42));
    for (let word = 0; word < KEY_WORDS; word++) {
      const isPrefix = word >= KEY_SRC0;
      const other = base.slice();
      other[word]! ^= word === KEY_META ? 1 : 0x100;
      if (isPrefix && family === 0) continue;
      t.is(table.find(other, 0, 42), NO_ENTRY, `word ${word}`);
    }
  }
});

test('I2: entries are handed out in the same order whatever the hash secret', (t) => {
  const order = () => {
    const table = new FlowTable(8);
    const entries = [1, 2, 3, 4].map((n) => table.insert(key(n), 0, table.hash(key(n), 0)));
    table.remove(entries[1]!);
    table.remove(entries[3]!);
    return [...entries, table.insert(key(9), 0, table.hash(key(9), 0)), table.insert(key(10), 0, table.hash(key(10), 0))];
  };
  t.deepEqual(order(), order());
});

test('the entry to give up is the one seen longest ago among those looked at', (t) => {
  const table = new FlowTable(8);
  for (let n = 0; n < 8; n++) table.doubles[table.insert(key(n), 0, table.hash(key(n), 0)) * ENTRY_DOUBLES + ENTRY_LAST_US] = n === 5 ? 1 : 100 + n;
  const chosen = new Int32Array(1);
  table.oldest(chosen);
  t.deepEqual([...chosen], [5]);
});

test('hashes of neighbouring addresses and ports spread over the slots', (t) => {
  const table = new FlowTable(16);
  const words = key(0);
  const slots = new Set<number>();
  for (let n = 0; n < 4096; n++) {
    words[KEY_SRC3] = 0x0a000000 + (n >> 4);
    words[KEY_PORTS] = (443 << 16) | (1024 + (n & 15));
    slots.add(table.hash(words, 0) & 0xffff);
  }
  // 4096 balls into 65536 bins: about 3970 distinct, give or take 11
  t.true(slots.size > 3900, `${slots.size} distinct slots`);
});
