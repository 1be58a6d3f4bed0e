import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { ruleDiff, type RuleChange } from '../../../aggregator/control/rule-diff.ts';
import { RuleRevisions } from '../../../aggregator/control/rule-revisions.ts';
import { partChanges, ruleSetOf, type RuleSet } from '../../../aggregator/control/rule-set.ts';
import { topologyDocument } from '../../../shared/topology/export.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';
import { EMPTY_TOPOLOGY, type Topology } from '../../../shared/topology/topology.ts';
import { topologies } from '../../shared/topology/arbitrary-topology.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

/** What is said of a topology without any history. */
function wholeRuleSet({ securityGroups, prefixLists, enis }: Topology): RuleSet {
  const document = topologyDocument({ ...EMPTY_TOPOLOGY, securityGroups, prefixLists });
  const byId = (key: string, id: string) => new Map((document[key] as Record<string, unknown>[]).map((item) => [String(item[id]), item]));
  return {
    securityGroups: byId('security-groups', 'security-group-id'), prefixLists: byId('prefix-lists', 'prefix-list-id'),
    enis: new Map(enis.filter((eni) => eni.securityGroups.length > 0).map((eni) => [eni.eniId, { 'security-groups': eni.securityGroups, 'addresses': eni.addresses }])),
  };
}

const sorted = (ruleSet: RuleSet) => [ruleSet.securityGroups, ruleSet.prefixLists, ruleSet.enis].map((parts) => [...parts].sort(([a], [b]) => (a < b ? -1 : 1)));

async function follow(revisions: RuleRevisions, topology: Topology): Promise<number> {
  const revision = await revisions.revisionOf(topology, '2026-01-01T00:00:00.000Z', 'tok-1');
  revisions.use(revision, topology);
  return revision;
}

test('a sequence of rule sets: the same rules have the same number, and each number is read back as it was', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(topologies(4), fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 8 }), async (steps) => {
    const directory = join(temporaryDirectory(t), 'rule-sets');
    let revisions = await RuleRevisions.open(directory, 0, EMPTY_TOPOLOGY);
    const known: RuleSet[] = [];
    let current: Topology = EMPTY_TOPOLOGY;
    let revision = 0;
    for (const [drawn, isEqual, isReopened] of steps) {
      // equal, but of other objects
      const next = isEqual ? structuredClone(current) : drawn;
      if (isReopened) revisions = await RuleRevisions.open(directory, revision, structuredClone(current));
      const isSame = partChanges(current, next).length === 0;
      const number = await follow(revisions, next);
      t.is(number, isSame ? revision : revision + 1);
      if (isEqual) t.true(isSame);
      if (!isSame) known.push(wholeRuleSet(next));
      [current, revision] = [next, number];
    }
    for (const [at, ruleSet] of known.entries()) {
      const read = await revisions.read(at + 1);
      t.is(read.revision, at + 1);
      t.deepEqual(sorted(read), sorted(ruleSet));
    }
    const history = await revisions.history(Infinity, 100);
    t.deepEqual(history.map((one) => one.revision), known.map((_, at) => at + 1).reverse());
    t.deepEqual(history.map((one) => one['security-groups']), known.map(({ securityGroups }) => securityGroups.size).reverse());
  }), { numRuns: 30 });
});

test('two rule sets differ by what their difference says', (t) => {
  fc.assert(fc.property(topologies(4), topologies(4), (before, after) => {
    const [a, b] = [wholeRuleSet(before), wholeRuleSet(after)];
    const changes = ruleDiff(a, b);
    t.deepEqual(comparable(applied(a, changes)), comparable(b));
    t.deepEqual(ruleDiff(a, a), []);
    t.is(changes.length === 0, JSON.stringify(comparable(a)) === JSON.stringify(comparable(b)));
  }), { numRuns: 200 });
});

/** Entries of a prefix list have no order. */
function comparable(ruleSet: RuleSet) {
  const lists = new Map([...ruleSet.prefixLists].map(([id, list]) => [id, { ...list, entries: (list['entries'] as string[]).toSorted() }]));
  return sorted({ ...ruleSet, prefixLists: lists });
}

