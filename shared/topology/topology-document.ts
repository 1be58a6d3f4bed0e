import { Problems, documentOf, shown, type DocumentMap, type Problem } from './document.ts';
import { readPlainYaml } from './plain-yaml.ts';
import { DocumentIndex, checkReferences } from './references.ts';
import { ADDRESS, AGENT_ID, ALL_PROTOCOLS, CIDR, INTERFACE, LOGSTORE_NAME, MAC, NO_PORTS, PORT_RANGE, PROTOCOL, WINDOW } from './spelling.ts';
import { hasPorts } from '../protocol.ts';
import { EMPTY_TOPOLOGY } from './topology.ts';
import type { Eni, FlowLog, LogStore, Peer, PortRange, PrefixList, Rule, SecurityGroup, Topology, VSwitch, Vpc } from './topology.ts';

/** The keys of the document and of each kind of item: what the reference page lists and error texts suggest. */
export const TOPOLOGY_KEYS = {
  document: ['account-id', 'region', 'vpcs', 'vswitches', 'security-groups', 'prefix-lists', 'enis', 'flow-logs', 'logstores'],
  vpc: ['vpc-id', 'name', 'cidrs'],
  vswitch: ['vswitch-id', 'name', 'vpc-id', 'cidr'],
  securityGroup: ['security-group-id', 'name', 'vpc-id', 'type', 'inner-access', 'rules'],
  rule: [
    'rule-id', 'direction', 'policy', 'protocol', 'port-range', 'source-port-range', 'priority',
    'cidr', 'security-group', 'prefix-list',
  ],
  prefixList: ['prefix-list-id', 'name', 'entries'],
  eni: ['eni-id', 'vm-id', 'vswitch-id', 'mac', 'addresses', 'security-groups', 'interface', 'side', 'agent-id'],
  flowLog: [
    'flow-log-id', 'name', 'description', 'resource-type', 'resource-id', 'traffic-type', 'logstore', 'window',
    'analysis-report', 'status',
  ],
  logStore: ['name', 'retention-days', 'retention-bytes', 'search'],
} as const;

const MAX_RETENTION_DAYS = 36_500;

/** What the document adds to. Its items stand in the place of those of `base` with the same id. */
export interface TopologyBase {
  readonly base: Topology;
  /** Of the kinds that the document lists, those of `base` that it does not name are gone; LogStores stay. */
  readonly prune: boolean;
  /** What to do about a reference to nothing; to define it in the document, unless given. */
  readonly wayOut?: string;
}

/** The inventory in a text that can be read without the YAML library; null if it takes that, or parseTopology, to read it. */
export function parsePlainTopology(text: string, source: string): Topology | null {
  const root = readPlainYaml(text);
  if (root === null) return null;
  const problems = new Problems(source);
  return readTopology(documentOf(root, problems, TOPOLOGY_KEYS.document), problems, null);
}

/** `document`: null if it did not open, which is a problem. Everything that is wrong is reported in one ConfigurationError. */
export function readTopology(document: DocumentMap | null, problems: Problems, onto: TopologyBase | null): Topology {
  if (!document) {
    problems.throwIfAny();
    throw new Error('a document that does not open must have a problem');
  }
  const index = new DocumentIndex(problems, onto?.wayOut);
  const base = keptBase(onto, document);
  const vpcs = merged(base.vpcs, document.maps('vpcs', TOPOLOGY_KEYS.vpc)
    .map((map) => index.add('vpc', map, 'vpc-id', readVpc(map), 'vpcId')), 'vpcId');
  const vswitches = merged(base.vswitches, document.maps('vswitches', TOPOLOGY_KEYS.vswitch)
    .map((map) => index.add('vswitch', map, 'vswitch-id', readVSwitch(map), 'vswitchId')), 'vswitchId');
  const prefixLists = merged(base.prefixLists, document.maps('prefix-lists', TOPOLOGY_KEYS.prefixList)
    .map((map) => index.add('prefix-list', map, 'prefix-list-id', readPrefixList(map), 'prefixListId')), 'prefixListId');
  const securityGroups = merged(base.securityGroups, document.maps('security-groups', TOPOLOGY_KEYS.securityGroup)
    .map((map) => index.add('security-group', map, 'security-group-id', readSecurityGroup(map, index), 'securityGroupId')), 'securityGroupId');
  const vpcOfVSwitch = new Map(vswitches.map((vswitch) => [vswitch.vswitchId, vswitch.vpcId]));
  const movedEnis = vswitches === base.vswitches ? base.enis : base.enis.map((eni) => inVpcOfVSwitch(eni, vpcOfVSwitch));
  const enis = merged(movedEnis, document.maps('enis', TOPOLOGY_KEYS.eni)
    .map((map) => index.add('eni', map, 'eni-id', inVpcOfVSwitch(readEni(map), vpcOfVSwitch), 'eniId')), 'eniId');
  const logStores = merged(base.logStores, document.maps('logstores', TOPOLOGY_KEYS.logStore)
    .map((map) => index.add('logstore', map, 'name', readLogStore(map), 'name')), 'name');
  const flowLogs = merged(base.flowLogs, document.maps('flow-logs', TOPOLOGY_KEYS.flowLog)
    .map((map) => index.add('flow-log', map, 'flow-log-id', readFlowLog(map), 'flowLogId')), 'flowLogId');
  const topology: Topology = {
    accountId: document.id('account-id') ?? base.accountId, region: document.id('region') ?? base.region,
    vpcs, vswitches, securityGroups, prefixLists, enis, flowLogs, logStores,
  };
  index.addBase(topology);
  checkReferences(topology, index, onto !== null || document.has('logstores'));
  problems.throwIfAny();
  return topology;
}

