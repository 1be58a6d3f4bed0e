import test from 'ava';
import fc from 'fast-check';
import { ConfigurationError } from '../../../shared/topology/document.ts';
import { topologyDocument } from '../../../shared/topology/export.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';
import { referenceProblems } from '../../../shared/topology/topology-document.ts';
import type { Topology } from '../../../shared/topology/topology.ts';
import { topologies } from './arbitrary-topology.ts';

const BASE = parseTopology(`
account-id: "1"
region: r
vpcs: [{vpc-id: vpc-1}, {vpc-id: vpc-2}]
vswitches: [{vswitch-id: vsw-1, vpc-id: vpc-1}]
security-groups: [{security-group-id: sg-1, rules: [{rule-id: r, direction: ingress, policy: accept, protocol: all, prefix-list: pl-1}]}]
prefix-lists: [{prefix-list-id: pl-1}]
enis: [{eni-id: eni-1, vswitch-id: vsw-1, security-groups: [sg-1], mac: "02:00:00:00:00:01"}, {eni-id: eni-2, addresses: [10.0.0.2]}]
logstores: [{name: flows}, {name: other}]
flow-logs: [{flow-log-id: fl-1, resource-type: VPC, resource-id: vpc-1, logstore: flows}]
`, 'base');

const onto = (text: string, prune = false, base = BASE): Topology => parseTopology(text, 'f', { base, prune });
const refusal = (text: string, prune = false): string => {
  try {
    onto(text, prune);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  return 'none';
};

test('a document onto what is there already changes nothing; onto nothing it is all there is', (t) => {
  fc.assert(fc.property(topologies(), (topology) => {
    const text = JSON.stringify(topologyDocument(topology));
    for (const prune of [false, true]) {
      t.deepEqual(onto(text, prune, topology), topology);
      t.deepEqual(onto('{}', prune, topology), topology);
    }
    t.deepEqual(onto(text, false, { ...topology, vpcs: [], vswitches: [], securityGroups: [], prefixLists: [], enis: [], flowLogs: [], logStores: [] }), topology);
  }), { numRuns: 60 });
});

test('pruned by one of two topologies, the other is left of the kinds that it lists', (t) => {
  fc.assert(fc.property(topologies(), topologies(), (a, b) => {
    const { logStores, ...rest } = onto(JSON.stringify(topologyDocument(b)), true, a);
    const { logStores: given, ...expected } = b;
    t.deepEqual({ ...rest, enis: rest.enis.toSorted(byId) }, { ...expected, region: b.region ?? a.region, enis: expected.enis.toSorted(byId) });
    t.deepEqual(logStores, given.length > 0 ? given : a.logStores);
  }), { numRuns: 60 });
});

function byId(a: { eniId: string }, b: { eniId: string }): number {
  return a.eniId < b.eniId ? -1 : 1;
}

test('an item stands in the place of the one with its id, new ones behind; the others are the same objects', (t) => {
  const next = onto('enis: [{eni-id: eni-3, agent-id: a}, {eni-id: eni-1, vswitch-id: vsw-1, security-groups: [sg-1]}]');
  t.deepEqual(next.enis.map(({ eniId, mac, vpcId }) => [eniId, mac, vpcId]), [['eni-1', null, 'vpc-1'], ['eni-2', null, null], ['eni-3', null, null]]);
  t.is(next.enis[1], BASE.enis[1]);
  for (const list of ['vpcs', 'vswitches', 'securityGroups', 'prefixLists', 'logStores', 'flowLogs'] as const) t.is(next[list], BASE[list]);
  t.deepEqual([next.accountId, next.region], ['1', 'r']);
  t.is(onto('region: elsewhere').region, 'elsewhere');
});

test('a VSwitch that moves to another VPC takes its ENIs along', (t) => {
  t.deepEqual(onto('vswitches: [{vswitch-id: vsw-1, vpc-id: vpc-2}]').enis.map(({ vpcId }) => vpcId), ['vpc-2', null]);
});

test('prune takes what a listed kind leaves out, never LogStores, and nothing of kinds that are not listed', (t) => {
  const next = onto('enis: [{eni-id: eni-2}]\nlogstores: [{name: third}]\nflow-logs: []', true);
  t.deepEqual(next.enis.map(({ eniId }) => eniId), ['eni-2']);
  t.deepEqual(next.flowLogs, []);
  t.deepEqual(next.logStores.map(({ name }) => name), ['flows', 'other', 'third']);
  t.is(next.vpcs, BASE.vpcs);
  // a key without a value lists nothing
  t.is(onto('enis:', true).enis, BASE.enis);
});

for (const [what, text, prune, expected] of [
  ['a reference to nothing', 'enis: [{eni-id: eni-9, security-groups: [sg-9]}]', false, /^f:1: enis\[0\]\.security-groups: there is no security-group "sg-9"; did you mean sg-1\?$/],
  ['what is pruned is still referred to', 'security-groups: []', true, /^f:1: eni eni-1: security-groups: there is no security-group "sg-1"/],
  ['an ENI under a pruned VSwitch', 'vswitches: []', true, /^f:1: eni eni-1: vswitch-id: there is no vswitch "vsw-1"/],
  ['a flow log of a pruned VPC', 'vpcs: [{vpc-id: vpc-2}]\nvswitches: []\nenis: []', true, /^f:1: flow-log fl-1: resource-id: there is no vpc "vpc-1"/],
  ['a rule of the base whose list is pruned', 'prefix-lists: []', true, /^f:1: rule r of security-group sg-1: prefix-list: there is no prefix-list "pl-1"/],
  ['a group of the base that becomes another type', 'security-groups: [{security-group-id: sg-2}]\nenis: [{eni-id: eni-2, security-groups: [sg-2, sg-3]}]', false, /there is no security-group "sg-3"/],
  ['a MAC address that an ENI of the base has', 'enis: [{eni-id: eni-3, mac: "02:00:00:00:00:01"}]', false, /^f:1: enis\[0\]\.mac: 02:00:00:00:00:01 is also the MAC address of eni-1/],
  ['an address that an ENI of the base has, spelled otherwise', 'enis: [{eni-id: eni-3, addresses: ["::ffff:10.0.0.2"]}]', false, /is also an address of eni-2/],
  ['a flow log without its LogStore', 'flow-logs: [{flow-log-id: fl-2, resource-type: ENI, resource-id: eni-1, logstore: flow}]', false, /logstore: there is no logstore "flow"; did you mean flows\?/],
  ['one id twice in the document', 'vpcs: [{vpc-id: vpc-3}, {vpc-id: vpc-3}]', false, /is the id of an earlier vpc/],
] as const) {
  test(`refused: ${what}`, (t) => {
    t.regex(refusal(text, prune), expected);
  });
}

test('names that are special elsewhere are names here', (t) => {
  const next = onto('enis: [{eni-id: __proto__, security-groups: [constructor]}]\nsecurity-groups: [{security-group-id: constructor}]');
  t.deepEqual(next.enis.at(-1)!.eniId, '__proto__');
  t.is(onto('enis: [{eni-id: __proto__}]', true, next).enis.length, 1);
});

test('what refers to a missing item is named', (t) => {
  t.deepEqual(referenceProblems(BASE), []);
  t.deepEqual(referenceProblems({ ...BASE, vpcs: [] }).map(({ path }) => path), ['vswitch vsw-1: vpc-id', 'flow-log fl-1: resource-id']);
});