type Item = Record<string, unknown>;

/** What a reader of the difference would make of `a`. */
function applied(a: RuleSet, changes: readonly RuleChange[]): RuleSet {
  const groups = new Map([...a.securityGroups].map(([id, group]) => [id, { ...group, rules: [...group['rules'] as Item[]] } as Item]));
  const lists = new Map([...a.prefixLists].map(([id, list]) => [id, { ...list, entries: [...list['entries'] as string[]] } as Item]));
  const enis = new Map(a.enis);
  for (const { kind, id, item, before, after } of changes) {
    if (kind === 'eni') {
      put(enis, id, after as Item | null);
    } else if (kind === 'security-group') {
      put(groups, id, after === null ? null : { ...after as Item, rules: groups.get(id)?.['rules'] ?? [] });
    } else if (kind === 'prefix-list') {
      put(lists, id, after === null ? null : { 'prefix-list-id': id, 'name': after, 'entries': lists.get(id)?.['entries'] ?? [] });
    } else if (kind === 'entry') {
      const list = lists.get(id);
      if (list) list['entries'] = [...(list['entries'] as string[]).filter((entry) => entry !== before), ...(after === null ? [] : [after as string])];
    } else {
      const group = groups.get(id);
      if (!group) continue;
      const rules = group['rules'] as Item[];
      const at = rules.findIndex((rule) => rule['rule-id'] === item);
      if (after === null) rules.splice(at, 1);
      else if (at >= 0) rules[at] = after as Item;
      else rules.push(after as Item);
    }
  }
  for (const group of groups.values()) {
    const order = group['rule-order'] as string[] | undefined;
    delete group['rule-order'];
    if (order) (group['rules'] as Item[]).sort((x, y) => order.indexOf(String(x['rule-id'])) - order.indexOf(String(y['rule-id'])));
  }
  return { securityGroups: groups, prefixLists: lists, enis };
}

function put<T>(map: Map<string, T>, id: string, value: T | null): void {
  if (value === null) map.delete(id);
  else map.set(id, value);
}

const GROUP = (rules: string): Topology => parseTopology(`security-groups: [{security-group-id: sg-1, rules: [${rules}]}]`, 'test');
const RULE = (id: string): string => `{rule-id: ${id}, direction: ingress, policy: accept, protocol: tcp, cidr: 0.0.0.0/0}`;

test('the order of rules decides between those of one priority, so it is told where it changes', (t) => {
  const diff = (a: string[], b: string[]) => ruleDiff(wholeRuleSet(GROUP(a.map(RULE).join())), wholeRuleSet(GROUP(b.map(RULE).join())));
  t.like(diff(['a', 'b'], ['b', 'a']), [{ kind: 'security-group', id: 'sg-1', item: null, before: { 'rule-order': ['a', 'b'] }, after: { 'rule-order': ['b', 'a'] } }]);
  t.deepEqual(diff(['a', 'b'], ['a', 'b', 'c']).map(({ kind, item }) => [kind, item]), [['rule', 'c']]);
  t.deepEqual(diff(['a', 'b'], ['c', 'a', 'b']).map(({ kind, item }) => [kind, item]), [['security-group', null], ['rule', 'c']]);
  t.deepEqual(diff(['a', 'b', 'c'], ['a', 'c']).map(({ kind, item }) => [kind, item]), [['rule', 'b']]);
});