/** Where items refer to what is not there, or do not fit each other, and why: after some were taken away, for example. */
export function referenceProblems(topology: Topology): readonly Pick<Problem, 'path' | 'text'>[] {
  const problems = new Problems('');
  const index = new DocumentIndex(problems);
  index.addBase(topology);
  checkReferences(topology, index, true);
  return problems.found;
}

function keptBase(onto: TopologyBase | null, document: DocumentMap): Topology {
  if (onto === null) return EMPTY_TOPOLOGY;
  const { base, prune } = onto;
  const kept = <T>(key: string, items: readonly T[]): readonly T[] => (prune && document.has(key) ? [] : items);
  return {
    accountId: base.accountId, region: base.region,
    vpcs: kept('vpcs', base.vpcs), vswitches: kept('vswitches', base.vswitches), securityGroups: kept('security-groups', base.securityGroups),
    prefixLists: kept('prefix-lists', base.prefixLists), enis: kept('enis', base.enis), flowLogs: kept('flow-logs', base.flowLogs),
    // they hold data
    logStores: base.logStores,
  };
}

/** In the order of `base`, new ones behind. */
function merged<T, K extends keyof T>(base: readonly T[], items: readonly T[], id: K): readonly T[] {
  if (base.length === 0) return items;
  if (items.length === 0) return base;
  const given = new Map(items.map((item) => [item[id], item]));
  const known = new Set(base.map((item) => item[id]));
  return [...base.map((item) => given.get(item[id]) ?? item), ...items.filter((item) => !known.has(item[id]))];
}

function inVpcOfVSwitch(eni: Eni, vpcOfVSwitch: ReadonlyMap<string, string>): Eni {
  const vpcId = eni.vswitchId === null ? null : vpcOfVSwitch.get(eni.vswitchId) ?? null;
  return vpcId === eni.vpcId ? eni : { ...eni, vpcId };
}

function readVpc(map: DocumentMap): Vpc {
  const vpcId = map.requiredId('vpc-id');
  return { vpcId, name: map.text('name') ?? vpcId, cidrs: map.parsedList('cidrs', CIDR) };
}

function readVSwitch(map: DocumentMap): VSwitch {
  const vswitchId = map.requiredId('vswitch-id');
  return { vswitchId, name: map.text('name') ?? vswitchId, vpcId: map.requiredId('vpc-id'), cidr: map.parsed('cidr', CIDR) };
}

function readPrefixList(map: DocumentMap): PrefixList {
  const prefixListId = map.requiredId('prefix-list-id');
  return { prefixListId, name: map.text('name') ?? prefixListId, entries: map.parsedList('entries', CIDR) };
}

