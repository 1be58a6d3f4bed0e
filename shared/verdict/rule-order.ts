import type { PortRange, Rule, RuleDirection, SecurityGroup } from '../topology/topology.ts';
import type { PeerSet, PeerSets } from './peer-set.ts';

/** One line of the list in which an ENI's rules are looked at; the first that matches decides. */
export interface OrderedRule {
  readonly peers: PeerSet;
  /** null: all. */
  readonly protocol: number | null;
  /** null: any, and protocols without ports too. */
  readonly portRange: PortRange | null;
  readonly sourcePortRange: PortRange | null;
  readonly isAccept: boolean;
  readonly sgId: string;
  /** null: not a rule of the group but its inner access. */
  readonly rule: Rule | null;
}

/**
 * Everything that an ENI's groups say about one direction, in evaluation order (design section 3, steps 2 to 4):
 * inner access of each basic group; then rules by priority number, at equal priority drop before accept, then in the
 * order of the groups on the ENI and of the rules in their group.
 */
export function orderedRules(groups: readonly SecurityGroup[], direction: RuleDirection, peers: PeerSets): OrderedRule[] {
  const inner: OrderedRule[] = groups
    .filter((group) => group.type === 'basic' && group.innerAccess)
    .map((group) => ({
      peers: peers.membersOf(group.securityGroupId), protocol: null, portRange: null, sourcePortRange: null, isAccept: true,
      sgId: group.securityGroupId, rule: null,
    }));
  const collected = groups.flatMap((group) => group.rules
    .filter((rule) => rule.direction === direction)
    .map((rule) => ({ group, rule })));
  // The sort is stable: what it leaves equal stays in the order of groups and rules.
  collected.sort((a, b) => a.rule.priority - b.rule.priority || Number(a.rule.policy === 'accept') - Number(b.rule.policy === 'accept'));
  return inner.concat(collected.map(({ group, rule }) => ({
    peers: peers.of(rule.peer),
    protocol: rule.protocol,
    portRange: rule.portRange,
    sourcePortRange: rule.sourcePortRange,
    isAccept: rule.policy === 'accept',
    sgId: group.securityGroupId,
    rule,
  })));
}