test('what an ENI is in makes a revision, whatever its verdicts depend on', async (t) => {
  const revisions = await RuleRevisions.open(join(temporaryDirectory(t), 'r'), 0, EMPTY_TOPOLOGY);
  const topology = (enis: string): Topology => parseTopology(`security-groups: [{security-group-id: sg-1}, {security-group-id: sg-2}]\nenis: [${enis}]`, 'test');
  const numbers: number[] = [];
  for (const enis of [
    '{eni-id: e, mac: "02:00:00:00:00:01", security-groups: [sg-1]}', '{eni-id: e, mac: "02:00:00:00:00:01", security-groups: [sg-2]}',
    '{eni-id: e, mac: "02:00:00:00:00:01", security-groups: [sg-2, sg-1]}', '{eni-id: e, mac: "02:00:00:00:00:01", security-groups: [sg-1, sg-2]}',
    '{eni-id: e, mac: "02:00:00:00:00:02", security-groups: [sg-1, sg-2]}', '{eni-id: e, mac: "02:00:00:00:00:02"}', '',
  ]) numbers.push(await follow(revisions, topology(enis)));
  t.deepEqual(numbers, [1, 2, 3, 4, 4, 5, 5]);
  t.deepEqual(ruleDiff(await revisions.read(2), await revisions.read(3)), [{
    kind: 'eni', id: 'e', item: null, before: { 'security-groups': ['sg-2'], 'addresses': [] }, after: { 'security-groups': ['sg-2', 'sg-1'], 'addresses': [] },
  }]);
});

test('a revision that nothing has named gives its number away; one that has been named never does', async (t) => {
  const directory = join(temporaryDirectory(t), 'r');
  const before = await RuleRevisions.open(directory, 0, EMPTY_TOPOLOGY);
  await follow(before, GROUP(RULE('a')));
  t.is(await before.revisionOf(GROUP(RULE('lost')), '', ''), 2);
  const after = await RuleRevisions.open(directory, 1, GROUP(RULE('a')));
  await t.throwsAsync(after.read(2), { message: /there is no revision 2 of the rules; there are 1 to 1/ });
  t.is(await follow(after, GROUP(RULE('b'))), 2);
  t.is(((await after.read(2)).securityGroups.get('sg-1')!['rules'] as Item[])[0]!['rule-id'], 'b');
  // the state was moved away
  t.is(RuleRevisions.lastIn(directory), 2);
  const anew = await RuleRevisions.open(directory, 2, EMPTY_TOPOLOGY);
  t.is(await follow(anew, parseTopology('security-groups: [{security-group-id: sg-2}]', 'test')), 3);
  t.deepEqual([...(await anew.read(3)).securityGroups.keys()], ['sg-2']);
  t.is(((await anew.read(2)).securityGroups.get('sg-1')!['rules'] as Item[])[0]!['rule-id'], 'b');
});

test('a revision costs what has changed, and no more than 256 files are read for one', async (t) => {
  const directory = join(temporaryDirectory(t), 'r');
  const revisions = await RuleRevisions.open(directory, 0, EMPTY_TOPOLOGY);
  const many = Array.from({ length: 200 }, (_, i) => `{eni-id: e${i}, addresses: [10.0.${i}.1], security-groups: [sg-1]}`);
  const topology = (i: number): Topology => parseTopology(`security-groups: [{security-group-id: sg-1, rules: [${RULE(`r${i}`)}]}]\nenis: [${many.join()}]`, 'test');
  const base = topology(0);
  for (let i = 1; i <= 300; i++) await follow(revisions, { ...base, securityGroups: GROUP(RULE(`r${i}`)).securityGroups });
  const sizes = readdirSync(directory).map((name) => readFileSync(join(directory, name)).length);
  t.deepEqual([sizes.filter((size) => size > 5000).length, Math.max(...sizes.filter((size) => size <= 5000)) < 600], [2, true]);
  for (const revision of [1, 2, 256, 257, 258, 300]) {
    const { securityGroups, enis } = await revisions.read(revision);
    t.deepEqual([(securityGroups.get('sg-1')!['rules'] as Item[])[0]!['rule-id'], enis.size], [`r${revision}`, 200]);
  }
  t.is((JSON.parse(readFileSync(join(directory, '00000257.json'), 'utf8')) as Item)['after'], null);
});

test('parts of a rule set may have any name', (t) => {
  const topology = parseTopology('security-groups: [{security-group-id: __proto__}]\nenis: [{eni-id: constructor, security-groups: [__proto__]}]', 'test');
  const { securityGroups, enis } = ruleSetOf(JSON.parse(JSON.stringify(partChanges(EMPTY_TOPOLOGY, topology))));
  t.deepEqual([[...securityGroups.keys()], [...enis.keys()]], [['__proto__'], ['constructor']]);
});
