import { portRangeText, protocolText } from './spelling.ts';
import type { PrefixList, Rule, SecurityGroup, Topology } from './topology.ts';

/**
 * The topology as the plain object that its document holds, in the document's own spelling: what the collector and
 * the agent send as JSON. parseTopology reads it back to an equal topology.
 */
export function topologyDocument(topology: Topology): Record<string, unknown> {
  return present({
    'account-id': topology.accountId,
    'region': topology.region,
    'vpcs': topology.vpcs.map((vpc) => ({ 'vpc-id': vpc.vpcId, 'name': vpc.name, 'cidrs': vpc.cidrs })),
    'vswitches': topology.vswitches.map((vswitch) => present({
      'vswitch-id': vswitch.vswitchId, 'name': vswitch.name, 'vpc-id': vswitch.vpcId, 'cidr': vswitch.cidr,
    })),
    'security-groups': topology.securityGroups.map(groupDocument),
    'prefix-lists': topology.prefixLists.map(prefixListDocument),
    'enis': topology.enis.map((eni) => present({
      'eni-id': eni.eniId, 'vm-id': eni.vmId, 'vswitch-id': eni.vswitchId, 'mac': eni.mac, 'addresses': eni.addresses,
      'security-groups': eni.securityGroups, 'interface': eni.interface, 'side': eni.side,
      'agent-id': eni.agentId,
    })),
    'flow-logs': topology.flowLogs.map((log) => ({
      'flow-log-id': log.flowLogId, 'name': log.name, 'description': log.description, 'resource-type': log.resourceType,
      'resource-id': log.resourceId, 'traffic-type': log.trafficType, 'logstore': log.logStore,
      'window': `${log.windowSeconds}s`, 'analysis-report': log.analysisReport, 'status': log.status,
    })),
    'logstores': topology.logStores.map((store) => present({
      'name': store.name, 'retention-days': store.retentionDays, 'retention-bytes': store.retentionBytes, 'search': store.search,
    })),
  });
}

export function groupDocument(group: SecurityGroup): Record<string, unknown> {
  return present({
    'security-group-id': group.securityGroupId,
    'name': group.name,
    'vpc-id': group.vpcId,
    'type': group.type,
    'inner-access': group.type === 'advanced' ? null : group.innerAccess ? 'accept' : 'drop',
    'rules': group.rules.map(ruleDocument),
  });
}

export function prefixListDocument(list: PrefixList): Record<string, unknown> {
  return { 'prefix-list-id': list.prefixListId, 'name': list.name, 'entries': list.entries };
}

function ruleDocument(rule: Rule): Record<string, unknown> {
  return present({
    'rule-id': rule.ruleId,
    'direction': rule.direction,
    'policy': rule.policy,
    'protocol': protocolText(rule.protocol),
    'port-range': portRangeText(rule.portRange),
    'source-port-range': rule.sourcePortRange && portRangeText(rule.sourcePortRange),
    'priority': rule.priority,
    'cidr': rule.peer.kind === 'cidr' ? rule.peer.cidr : null,
    'security-group': rule.peer.kind === 'security-group' ? rule.peer.securityGroupId : null,
    'prefix-list': rule.peer.kind === 'prefix-list' ? rule.peer.prefixListId : null,
  });
}

/** Without the keys that have no value: an absent key says the same. */
function present(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}
