import { shown, type DocumentMap, type Problems } from './document.ts';
import { nearestName } from '../nearest-name.ts';
import { parseAddress } from '../address.ts';
import { MAX_ENIS } from '../flow-key.ts';
import type { Eni, Rule, SecurityGroup, Topology } from './topology.ts';

type ItemKind = 'vpc' | 'vswitch' | 'security-group' | 'prefix-list' | 'eni' | 'flow-log' | 'logstore';

/** Which ids the document defines, and where each item was read. */
export class DocumentIndex {
  private readonly problems: Problems;
  private readonly ids = new Map<ItemKind, Set<string>>();
  private readonly maps = new Map<object, DocumentMap>();
  /** Of items that the document does not hold. */
  private readonly names = new Map<object, string>();
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

  /** Items of the topology that are not the document's own: the document may refer to them. */
  addBase(topology: Topology): void {
    const note = <T extends object>(kind: ItemKind, items: readonly T[], idOf: (item: T) => string): void => {
      const ids = this.ids.get(kind) ?? new Set();
      this.ids.set(kind, ids);
      for (const item of items) {
        ids.add(idOf(item));
        if (!this.maps.has(item)) this.names.set(item, `${kind} ${idOf(item)}`);
      }
    };
    note('vpc', topology.vpcs, ({ vpcId }) => vpcId);
    note('vswitch', topology.vswitches, ({ vswitchId }) => vswitchId);
    note('security-group', topology.securityGroups, ({ securityGroupId }) => securityGroupId);
    note('prefix-list', topology.prefixLists, ({ prefixListId }) => prefixListId);
    note('eni', topology.enis, ({ eniId }) => eniId);
    note('flow-log', topology.flowLogs, ({ flowLogId }) => flowLogId);
    note('logstore', topology.logStores, ({ name }) => name);
    for (const group of topology.securityGroups) {
      if (this.maps.has(group)) continue;
      for (const rule of group.rules) this.names.set(rule, `rule ${rule.ruleId} of security-group ${group.securityGroupId}`);
      this.rules.push(...group.rules);
    }
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
    if (map) this.problems.add(map.place(key), text);
    else this.problems.add({ path: '', line: 1 }, `${this.names.get(item)}: ${key}: ${text}`);
  }
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
  const seen = new Set<string>();
  for (const address of eni.addresses) {
    const words = String(parseAddress(address));
    if (seen.has(words)) index.reject(eni, 'addresses', `${shown(address)} is listed twice`);
    seen.add(words);
  }
}

/**
 * A packet must belong to one ENI at most. Two ENIs may share a MAC, an address or the claim to everything only if
 * they show up on different interfaces, or at different agents.
 */
function checkClaims(enis: readonly Eni[], index: DocumentIndex): void {
  const claims = new Map<string, Map<string | null, Eni>>();
  const claim = (eni: Eni, what: string, key: string, text: string): void => {
    const onHost = `${eni.agentId ?? ''} ${what}`;
    let byInterface = claims.get(onHost);
    if (!byInterface) claims.set(onHost, byInterface = new Map());
    const other = byInterface.get(eni.interface) ?? byInterface.get(null)
      ?? (eni.interface === null ? byInterface.values().next().value : undefined);
    if (!other) byInterface.set(eni.interface, eni);
    else if (other !== eni) index.reject(eni, key, `${text} of ${other.eniId} on the same interface; give each its own, or its own interface`);
  };
  for (const eni of enis) {
    if (eni.mac !== null) claim(eni, eni.mac, 'mac', `${eni.mac} is also the MAC address`);
    else if (eni.addresses.length === 0) claim(eni, '*', 'eni-id', 'without mac and addresses it takes every packet; that is the claim');
    else for (const address of eni.addresses) claim(eni, String(parseAddress(address)), 'addresses', `${address} is also an address`);
  }
}
