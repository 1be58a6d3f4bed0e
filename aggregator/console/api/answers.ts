/** What the API answers, as far as the console reads it. Texts may hold anything; numbers of seconds are Unix time. */
import type { CompletenessCell } from '../../api/completeness-answer.ts';

export type { CellAgent, CompletenessCell } from '../../api/completeness-answer.ts';

export interface FlowLog {
  readonly 'flow-log-id': string;
  readonly 'name': string;
  readonly 'description': string;
  readonly 'resource-type': 'ENI' | 'VSwitch' | 'VPC';
  readonly 'resource-id': string;
  readonly 'traffic-type': 'All' | 'Allow' | 'Drop';
  readonly 'logstore': string;
  readonly 'window': string;
  readonly 'analysis-report': boolean;
  readonly 'status': 'Active' | 'Inactive';
  readonly 'region': string | null;
  /** How many it covers. */
  readonly 'enis': number;
  readonly 'created': string | null;
  readonly 'updated': string | null;
}

export interface FlowLogList {
  readonly 'flow-logs': readonly FlowLog[];
  readonly 'quota': number;
  readonly 'used': number;
}

export interface LogStore {
  readonly 'name': string;
  readonly 'rows': number;
  readonly 'bytes': number;
  readonly 'windows': number;
  readonly 'from': number | null;
  readonly 'to': number | null;
  readonly 'search': boolean;
  readonly 'retention-days': number | null;
  readonly 'retention-bytes': number | null;
}

export interface Authorization {
  readonly 'account-id': string;
  readonly 'authorized': boolean;
}

export interface Vpc { readonly 'vpc-id': string; readonly 'name'?: string; readonly 'cidrs'?: readonly string[] }
export interface VSwitch { readonly 'vswitch-id': string; readonly 'name'?: string; readonly 'vpc-id': string; readonly 'cidr'?: string }
export interface PrefixList { readonly 'prefix-list-id': string; readonly 'name'?: string; readonly 'entries': readonly string[] }

/** Who has an ENI, and what of it is recorded. */
export interface EniState {
  readonly 'eni-id': string;
  readonly 'assigned-to': string | null;
  readonly 'unassigned-because': string | null;
  readonly 'agent-state': string | null;
  readonly 'agent-reason': string | null;
  readonly 'recording': { readonly 'traffic-type': string | null; readonly 'window': string } | null;
}

export interface Eni extends EniState {
  readonly 'vm-id'?: string;
  readonly 'vswitch-id'?: string;
  readonly 'mac'?: string;
  readonly 'addresses'?: readonly string[];
  readonly 'security-groups'?: readonly string[];
  readonly 'interface'?: string;
  readonly 'side'?: string;
  readonly 'agent-id'?: string;
}

export interface Agent {
  readonly 'agent-id': string;
  readonly 'host': string | null;
  readonly 'version': string | null;
  readonly 'status': 'Active' | 'Revoked';
  readonly 'started': string | null;
  readonly 'last-seen': string;
  readonly 'revision': number | null;
  readonly 'up-to-date': boolean;
  readonly 'enis': readonly { readonly 'eni-id': string; readonly 'recorded': boolean; readonly 'state': string | null; readonly 'reason': string | null }[];
}

export interface RuleDocument {
  readonly 'rule-id': string;
  readonly 'direction': 'ingress' | 'egress';
  readonly 'policy': 'accept' | 'drop';
  readonly 'protocol': string;
  readonly 'port-range'?: string;
  readonly 'source-port-range'?: string;
  readonly 'priority': number;
  readonly 'cidr'?: string;
  readonly 'security-group'?: string;
  readonly 'prefix-list'?: string;
}

export interface SecurityGroup {
  readonly 'security-group-id': string;
  readonly 'name'?: string;
  readonly 'vpc-id'?: string;
  readonly 'type': 'basic' | 'advanced';
  readonly 'inner-access'?: 'accept' | 'drop';
  readonly 'rules': readonly RuleDocument[];
}

export interface CompletenessSummary {
  readonly complete: number;
  readonly partial: number;
  readonly missing: number;
  readonly lostPackets: number;
  readonly lossUnknown: number;
  readonly state: 'COMPLETE' | 'PARTIAL' | 'MISSING' | 'NONE';
  readonly windows: number;
  readonly pendingWindows: number;
}

export interface CompletenessWindow {
  readonly start: number;
  readonly seconds: number;
  readonly rows: number;
}

export interface CompletenessPage {
  readonly summary: CompletenessSummary | null;
  readonly windows: readonly CompletenessWindow[];
  readonly cells: readonly CompletenessCell[];
  readonly next: string | null;
}

export type Value = string | number | boolean | null;

/** Of a SELECT. */
export interface QueryRows {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Value[])[];
  readonly truncated: boolean;
  readonly completeness: CompletenessSummary;
}
