import { hasPorts } from '../../../../shared/protocol.ts';
import { NO_PORTS, PORT_RANGE, PROTOCOL } from '../../../../shared/topology/spelling.ts';
import { EMPTY_TOPOLOGY, type PortRange, type Rule, type RuleDirection, type SecurityGroup as Group, type Topology } from '../../../../shared/topology/topology.ts';
import { PeerSets, type PeerSet } from '../../../../shared/verdict/peer-set.ts';
import { orderedRules, type OrderedRule } from '../../../../shared/verdict/rule-order.ts';
import type { RuleDocument, SecurityGroup } from '../../api/answers.ts';
import type { Inventory } from './inventory.ts';

/** One line of a group's evaluation, in its order. */
export interface EvaluatedRule {
  /** null: the inner access of the group. */
  readonly document: RuleDocument | null;
  /**
   * Why it never decides, whichever ENI the group is on; null: nothing certain can be said.
   * An earlier line of the same group matches all that this one does, or nobody is its peer now.
   */
  readonly idle: { readonly shadowedBy: EvaluatedRule } | 'no-peer' | null;
}

/** Comparing each with each of more would take too long to wait for. */
const MAX_COMPARED = 2000;

/** The rules of the group for the direction, as the verdict engine looks at them, and which of them can never decide. */
export function evaluatedRules(inventory: Inventory, group: SecurityGroup, direction: RuleDirection): EvaluatedRule[] {
  const documents = new Map(group.rules.map((rule) => [rule['rule-id'], rule]));
  const rules = orderedRules([groupOf(group)], direction, new PeerSets(topologyOf(inventory)));
  const evaluated: EvaluatedRule[] = [];
  for (const [at, rule] of rules.entries()) {
    const document = rule.rule ? documents.get(rule.rule.ruleId) ?? null : null;
    const shadow = at < MAX_COMPARED ? rules.slice(0, at).findIndex((earlier) => covers(earlier, rule)) : -1;
    const idle = rule.peers.length === 0 ? 'no-peer' : shadow >= 0 ? { shadowedBy: evaluated[shadow]! } : null;
    evaluated.push({ document, idle });
  }
  return evaluated;
}

/** Whether the first matches every packet that the second does. */
export function covers(first: OrderedRule, second: OrderedRule): boolean {
  return coversProtocols(first, second) && coversPorts(first.portRange, second.portRange) && coversPorts(first.sourcePortRange, second.sourcePortRange) && coversPeers(first.peers, second.peers);
}

/** A rule for all protocols that names ports is for those that have ports. */
function coversProtocols(first: OrderedRule, second: OrderedRule): boolean {
  if (first.protocol !== null) return first.protocol === second.protocol;
  if (!first.portRange && !first.sourcePortRange) return true;
  return second.protocol === null ? second.portRange !== null || second.sourcePortRange !== null : hasPorts(second.protocol);
}

/** Of protocols with ports, where one of the two names some: no range is every port. */
function coversPorts(first: PortRange | null, second: PortRange | null): boolean {
  if (!first) return true;
  const { from, to } = second ?? { from: 0, to: 0xffff };
  return first.from <= from && to <= first.to;
}

/** Whether each block of the second lies within blocks of the first that touch each other. */
function coversPeers(first: PeerSet, second: PeerSet): boolean {
  const sorted = first.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  return second.every((block) => {
    let next = block.first;
    for (const { family, first: from, last } of sorted) if (family === block.family && from <= next && last >= next) next = last + 1n;
    return next > block.last;
  });
}

/** As much of the topology as peers need. */
function topologyOf({ groups, prefixLists, enis }: Inventory): Topology {
  return {
    ...EMPTY_TOPOLOGY,
    securityGroups: groups.map((group) => ({ ...groupOf(group), rules: [] })),
    prefixLists: prefixLists.map((list) => ({ prefixListId: list['prefix-list-id'], name: '', entries: list.entries })),
    enis: enis.map((eni) => ({
      eniId: eni['eni-id'], vmId: null, vswitchId: null, vpcId: null, mac: null, addresses: eni.addresses ?? [], securityGroups: eni['security-groups'] ?? [],
      interface: null, side: null, agentId: null,
    })),
  };
}

function groupOf(group: SecurityGroup): Group {
  return {
    securityGroupId: group['security-group-id'], name: '', vpcId: null, type: group.type, innerAccess: group['inner-access'] === 'accept', rules: group.rules.map(ruleOf),
  };
}

function ruleOf(rule: RuleDocument): Rule {
  const protocol = PROTOCOL.parse(rule.protocol);
  const peer: Rule['peer'] = rule['security-group'] !== undefined ? { kind: 'security-group', securityGroupId: rule['security-group'] }
    : rule['prefix-list'] !== undefined ? { kind: 'prefix-list', prefixListId: rule['prefix-list'] } : { kind: 'cidr', cidr: rule.cidr ?? '' };
  return {
    ruleId: rule['rule-id'], direction: rule.direction, policy: rule.policy, protocol: protocol === null || protocol < 0 ? null : protocol,
    portRange: portsOf(rule['port-range']), sourcePortRange: portsOf(rule['source-port-range']), peer, priority: rule.priority,
  };
}

function portsOf(text: string | undefined): PortRange | null {
  const range = text === undefined ? null : PORT_RANGE.parse(text);
  return range === NO_PORTS ? null : range;
}
