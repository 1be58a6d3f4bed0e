import { shown, type DocumentMap, type Problems } from './document.ts';
import { nearestName } from '../nearest-name.ts';
import { parseAddress } from '../address.ts';
import { MAX_ENIS } from '../flow-key.ts';
import { EMPTY_TOPOLOGY, type Eni, type Rule, type SecurityGroup, type Topology } from './topology.ts';

type ItemKind = 'vpc' | 'vswitch' | 'security-group' | 'prefix-list' | 'eni' | 'flow-log' | 'logstore';

/** Which ids the document defines, and where each item was read. */
export class DocumentIndex {
  private readonly problems: Problems;
  private readonly ids = new Map<ItemKind, Set<string>>();
  private readonly maps = new Map<object, DocumentMap>();
  /** Also of items that the document does not hold. */
  private topology: Topology = EMPTY_TOPOLOGY;
  private readonly wayOut: string;
  readonly rules: Rule[] = [];

  /** `wayOut`: what to do about an id that nothing has. */
  constructor(problems: Problems, wayOut = 'define it in this document') {
    this.problems = problems;
    this.wayOut = wayOut;
  }

  /** An empty id is one that could not be read. */
  add<T extends object, K extends keyof T>(kind: ItemKind, map: DocumentMap, key: string, item: T, idOf: K): T {
    this.maps.set(item, map);
    let ids = this.ids.get(kind);
    if (!ids) this.ids.set(kind, ids = new Set());
    const id = String(item[idOf]);
    if (id === '') return item;
    if (ids.has(id)) map.reject(key, `${shown(id)} is the id of an earlier ${kind}`);
    ids.add(id);
    return item;
  }

  /** The whole topology, also what the document does not hold: the document may refer to it. */
  addBase(topology: Topology): void {
    this.topology = topology;
    for (const [kind, ids] of namedItems(topology)) {
      const known = this.ids.get(kind);
      if (known) for (const id of ids.keys()) known.add(id);
      else this.ids.set(kind, new Set(ids.keys()));
    }
    for (const group of topology.securityGroups) if (!this.maps.has(group)) for (const rule of group.rules) this.rules.push(rule);
  }

  addRule(map: DocumentMap, rule: Rule): void {
    this.maps.set(rule, map);
    this.rules.push(rule);
  }

  /** Notes a problem unless the item's key names something that the document defines. */
  check(item: object, key: string, kind: ItemKind, id: string | null): void {
    const ids = this.ids.get(kind);
    if (id === null || id === '' || ids?.has(id)) return;
    const near = nearestName(id, [...ids ?? []].slice(0, 1000));
    this.reject(item, key, `there is no ${kind} ${shown(id)}; ${near ? `did you mean ${near}?` : this.wayOut}`);
  }

  reject(item: object, key: string, text: string): void {
    const map = this.maps.get(item);
    this.problems.add(map ? map.place(key) : { path: `${this.nameOf(item)}: ${key}`, line: 1 }, text);
  }

  /** Of an item that the document does not hold. */
  private nameOf(item: object): string {
    for (const [kind, items] of namedItems(this.topology)) {
      for (const [id, known] of items) if (known === item) return `${kind} ${id}`;
    }
    const group = this.topology.securityGroups.find(({ rules }) => rules.includes(item as Rule));
    return `rule ${(item as Rule).ruleId} of security-group ${group?.securityGroupId ?? ''}`;
  }
}

function namedItems(topology: Topology): [ItemKind, Map<string, object>][] {
  const named = <T extends object>(items: readonly T[], idOf: (item: T) => string): Map<string, T> => new Map(items.map((item) => [idOf(item), item]));
  return [
    ['vpc', named(topology.vpcs, ({ vpcId }) => vpcId)],
    ['vswitch', named(topology.vswitches, ({ vswitchId }) => vswitchId)],
    ['security-group', named(topology.securityGroups, ({ securityGroupId }) => securityGroupId)],
    ['prefix-list', named(topology.prefixLists, ({ prefixListId }) => prefixListId)],
    ['eni', named(topology.enis, ({ eniId }) => eniId)],
    ['flow-log', named(topology.flowLogs, ({ flowLogId }) => flowLogId)],
    ['logstore', named(topology.logStores, ({ name }) => name)],
  ];
}

