import type { RuleDocument, SecurityGroup } from '../../api/answers.ts';
import { parseAddress } from '../../../../shared/address.ts';
import { hasPorts } from '../../../../shared/protocol.ts';
import { ALL_PROTOCOLS, NO_PORTS, PORT_RANGE, PROTOCOL } from '../../../../shared/topology/spelling.ts';
import { EMPTY_TOPOLOGY, type Peer, type PortRange, type Rule, type SecurityGroup as Group } from '../../../../shared/topology/topology.ts';
import { protocolName } from '../../charts/protocol-name.ts';
import { addressNumber, PeerSets, type PeerSet } from '../../../../shared/verdict/peer-set.ts';
import { orderedRules, type OrderedRule } from '../../../../shared/verdict/rule-order.ts';
import type { FlowRecord } from './question.ts';

/** The rules as they were at a revision. */
export interface RuleSetDocument {
  readonly 'revision': number;
  readonly 'security-groups': readonly SecurityGroup[];
  readonly 'prefix-lists': readonly { readonly 'prefix-list-id': string; readonly 'name'?: string; readonly 'entries': readonly string[] }[];
  readonly 'enis': readonly { readonly 'eni-id': string; readonly 'security-groups': readonly string[]; readonly 'addresses': readonly string[] }[];
}

export type RulePart = 'peer' | 'protocol' | 'destination port' | 'source port';

export interface JudgedRule {
  /** Place in the order in which rules are looked at, from 1. */
  readonly place: number;
  readonly sgId: string;
  /** null: not a rule but the group's inner access. */
  readonly ruleId: string | null;
  readonly policy: 'accept' | 'drop';
  readonly priority: number | null;
  readonly peer: string;
  readonly protocol: string;
  readonly ports: string;
  /** Empty: it matches. */
  readonly mismatches: readonly RulePart[];
  readonly isDecider: boolean;
}

export interface Judgement {
  readonly direction: 'ingress' | 'egress';
  /** In the order of evaluation. */
  readonly rules: readonly JudgedRule[];
  /** What the rules say about a new connection like this. */
  readonly outcome: 'rule' | 'intra-group' | 'default' | 'no-group';
  readonly decider: JudgedRule | null;
  /** The one the record names, in either direction; null: it names none, or the revision has none of that id. */
  readonly named: JudgedRule | null;
}

/** Which rule decides about the record's packets, by the order that agents use, and how far each other one was from it. */
export function judge(record: FlowRecord, ruleSet: RuleSetDocument): Judgement {
  const direction = record['direction'] === 'out' ? 'egress' : 'ingress';
  const groups = ruleSet['security-groups'].map(groupOf);
  const byId = new Map(groups.map((group) => [group.securityGroupId, group]));
  const eni = ruleSet.enis.find((known) => known['eni-id'] === record['eni-id']);
  const own = (eni?.['security-groups'] ?? []).map((id) => byId.get(id)).filter((group) => group !== undefined);
  const peers = new PeerSets({
    ...EMPTY_TOPOLOGY, securityGroups: groups,
    prefixLists: ruleSet['prefix-lists'].map((list) => ({ prefixListId: list['prefix-list-id'], name: list.name ?? '', entries: list.entries })),
    enis: ruleSet.enis.map((known) => ({
      eniId: known['eni-id'], vmId: null, vswitchId: null, vpcId: null, mac: null, addresses: known.addresses, securityGroups: known['security-groups'], interface: null, side: null, agentId: null,
    })),
  });
  const judged = (rules: readonly OrderedRule[]): JudgedRule[] => {
    const mismatches = rules.map((rule) => mismatchesOf(record, rule));
    const decider = mismatches.findIndex((parts) => parts.length === 0);
    return rules.map((rule, at) => described(rule, at, mismatches[at]!, at === decider));
  };
  const rules = judged(orderedRules(own, direction, peers));
  const decider = rules.find(({ isDecider }) => isDecider) ?? null;
  const isNamed = (rule: JudgedRule): boolean => rule.sgId === record['sg-id'] && rule.ruleId === record['rule-id'];
  const named = record['rule-id'] === null || record['rule-id'] === undefined ? null
    : rules.find(isNamed) ?? judged(orderedRules(own, direction === 'ingress' ? 'egress' : 'ingress', peers)).find(isNamed) ?? null;
  return { direction, rules, decider, named, outcome: decider ? (decider.ruleId === null ? 'intra-group' : 'rule') : own.length === 0 ? 'no-group' : 'default' };
}

