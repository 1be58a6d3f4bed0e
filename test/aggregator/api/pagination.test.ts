import test from 'ava';
import fc from 'fast-check';
import { pageOf, type Page } from '../../../aggregator/api/pagination.ts';

const self = (text: string) => text;

test('pages hold each item once, in order, whatever the limit', (t) => {
  fc.assert(fc.property(fc.uniqueArray(fc.string({ unit: 'binary' })), fc.integer({ min: 1, max: 5 }), (keys, limit) => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<string> = pageOf('things', keys, self, { limit, ...(cursor === null ? {} : { cursor }) });
      t.true(page.items.length === limit || page.next === null);
      seen.push(...page.items);
      cursor = page.next;
    } while (cursor !== null);
    t.deepEqual(seen, keys.toSorted((a, b) => (a < b ? -1 : 1)));
  }));
});

test('what comes or goes between two pages neither repeats nor hides others', (t) => {
  const first = pageOf('things', ['b', 'd', 'f', 'h'], self, { limit: 2 });
  t.deepEqual(first.items, ['b', 'd']);
  t.deepEqual(pageOf('things', ['a', 'b', 'c', 'e', 'f', 'h'], self, { limit: 9, cursor: first.next! }), { items: ['e', 'f', 'h'], next: null });
});

test('a cursor that was changed, or is of another list, is refused', (t) => {
  const { next } = pageOf('things', ['a', 'b'], self, { limit: 1 });
  t.deepEqual(pageOf('things', ['a', 'b'], self, { cursor: next! }).items, ['b']);
  t.deepEqual(pageOf('things', ['a', 'b'], self, { cursor: '' }).items, ['a', 'b']);
  for (const cursor of [`x${next}`, next!.slice(1), next!.replace(/.$/, 'z'), '.', 'a', '1']) {
    t.throws(() => pageOf('things', ['a', 'b'], self, { cursor }), { message: /the cursor is none of this list/ }, cursor);
  }
  t.throws(() => pageOf('others', ['a', 'b'], self, { cursor: next! }), { message: /none of this list/ });
});
