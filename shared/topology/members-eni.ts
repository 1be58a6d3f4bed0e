import type { Eni } from './topology.ts';

/** Of the ENI that stands for the members of a group; no ENI of an inventory can have such an id. */
const MEMBERS_OF = 'members of ';

/** An ENI that nobody watches: with it, rules know the addresses of a group whose other ENIs an agent is not told. */
export function membersEni(group: string, addresses: readonly string[]): Eni {
  return {
    eniId: `${MEMBERS_OF}${group}`, vmId: null, vswitchId: null, vpcId: null, mac: null, addresses, securityGroups: [group], interface: null, side: null,
    agentId: null,
  };
}

export function isMembersEni(eniId: string): boolean {
  return eniId.startsWith(MEMBERS_OF);
}
