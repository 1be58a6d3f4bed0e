import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { benchTopology } from '../../../bench/rule-set.ts';
import { Problems } from '../../../shared/topology/document.ts';
import { topologyDocument } from '../../../shared/topology/export.ts';
import { readPlainYaml } from '../../../shared/topology/plain-yaml.ts';
import { readYaml } from '../../../shared/topology/yaml.ts';
import { topologies } from './arbitrary-topology.ts';

const sample = (name: string): string => readFileSync(fileURLToPath(new URL(`../../../samples/${name}`, import.meta.url)), 'utf8');

/** Whether the text is plain; then it means what the library says, line by line. */
function isPlain(t: ExecutionContext, text: string): boolean {
  const plain = readPlainYaml(text);
  if (plain === null) return false;
  const problems = new Problems('f');
  const read = readYaml(text, problems);
  t.deepEqual(problems.found, [], `not valid, says the library: ${JSON.stringify(text)}`);
  t.deepEqual(plain, read, JSON.stringify(text));
  return true;
}

const WHOLE = `# a comment
---
account-id: 0123456789

vpcs:
  - {vpc-id: vpc-1, name: "main: a, # b", cidrs: [10.0.0.0/8, '::/0', 2001:db8::1/64]}   # one
vswitches:
- vswitch-id: vsw-1   # the same column as its key
  vpc-id: vpc-1
  # between
  name: it's, [not] a list
security-groups:
    - security-group-id: sg-web
      name:
      rules:
        - { rule-id: r-1, priority: 5, port-range: -1/-1, mac: 02:00:00:00:00:01, empty: [], none: {} }
        - rule-id: r-2
          nested:
            "deep er": [{a: [b, c]}, -7, true]
            search: false
  
logstores: [{"name":"flows","retention-days":30}]
more: a:b #c
description: Büro, 運用
`;

test('what documents are mostly made of is plain', (t) => {
  t.true(isPlain(t, WHOLE));
  t.true(isPlain(t, benchTopology(100)));
  t.true(isPlain(t, sample('web/topology.yaml')));
  t.true(isPlain(t, '{"a":{"b":["c",1,true]}}\n'));
});

test('what is left to the library', (t) => {
  const texts = [
    '', '# nothing', 'text', 'a: "\\n"', "a: 'it''s'", 'a: |\n  b', 'a: >-\n  b', 'a: !t b', 'a: &x b', 'a: *x', 'a: b\n  c', 'a:\n  b', 'a: [b,\n  c]', 'a: [b, ]', 'a: {b}',
    'a: {b: }', 'a: 1.5', 'a: 0x1f', 'a: 0o7', 'a: 1e3', 'a: .5', 'a: +1', 'a: 123456789012345678901', 'a: ~', 'a: null', 'a: .inf', 'a: True', 'true: a', 'a: b: c', 'a: b:', 'a: [b: c]', 'a: [::1]',
    'a: [2001:db8::]', 'a: [b #c]', 'a: [b #c\n]', "a: ''''", "a: ['b''c']", 'a: [b] c', 'a: "b" c', 'a: "b', 'a: [b', 'a:\tb', 'a: b\r\n', 'a: \u00a0', 'a: \u2028', 'a: \u{1f600}', '\ufeffa: b', 'a: b\n---\nc: d', '%YAML 1.2\n---\na: b', 'a: b\n...', ' a: b', 'a: b\n c: d',
    'a:\n  b: c\n d: e', 'a:\n- b\n  c: d', 'a:\n  - - b', 'a:\n  -\n    b', '? a\n: b', 'a:b', "'a': b", '"a":b', '[a]: b', `a: ${'['.repeat(16)}b${']'.repeat(16)}`, `${'k'.repeat(200)}: b`, 'a: @b', 'a: `b', 'a: %b', 'a: , b',
  ];
  for (const text of texts) t.false(isPlain(t, text), JSON.stringify(text));
});

test('every word is read as by the library', (t) => {
  const sign = fc.constantFrom(...'+-.0123456789eExXoOaAfFnN~:/_ tTrRuUlLiI\u00fc\u3000\u1680');
  fc.assert(fc.property(fc.string({ unit: sign, maxLength: 8 }), (word) => {
    isPlain(t, `a: ${word}\nb: [${word}, ${word}]\n`);
    isPlain(t, `- k: ${word}\n  ${word}: x\n`);
  }), { numRuns: 4000 });
});

test('whatever the text is, it means what the library says, or is left to it', (t) => {
  const lines = WHOLE.split('\n');
  const piece = fc.constantFrom('', ' ', '  ', '-', '- ', ':', ': ', '{', '}', '[', ']', ',', ', ', '"', "'", ' #', '#', '|', '?', '\\', '\u00e9', '\u3000', '\n', '\n  ', 'a', 'a: ', '1', '-1', '0', '.', '---', '"a":');
  const broken = fc.array(fc.tuple(fc.nat(lines.length - 1), fc.nat(40), fc.nat(4), piece), { minLength: 1, maxLength: 3 }).map((cuts) => {
    const copy = [...lines];
    for (const [line, at, length, text] of cuts) copy[line] = copy[line]!.slice(0, at) + text + copy[line]!.slice(at + length);
    return copy.join('\n');
  });
  const pieces = fc.array(piece, { maxLength: 14 }).map((all) => `a: ${all.join('')}`);
  let plain = 0;
  fc.assert(fc.property(fc.oneof(broken, pieces), (text) => {
    if (isPlain(t, text)) plain++;
  }), { numRuns: 3000 });
  t.true(plain > 300, `${plain} of 3000`);
});

test('topologies as JSON, on one line', (t) => {
  fc.assert(fc.property(topologies(), (topology) => {
    const text = JSON.stringify(topologyDocument(topology));
    t.is(isPlain(t, text), !text.includes('\\'));
  }), { numRuns: 50 });
});
