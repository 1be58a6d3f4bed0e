import test from 'ava';
import fc from 'fast-check';
import { parseQuery } from '../../../../aggregator/query/language/parser.ts';
import type { Search } from '../../../../aggregator/query/language/search.ts';
import { QueryError } from '../../../../aggregator/query/query-error.ts';

/** A search in brackets, for comparing trees. */
function shape(search: Search): string {
  switch (search.kind) {
    case 'everything': return '*';
    case 'and': case 'or': return `(${search.parts.map(shape).join(` ${search.kind} `)})`;
    case 'not': return `!${shape(search.part)}`;
    case 'present': return `${search.field.name}:*`;
    case 'compare': return `${search.field.name}${search.comparison}${search.value.text}`;
    case 'range': return `${search.field.name}${search.fromIncluded ? '[' : '('}${search.from.text} ${search.to.text}${search.toIncluded ? ']' : ')'}`;
    case 'word': return `<${search.value.text}>`;
  }
}

const shapes: [query: string, expected: string][] = [
  ['', '*'],
  ['  *  ', '*'],
  ['dstport:443', 'dstport=443'],
  ['dstport : 443', 'dstport=443'],
  ['dstport:>5', 'dstport>5'],
  ['dstport >= 5', 'dstport>=5'],
  ['dstport!=5', 'dstport!=5'],
  ['a b', '(<a> and <b>)'],
  ['a and b or c d', '((<a> and <b>) or (<c> and <d>))'],
  ['a AND NOT b', '(<a> and !<b>)'],
  ['not not a', '!!<a>'],
  ['not (a or b) c', '(!(<a> or <b>) and <c>)'],
  ['tcp_flags:2', 'tcp-flags=2'],
  ['eni-id:*', 'eni-id:*'],
  ['not eni-id:*', '!eni-id:*'],
  ['eni-id!=*', '!eni-id:*'],
  ['eni-id:"*"', 'eni-id=*'],
  ['bytes in [1 5)', 'bytes[1 5)'],
  ['bytes in (1 5] x', '(bytes(1 5] and <x>)'],
  ['bytes: in [1 5]', 'bytes[1 5]'],
  ['srcaddr:::1', 'srcaddr=::1'],
  ['srcaddr:fe80::/10', 'srcaddr=fe80::/10'],
  ['fe80::1', '<fe80::1>'],
  ['::1 or 2001:db8::', '(<::1> or <2001:db8::>)'],
  ['start>=2026-01-01T00:00:00Z', 'start>=2026-01-01T00:00:00Z'],
  ['"a \\"b\\" \\\\ and"', '<a "b" \\ and>'],
  ['direction:in in', '(direction=in and <in>)'],
];
for (const [query, expected] of shapes) {
  test(`reads ${JSON.stringify(query)}`, (t) => {
    t.is(shape(parseQuery(query).search), expected);
  });
}

test('splits at the first bar that is not quoted', (t) => {
  const query = parseQuery('"a|b" c | SELECT 1 | 2');
  t.is(shape(query.search), '(<a|b> and <c>)');
  t.deepEqual(query.select, { text: ' SELECT 1 | 2', offset: 9 });
  t.is(parseQuery('select count(*)').select?.offset, 0);
  t.is(parseQuery('selector').select, null);
});

const errors: [query: string, message: RegExp, offset: number][] = [
  ['srcport:', /expected a value for srcport, found the end of the query/, 8],
  ['dstprot:1', /no field "dstprot": did you mean dstport\?/, 0],
  ['zzzzzzzzzz:1', /no field "zzzzzzzzzz": a colon or comparison needs/, 0],
  ['a\nand (b', /expected and, or, or the \) that closes.*line 2, column 7/, 8],
  ['a)', /expected and, or, \| or the end of the query, found "\)"/, 1],
  ['a or', /expected a term.*found the end/, 4],
  ['and a', /expected a term/, 0],
  ['"abc', /quoted text does not end/, 0],
  ['"a\\n"', /expected " or \\ after \\/, 3],
  ['bytes in [1]', /upper end of a range of bytes, found "\]"/, 11],
  ['bytes in [1 2', /expected \] or \)/, 13],
  ['x |  ', /expected SELECT after \|/, 5],
  ['a\u0000b', /control character U\+0000/, 1],
  ['\ud800', /not well-formed/, 0],
];
for (const [query, message, offset] of errors) {
  test(`refuses ${JSON.stringify(query)}`, (t) => {
    const error = t.throws(() => parseQuery(query), { instanceOf: QueryError, message });
    t.is(error.position?.offset, offset);
  });
}

test('bounds length, depth and number of terms', (t) => {
  t.throws(() => parseQuery('a '.repeat(40_000)), { message: /longer than 64 KiB/ });
  t.throws(() => parseQuery('('.repeat(60_000)), { message: /more than 64 levels/ });
  t.throws(() => parseQuery('not '.repeat(10_000)), { message: /more than 64 levels/ });
  t.throws(() => parseQuery('a '.repeat(1001)), { message: /more than 1000 terms/ });
  t.notThrows(() => parseQuery(`${'('.repeat(64)}a${')'.repeat(64)}`));
});

test('answers any text with a query or a QueryError', (t) => {
  const piece = fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.constantFrom('(', ')', '[', ']', ':', '>=', '"', '|', ' in ', ' not ', 'srcaddr:', 'bytes', '*', '\\'));
  fc.assert(fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
    try {
      parseQuery(pieces.join(''));
    } catch (error) {
      if (!(error instanceof QueryError) || error.position === null) throw error;
    }
  }), { numRuns: 2000 });
  t.pass();
});
