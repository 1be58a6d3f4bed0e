/**
 * The inventory after validation: what `weir apply` sends, what `--topology` gives to an agent or a replay.
 * Everything is plain data, so that it can travel as JSON.
 */
export type GroupType = 'basic' | 'advanced';
export type RuleDirection = 'ingress' | 'egress';
export type RulePolicy = 'accept' | 'drop';
export type EniSide = 'host' | 'guest';
export type TrafficType = 'All' | 'Allow' | 'Drop';

/** Both ends included. */
export interface PortRange { readonly from: number; readonly to: number }

export type Peer =
  | { readonly kind: 'cidr'; readonly cidr: string }
  | { readonly kind: 'security-group'; readonly securityGroupId: string }
  | { readonly kind: 'prefix-list'; readonly prefixListId: string };

export interface Rule {
  readonly ruleId: string;
  readonly direction: RuleDirection;
  readonly policy: RulePolicy;
  /** IANA number; null is "all". */
  readonly protocol: number | null;
  /** Destination ports of the packet, in both directions; null is -1/-1, "ports do not apply". */
  readonly portRange: PortRange | null;
  /** Source ports of the packet; null: any. */
  readonly sourcePortRange: PortRange | null;
  readonly peer: Peer;
  /** 1 (looked at first) to 100. */
  readonly priority: number;
}

export interface SecurityGroup {
  readonly securityGroupId: string;
  readonly name: string;
  readonly vpcId: string | null;
  readonly type: GroupType;
  /** Basic groups only: whether members of the group may reach each other without a rule. */
  readonly innerAccess: boolean;
  readonly rules: readonly Rule[];
}

export interface PrefixList { readonly prefixListId: string; readonly name: string; readonly entries: readonly string[] }
export interface Vpc { readonly vpcId: string; readonly name: string; readonly cidrs: readonly string[] }
export interface VSwitch { readonly vswitchId: string; readonly name: string; readonly vpcId: string; readonly cidr: string | null }

export interface Eni {
  readonly eniId: string;
  readonly vmId: string | null;
  readonly vswitchId: string | null;
  /** Taken from the VSwitch. */
  readonly vpcId: string | null;
  /** Six octets, lower case, colon separated. */
  readonly mac: string | null;
  readonly addresses: readonly string[];
  /** All of one type; their order is the tie-break between rules of equal priority and policy. */
  readonly securityGroups: readonly string[];
  /** Name of the interface on its host, or in a capture file; null: any interface. */
  readonly interface: string | null;
  /** Which end the capture sits at; null where the inventory does not say. */
  readonly side: EniSide | null;
  /** The agent that watches it; null: the one whose interfaces show it. */
  readonly agentId: string | null;
}

export interface FlowLog {
  readonly flowLogId: string;
  readonly name: string;
  readonly description: string;
  readonly resourceType: 'ENI' | 'VSwitch' | 'VPC';
  readonly resourceId: string;
  readonly trafficType: TrafficType;
  readonly logStore: string;
  readonly windowSeconds: number;
  readonly analysisReport: boolean;
  readonly status: 'Active' | 'Inactive';
}

export interface LogStore {
  readonly name: string;
  readonly retentionDays: number | null;
  readonly retentionBytes: number | null;
  /** Whether it may be searched and asked with SQL. */
  readonly search: boolean;
}

export interface Topology {
  readonly accountId: string | null;
  readonly region: string | null;
  readonly vpcs: readonly Vpc[];
  readonly vswitches: readonly VSwitch[];
  readonly securityGroups: readonly SecurityGroup[];
  readonly prefixLists: readonly PrefixList[];
  readonly enis: readonly Eni[];
  readonly flowLogs: readonly FlowLog[];
  readonly logStores: readonly LogStore[];
}

export const EMPTY_TOPOLOGY: Topology = {
  accountId: null, region: null, vpcs: [], vswitches: [], securityGroups: [], prefixLists: [], enis: [], flowLogs: [], logStores: [],
};

/** Without a topology: one ENI without groups takes every packet of every interface, as `in`. */
export const DEFAULT_TOPOLOGY: Topology = {
  ...EMPTY_TOPOLOGY,
  enis: [{
    eniId: 'eni-default', vmId: null, vswitchId: null, vpcId: null, mac: null, addresses: [], securityGroups: [],
    interface: null, side: null, agentId: null,
  }],
};
