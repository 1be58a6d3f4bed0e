import fc from 'fast-check';
import { hasPorts } from '../../../shared/protocol.ts';
import type { Eni, FlowLog, Peer, PortRange, Rule, SecurityGroup, Topology } from '../../../shared/topology/topology.ts';

/** Valid topologies at random, small and dense: few distinct addresses, ports and priorities, so that things meet. */

const GROUP_COUNT = 4;
const LIST_COUNT = 2;
/** Addresses that packets and ENIs use; the CIDRs below cut them in many ways. */
export const ADDRESSES = [
  '10.0.0.1', '10.0.0.2', '10.0.0.129', '10.0.1.1', '10.255.255.255', '192.0.2.1', '0.0.0.0', '255.255.255.255', '128.0.0.1',
  '2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', '2001:db8:ffff::1', 'fe80::1', '::', '::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
] as const;
const CIDRS = [
  '0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/24', '10.0.0.0/25', '10.0.0.1/32', '10.0.0.0/31', '192.0.2.0/24', '128.0.0.0/1', '255.255.255.255/32',
  '::/0', '2001:db8::/32', '2001:db8::/64', '2001:db8::1/128', '2001:db8::/127', '8000::/1', 'fe80::/10', '::/96', '::ffff:0:0/96',
] as const;
export const PORTS = [0, 1, 22, 53, 80, 443, 1024, 40000, 65535] as const;
export const PROTOCOLS = [0, 1, 6, 17, 33, 47, 58, 132, 136, 255] as const;

const port = fc.constantFrom(...PORTS);
const portRange: fc.Arbitrary<PortRange> = fc.tuple(port, port).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));

const peer: fc.Arbitrary<Peer> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...CIDRS).map((cidr) => ({ kind: 'cidr' as const, cidr })) },
  { weight: 1, arbitrary: fc.nat(GROUP_COUNT - 1).map((at) => ({ kind: 'security-group' as const, securityGroupId: `sg-${at}` })) },
  { weight: 1, arbitrary: fc.nat(LIST_COUNT - 1).map((at) => ({ kind: 'prefix-list' as const, prefixListId: `pl-${at}` })) },
);

const rule: fc.Arbitrary<Omit<Rule, 'ruleId'>> = fc.record({
  direction: fc.constantFrom('ingress', 'egress'),
  policy: fc.constantFrom('accept', 'drop'),
  protocol: fc.option(fc.constantFrom(...PROTOCOLS), { nil: null }),
  portRange: fc.option(portRange, { nil: null }),
  sourcePortRange: fc.option(portRange, { nil: null, freq: 1 }),
  peer,
  priority: fc.constantFrom(1, 1, 2, 100),
}).map((drawn) => (drawn.protocol === null || hasPorts(drawn.protocol) ? drawn : { ...drawn, portRange: null, sourcePortRange: null }));

export function ruleLists(maxRules: number): fc.Arbitrary<Rule[]> {
  return fc.array(rule, { maxLength: maxRules }).map((rules) => rules.map((drawn, at) => ({ ruleId: `r-${at}`, ...drawn })));
}

function group(at: number, maxRules: number): fc.Arbitrary<SecurityGroup> {
  return fc.record({ type: fc.constantFrom('basic', 'advanced'), inner: fc.boolean(), rules: ruleLists(maxRules) })
    .map(({ type, inner, rules }) => ({
      securityGroupId: `sg-${at}`, name: `group ${at}`, vpcId: null, type, innerAccess: type === 'basic' && inner, rules,
    }));
}

interface EniDraw { addresses: string[]; groups: string[]; vswitch: boolean; side: Eni['side'] }

const eniDraw: fc.Arbitrary<EniDraw> = fc.record({
  addresses: fc.uniqueArray(fc.constantFrom(...ADDRESSES), { maxLength: 3 }),
  groups: fc.subarray(Array.from({ length: GROUP_COUNT }, (_, at) => `sg-${at}`)).chain((ids) => fc.shuffledSubarray(ids, { minLength: ids.length })),
  vswitch: fc.boolean(),
  side: fc.constantFrom('host', 'guest', null),
});

function eni(draw: EniDraw, at: number, groups: readonly SecurityGroup[]): Eni {
  const types = new Map(groups.map((drawn) => [drawn.securityGroupId, drawn.type]));
  return {
    eniId: `eni-${at}`, vmId: at % 2 ? null : `i-${at}`, vswitchId: draw.vswitch ? 'vsw-1' : null, vpcId: draw.vswitch ? 'vpc-1' : null,
    mac: at % 3 ? `02:00:00:00:00:0${at}` : null, addresses: draw.addresses,
    securityGroups: draw.groups.filter((id) => types.get(id) === types.get(draw.groups[0]!)),
    interface: `tap${at}`, side: draw.side, agentId: at % 3 ? null : `host-${at}`,
  };
}

const flowLog: fc.Arbitrary<FlowLog> = fc.record({
  flowLogId: fc.constant('fl-1'), name: fc.constantFrom('fl-1', 'a "name": with # signs'), description: fc.constantFrom('', '- text'),
  resourceType: fc.constant('VSwitch'), resourceId: fc.constant('vsw-1'), trafficType: fc.constantFrom('All', 'Allow', 'Drop'),
  logStore: fc.constant('flows'), windowSeconds: fc.constantFrom(1, 60, 600), analysisReport: fc.boolean(),
  status: fc.constantFrom('Active', 'Inactive'),
});

export function topologies(maxRules = 12): fc.Arbitrary<Topology> {
  return fc.record({
    groups: fc.tuple(...Array.from({ length: GROUP_COUNT }, (_, at) => group(at, maxRules))),
    lists: fc.tuple(...Array.from({ length: LIST_COUNT }, () => fc.uniqueArray(fc.constantFrom(...CIDRS), { maxLength: 4 }))),
    enis: fc.array(eniDraw, { minLength: 1, maxLength: 4 }),
    flowLog: fc.option(flowLog),
    region: fc.constantFrom(null, 'cn-hangzhou'),
  }).map(({ groups, lists, enis, flowLog: log, region }) => ({
    accountId: '0123', region,
    vpcs: [{ vpcId: 'vpc-1', name: 'main', cidrs: ['10.0.0.0/8'] }],
    vswitches: [{ vswitchId: 'vsw-1', name: 'vsw-1', vpcId: 'vpc-1', cidr: null }],
    securityGroups: groups,
    prefixLists: lists.map((entries, at) => ({ prefixListId: `pl-${at}`, name: `list ${at}`, entries })),
    enis: enis.map((draw, at) => eni(draw, at, groups)),
    flowLogs: log ? [log] : [],
    logStores: log ? [{ name: 'flows', retentionDays: 7, retentionBytes: null, search: true }] : [],
  }));
}