/** What one item says about another, after all have been read. */
export function checkReferences(topology: Topology, index: DocumentIndex, logStoresGiven: boolean): void {
  for (const vswitch of topology.vswitches) index.check(vswitch, 'vpc-id', 'vpc', vswitch.vpcId);
  for (const group of topology.securityGroups) index.check(group, 'vpc-id', 'vpc', group.vpcId);
  for (const rule of index.rules) {
    if (rule.peer.kind === 'security-group') index.check(rule, 'security-group', 'security-group', rule.peer.securityGroupId);
    if (rule.peer.kind === 'prefix-list') index.check(rule, 'prefix-list', 'prefix-list', rule.peer.prefixListId);
  }
  const groups = new Map(topology.securityGroups.map((group) => [group.securityGroupId, group]));
  for (const eni of topology.enis) {
    index.check(eni, 'vswitch-id', 'vswitch', eni.vswitchId);
    checkGroups(eni, groups, index);
    checkAddresses(eni, index);
  }
  if (topology.enis.length > MAX_ENIS) index.reject(topology.enis[MAX_ENIS]!, 'eni-id', `is one more than the ${MAX_ENIS} ENIs that one document may have`);
  checkClaims(topology.enis, index);
  for (const flowLog of topology.flowLogs) {
    const kind = flowLog.resourceType === 'ENI' ? 'eni' : flowLog.resourceType === 'VPC' ? 'vpc' : 'vswitch';
    index.check(flowLog, 'resource-id', kind, flowLog.resourceId);
    // A document without LogStores leaves them to the collector, which has its own.
    if (logStoresGiven) index.check(flowLog, 'logstore', 'logstore', flowLog.logStore);
  }
}

function checkGroups(eni: Eni, groups: ReadonlyMap<string, SecurityGroup>, index: DocumentIndex): void {
  const seen = new Set<string>();
  let first: SecurityGroup | undefined;
  for (const id of eni.securityGroups) {
    if (seen.has(id)) index.reject(eni, 'security-groups', `${shown(id)} is listed twice`);
    seen.add(id);
    index.check(eni, 'security-groups', 'security-group', id);
    const group = groups.get(id);
    if (!group) continue;
    first ??= group;
    if (group.type !== first.type) {
      index.reject(eni, 'security-groups', `${first.securityGroupId} is ${first.type} and ${id} is ${group.type}; an ENI has groups of one type`);
    }
    if (group.vpcId !== null && eni.vpcId !== null && group.vpcId !== eni.vpcId) {
      index.reject(eni, 'security-groups', `${id} belongs to ${group.vpcId}, and the ENI to ${eni.vpcId}`);
    }
  }
}

function checkAddresses(eni: Eni, index: DocumentIndex): void {
  if (eni.addresses.length < 2) return;
  const seen = new Set<string>();
  addressesOf(eni).forEach((words, at) => {
    if (seen.has(words)) index.reject(eni, 'addresses', `${shown(eni.addresses[at])} is listed twice`);
    seen.add(words);
  });
}

/** ENIs are never changed, only replaced. */
const KNOWN_ADDRESSES = new WeakMap<Eni, readonly string[]>();

/** However they are spelled. */
function addressesOf(eni: Eni): readonly string[] {
  let addresses = KNOWN_ADDRESSES.get(eni);
  if (!addresses) KNOWN_ADDRESSES.set(eni, (addresses = eni.addresses.map((address) => String(parseAddress(address)))));
  return addresses;
}

/**
 * A packet must belong to one ENI at most. Two ENIs may share a MAC, an address or the claim to everything only if
 * they show up on different interfaces, or at different agents.
 */
function checkClaims(enis: readonly Eni[], index: DocumentIndex): void {
  // one alone, which most are; or several, by interface
  const claims = new Map<string, Eni | Map<string | null, Eni>>();
  const claim = (eni: Eni, what: string, key: string, text: () => string): void => {
    const onHost = `${eni.agentId ?? ''} ${what}`;
    let known = claims.get(onHost);
    if (known === undefined) {
      claims.set(onHost, eni);
      return;
    }
    if (!(known instanceof Map)) claims.set(onHost, (known = new Map([[known.interface, known]])));
    const other = known.get(eni.interface) ?? known.get(null) ?? (eni.interface === null ? known.values().next().value : undefined);
    if (!other) known.set(eni.interface, eni);
    else if (other !== eni) index.reject(eni, key, `${text()} of ${other.eniId} on the same interface; give each its own, or its own interface`);
  };
  for (const eni of enis) {
    if (eni.mac !== null) claim(eni, eni.mac, 'mac', () => `${eni.mac} is also the MAC address`);
    else if (eni.addresses.length === 0) claim(eni, '*', 'eni-id', () => 'without mac and addresses it takes every packet; that is the claim');
    else addressesOf(eni).forEach((words, at) => claim(eni, words, 'addresses', () => `${eni.addresses[at]} is also an address`));
  }
}