/** Whether these are the rules that decided about the record: an agent may have rules of its own, with revisions of its own. */
export function agrees(record: FlowRecord, { outcome, decider, named }: Judgement): boolean {
  switch (record['rule-reason']) {
    case 'rule': return outcome === 'rule' && decider?.ruleId === record['rule-id'] && decider?.sgId === record['sg-id'];
    case 'established': return record['rule-id'] === null || named !== null;
    default: return outcome === record['rule-reason'];
  }
}

/** Those that one part kept from matching, or that match and come too late. */
export function closeRules({ rules }: Judgement): JudgedRule[] {
  return rules.filter(({ mismatches, isDecider }) => !isDecider && mismatches.length <= 1);
}

function mismatchesOf(record: FlowRecord, rule: OrderedRule): RulePart[] {
  const peer = String(record[record['direction'] === 'out' ? 'dstaddr' : 'srcaddr'] ?? '');
  const protocol = Number(record['protocol']);
  const parts: RulePart[] = [];
  if (!holds(rule.peers, peer)) parts.push('peer');
  if (rule.protocol !== null && rule.protocol !== protocol) parts.push('protocol');
  if (!within(rule.portRange, protocol, record['dstport'])) parts.push('destination port');
  if (!within(rule.sourcePortRange, protocol, record['srcport'])) parts.push('source port');
  return parts;
}

function holds(peers: PeerSet, text: string): boolean {
  const words = parseAddress(text);
  if (!words) return false;
  const family = text.includes(':') ? 6 : 4;
  const address = addressNumber(words);
  return peers.some((block) => block.family === family && block.first <= address && address <= block.last);
}

function within(range: PortRange | null, protocol: number, port: FlowRecord[string] | undefined): boolean {
  return range === null || (hasPorts(protocol) && Number(port) >= range.from && Number(port) <= range.to);
}

function described({ rule, sgId, isAccept }: OrderedRule, at: number, mismatches: readonly RulePart[], isDecider: boolean): JudgedRule {
  const ports = (range: PortRange | null): string => (range === null ? 'any' : range.from === range.to ? String(range.from) : `${range.from}–${range.to}`);
  return {
    place: at + 1, sgId, ruleId: rule?.ruleId ?? null, policy: isAccept ? 'accept' : 'drop', priority: rule?.priority ?? null,
    peer: rule ? peerText(rule.peer) : 'members of the group',
    protocol: rule?.protocol == null ? 'all' : protocolName(rule.protocol),
    ports: rule ? `${ports(rule.portRange)}${rule.sourcePortRange ? `, from ${ports(rule.sourcePortRange)}` : ''}` : 'any',
    mismatches, isDecider,
  };
}

function peerText(peer: Peer): string {
  return peer.kind === 'cidr' ? peer.cidr : peer.kind === 'prefix-list' ? `prefix list ${peer.prefixListId}` : `group ${peer.securityGroupId}`;
}

function groupOf(document: SecurityGroup): Group {
  return {
    securityGroupId: document['security-group-id'], name: document.name ?? '', vpcId: document['vpc-id'] ?? null, type: document.type,
    innerAccess: document['inner-access'] === 'accept', rules: document.rules.map(ruleOf),
  };
}

function ruleOf(document: RuleDocument): Rule {
  const protocol = PROTOCOL.parse(document.protocol);
  const ports = (text: string | undefined): PortRange | null => {
    const range = text === undefined ? null : PORT_RANGE.parse(text);
    return range === NO_PORTS ? null : range;
  };
  return {
    ruleId: document['rule-id'], direction: document.direction, policy: document.policy, priority: document.priority,
    protocol: protocol === ALL_PROTOCOLS ? null : protocol, portRange: ports(document['port-range']), sourcePortRange: ports(document['source-port-range']), peer: peerOf(document),
  };
}

function peerOf(document: RuleDocument): Peer {
  if (document['security-group'] !== undefined) return { kind: 'security-group', securityGroupId: document['security-group'] };
  if (document['prefix-list'] !== undefined) return { kind: 'prefix-list', prefixListId: document['prefix-list'] };
  return { kind: 'cidr', cidr: document.cidr ?? '::/128' };
}
