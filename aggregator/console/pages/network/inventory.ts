import type { Agent, Eni, PrefixList, SecurityGroup, Vpc, VSwitch } from '../../api/answers.ts';
import { listAll } from '../../api/client.ts';

export interface Inventory {
  readonly vpcs: readonly Vpc[];
  readonly vswitches: readonly VSwitch[];
  readonly enis: readonly Eni[];
  readonly agents: readonly Agent[];
  readonly groups: readonly SecurityGroup[];
  readonly prefixLists: readonly PrefixList[];
}

export async function loadInventory(signal: AbortSignal): Promise<Inventory> {
  const [vpcs, vswitches, enis, agents, groups, prefixLists] = await Promise.all([
    listAll<Vpc>('/v1/vpcs', 'vpcs', { signal }), listAll<VSwitch>('/v1/vswitches', 'vswitches', { signal }), listAll<Eni>('/v1/enis', 'enis', { signal }),
    listAll<Agent>('/v1/agents', 'agents', { signal }), listAll<SecurityGroup>('/v1/security-groups', 'security-groups', { signal }),
    listAll<PrefixList>('/v1/prefix-lists', 'prefix-lists', { signal }),
  ]);
  return { vpcs, vswitches, enis, agents, groups, prefixLists };
}