function readSecurityGroup(map: DocumentMap, index: DocumentIndex): SecurityGroup {
  const securityGroupId = map.requiredId('security-group-id');
  const type = map.choice('type', ['basic', 'advanced'], 'basic');
  const innerAccess = map.choice('inner-access', ['accept', 'drop'], type === 'basic' ? 'accept' : 'drop') === 'accept';
  if (type === 'advanced' && innerAccess) map.reject('inner-access', 'an advanced group has no inner access; drop, or leave it out');
  const ruleIds = new Set<string>();
  const rules = map.maps('rules', TOPOLOGY_KEYS.rule).map((ruleMap) => {
    const rule = readRule(ruleMap);
    if (ruleIds.has(rule.ruleId) && rule.ruleId !== '') ruleMap.reject('rule-id', `${shown(rule.ruleId)} is the id of an earlier rule of this group`);
    ruleIds.add(rule.ruleId);
    index.addRule(ruleMap, rule);
    return rule;
  });
  return { securityGroupId, name: map.text('name') ?? securityGroupId, vpcId: map.id('vpc-id'), type, innerAccess, rules };
}

function readRule(map: DocumentMap): Rule {
  const protocol = map.required('protocol', PROTOCOL, ALL_PROTOCOLS);
  return {
    ruleId: map.requiredId('rule-id'),
    direction: map.choice('direction', ['ingress', 'egress']),
    policy: map.choice('policy', ['accept', 'drop']),
    protocol: protocol === ALL_PROTOCOLS ? null : protocol,
    portRange: readPortRange(map, 'port-range', protocol),
    sourcePortRange: readPortRange(map, 'source-port-range', protocol),
    peer: readPeer(map),
    priority: map.integer('priority', 1, 100) ?? 1,
  };
}

/** Ports with `all` are allowed: such a rule is for every protocol that has ports. */
function readPortRange(map: DocumentMap, key: string, protocol: number): PortRange | null {
  const range = map.parsed(key, PORT_RANGE);
  if (!range || range === NO_PORTS) return null;
  if (protocol !== ALL_PROTOCOLS && !hasPorts(protocol)) {
    map.reject(key, `protocol ${map.parsed('protocol', { parse: (text) => text, expected: '' })} has no ports; write -1/-1`);
  }
  return range;
}

const PEER_KEYS = ['cidr', 'security-group', 'prefix-list'] as const;

function readPeer(map: DocumentMap): Peer {
  const given = PEER_KEYS.filter((key) => map.has(key));
  if (given.length === 0) map.reject('cidr', `the rule has no peer; give one of ${PEER_KEYS.join(', ')} (cidr: 0.0.0.0/0 is every IPv4 address)`);
  if (given.length > 1) map.reject(given[1]!, `the rule has ${given.length} peers, ${given.join(' and ')}; keep one`);
  const cidr = map.parsed('cidr', CIDR);
  if (given[0] === 'security-group') return { kind: 'security-group', securityGroupId: map.requiredId('security-group') };
  if (given[0] === 'prefix-list') return { kind: 'prefix-list', prefixListId: map.requiredId('prefix-list') };
  return { kind: 'cidr', cidr: cidr ?? '' };
}

function readEni(map: DocumentMap): Eni {
  const vswitchId = map.id('vswitch-id');
  const side = map.has('side') ? map.choice('side', ['host', 'guest']) : null;
  return {
    eniId: map.requiredId('eni-id'),
    vmId: map.id('vm-id'),
    vswitchId,
    vpcId: null,
    mac: map.parsed('mac', MAC),
    addresses: map.parsedList('addresses', ADDRESS),
    securityGroups: map.ids('security-groups'),
    interface: map.parsed('interface', INTERFACE),
    side,
    agentId: map.parsed('agent-id', AGENT_ID),
  };
}

function readFlowLog(map: DocumentMap): FlowLog {
  const flowLogId = map.requiredId('flow-log-id');
  return {
    flowLogId,
    name: map.text('name') ?? flowLogId,
    description: map.text('description') ?? '',
    resourceType: map.choice('resource-type', ['ENI', 'VSwitch', 'VPC']),
    resourceId: map.requiredId('resource-id'),
    trafficType: map.choice('traffic-type', ['All', 'Allow', 'Drop'], 'All'),
    logStore: map.required('logstore', LOGSTORE_NAME, ''),
    windowSeconds: map.parsed('window', WINDOW) ?? 600,
    analysisReport: map.flag('analysis-report', false),
    status: map.choice('status', ['Active', 'Inactive'], 'Active'),
  };
}

function readLogStore(map: DocumentMap): LogStore {
  return {
    name: map.required('name', LOGSTORE_NAME, ''),
    retentionDays: map.integer('retention-days', 1, MAX_RETENTION_DAYS),
    retentionBytes: map.integer('retention-bytes', 1, Number.MAX_SAFE_INTEGER),
    search: map.flag('search', false),
  };
}
