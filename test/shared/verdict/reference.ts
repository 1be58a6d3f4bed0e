import { parseCidr } from '../../../shared/address.ts';
import { hasPorts } from '../../../shared/protocol.ts';
import type { PortRange, Rule, SecurityGroup, Topology } from '../../../shared/topology/topology.ts';
import type { Verdict } from '../../../shared/verdict/verdict.ts';

/**
 * Steps 2 to 5 of design section 3, written for reading: no compiling, no sharing, one comparison after the other.
 * The engine must give the same verdict for every packet.
 */
export interface ReferencePacket {
  readonly eni: number;
  readonly direction: 'in' | 'out';
  readonly family: 4 | 6;
  /** Four words each. */
  readonly source: Int32Array;
  readonly destination: Int32Array;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export function referenceVerdict(topology: Topology, packet: ReferencePacket, revision: number): Verdict {
  const eni = topology.enis[packet.eni]!;
  const groups = eni.securityGroups.map((id) => topology.securityGroups.find((group) => group.securityGroupId === id)!);
  const verdict = (accept: boolean, reason: Verdict['reason'], sgId: string | null, ruleId: string | null): Verdict =>
    ({ action: accept ? 'ACCEPT' : 'REJECT', reason, sgId, ruleId, revision });
  if (groups.length === 0) return verdict(true, 'no-group', null, null);

  // Step 3
  for (const group of groups) {
    if (group.type === 'basic' && group.innerAccess && isMember(topology, group.securityGroupId, packet)) {
      return verdict(true, 'intra-group', group.securityGroupId, null);
    }
  }

  // Steps 2 and 4
  let best: { rule: Rule; group: SecurityGroup } | null = null;
  for (const group of groups) {
    for (const rule of group.rules) {
      if (rule.direction !== (packet.direction === 'in' ? 'ingress' : 'egress') || !matches(topology, rule, packet)) continue;
      if (!best || rule.priority < best.rule.priority || (rule.priority === best.rule.priority && rule.policy === 'drop' && best.rule.policy === 'accept')) {
        best = { rule, group };
      }
    }
  }
  if (best) return verdict(best.rule.policy === 'accept', 'rule', best.group.securityGroupId, best.rule.ruleId);

  // Step 5
  return verdict(packet.direction === 'out' && groups[0]!.type === 'basic', 'default', null, null);
}

function matches(topology: Topology, rule: Rule, packet: ReferencePacket): boolean {
  if (rule.protocol !== null && rule.protocol !== packet.protocol) return false;
  if (!portMatches(rule.portRange, packet.protocol, packet.destinationPort)) return false;
  if (!portMatches(rule.sourcePortRange, packet.protocol, packet.sourcePort)) return false;
  const { peer } = rule;
  switch (peer.kind) {
    case 'cidr': return holdsPeer(peer.cidr, packet);
    case 'security-group': return isMember(topology, peer.securityGroupId, packet);
    case 'prefix-list':
      return topology.prefixLists.find((list) => list.prefixListId === peer.prefixListId)!.entries.some((cidr) => holdsPeer(cidr, packet));
  }
}

function portMatches(range: PortRange | null, protocol: number, port: number): boolean {
  return range === null || (hasPorts(protocol) && range.from <= port && port <= range.to);
}

function isMember(topology: Topology, groupId: string, packet: ReferencePacket): boolean {
  return topology.enis.some((eni) => eni.securityGroups.includes(groupId) && eni.addresses.some((address) => holdsPeer(address, packet)));
}

/** The peer is where an incoming packet comes from, and where an outgoing one goes. */
function holdsPeer(cidrText: string, packet: ReferencePacket): boolean {
  const cidr = parseCidr(cidrText)!;
  const peer = packet.direction === 'in' ? packet.source : packet.destination;
  return cidr.family === packet.family && bits(peer).startsWith(bits(cidr.words).slice(0, cidr.prefixLength));
}

function bits(words: Int32Array): string {
  return Array.from(words, (word) => (word >>> 0).toString(2).padStart(32, '0')).join('');
}
