import test from 'ava';
import { changeLine } from '../../../aggregator/commands/change-line.ts';

const line = (before: Record<string, unknown>, after: Record<string, unknown>) => changeLine({ kind: 'security-group', id: 'sg-1', before, after });
const rule = (id: string, members: Record<string, unknown> = {}) => ({ 'rule-id': id, 'port-range': '80/80', 'cidr': '0.0.0.0/0', ...members });

test('what comes and goes', (t) => {
  t.is(changeLine({ kind: 'eni', id: 'eni-1', before: null, after: {} }), '+ eni eni-1');
  t.is(changeLine({ kind: 'eni', id: 'eni-1', before: {}, after: null }), '- eni eni-1');
});

test('values before and after, absent ones as -', (t) => {
  t.is(line({ a: 1, b: 'x', c: true }, { a: 2, b: 'x', d: 'y' }), '~ security-group sg-1 (a 1 → 2; c true → -; d - → y)');
});

test('of rules, which one and what of it', (t) => {
  t.is(line({ rules: [rule('r1'), rule('r2')] }, { rules: [rule('r1'), { ...rule('r2', { 'port-range': '443/443' }), 'cidr': undefined, 'prefix-list': 'pl-1' }] }),
    '~ security-group sg-1 (rule r2: port-range 80/80 → 443/443, cidr 0.0.0.0/0 → -, prefix-list - → pl-1)');
  t.is(line({ rules: [rule('r1'), rule('r2')] }, { rules: [rule('r2'), rule('r3')] }), '~ security-group sg-1 (-rule r1; +rule r3)');
  t.is(line({ rules: [rule('r1'), rule('r2')] }, { rules: [rule('r2'), rule('r1')] }), '~ security-group sg-1 (rules in another order)');
});

test('of lists, what was added and taken away, and not everything of long ones', (t) => {
  const changed = (before: string[], after: string[]) => line({ entries: before }, { entries: after });
  t.is(changed(['a', 'b'], ['b', 'c']), '~ security-group sg-1 (entries +c -a)');
  t.is(changed(['a', 'b'], ['b', 'a']), '~ security-group sg-1 (entries in another order)');
  t.is(changed([], ['a', 'b', 'c', 'd', 'e']), '~ security-group sg-1 (entries +a +b +c and 2 more)');
  t.is(line({}, { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 }), '~ security-group sg-1 (a - → 1; b - → 1; c - → 1; d - → 1; and 2 more)');
});

test('100,000 entries take no time', (t) => {
  const entries = Array.from({ length: 100_000 }, (_, at) => `10.0.${at}`);
  const before = process.cpuUsage();
  line({ entries }, { entries: entries.toReversed() });
  t.true(process.cpuUsage(before).user < 2_000_000);
});

test('text from elsewhere does not steer the terminal', (t) => {
  t.is(line({ name: 'a' }, { name: '\u001b[31mred\n' }), '~ security-group sg-1 (name a → ?[31mred?)');
});
