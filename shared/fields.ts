/**
 * The one table of fields. The text line, JSON, CSV, the Parquet columns, the wire columns, the filter names of the
 * query language and the reference page are generated from it: to add a field, add a row here and the line in
 * `record-values.ts` that fills it.
 */

/**
 * - `uint8` ... `uint64`: whole numbers (uint64 stays below 2^53)
 * - `address`: IPv4 or IPv6, stored as two 64-bit halves, IPv4 as IPv4-mapped
 * - `symbol`: text with few distinct values
 * - `seconds`: Unix seconds, whole
 * - `instant`: Unix seconds with six decimals in text, JSON and CSV; a timestamp of microseconds in SQL
 */
export type FieldType = 'uint8' | 'uint16' | 'uint32' | 'uint64' | 'address' | 'symbol' | 'seconds' | 'instant';

/**
 * How partial rows of one flow and window become one row. `key` fields are equal by definition; `constant` ones
 * follow from the key.
 */
export type MergeRule = 'key' | 'constant' | 'sum' | 'min' | 'max' | 'or' | 'flow-state' | 'initiator';

export interface Field {
  /** Name in text, JSON, CSV, filters; `_` for `-` in SQL. */
  readonly name: string;
  readonly type: FieldType;
  readonly merge: MergeRule;
  /** One of the 18 fields of the default line. */
  readonly inDefaultLine: boolean;
  /** Every value it can take, where they are few. */
  readonly values?: readonly string[];
  /** One sentence for the reference. */
  readonly about: string;
}

export const LOG_STATUSES = ['OK', 'NODATA', 'SKIPDATA'] as const;
export type LogStatus = (typeof LOG_STATUSES)[number];
export const DIRECTIONS = ['in', 'out'] as const;
export const ACTIONS = ['ACCEPT', 'REJECT'] as const;
/** Ordered: merging partial rows keeps the value that stands first. */
export const INITIATORS = ['src', 'dst', 'unknown'] as const;
/** Ordered: merging partial rows keeps the value that stands first. */
export const FLOW_STATES = ['end', 'new', 'continuing'] as const;

function field(name: string, type: FieldType, merge: MergeRule, about: string, values?: readonly string[]): Field {
  return values ? { name, type, merge, inDefaultLine: true, about, values } : { name, type, merge, inDefaultLine: true, about };
}

function extension(name: string, type: FieldType, merge: MergeRule, about: string, values?: readonly string[]): Field {
  return { ...field(name, type, merge, about, values), inDefaultLine: false };
}

export const FIELDS: readonly Field[] = [
  field('version', 'uint8', 'constant', 'Version of the record layout: 1.'),
  field('vswitch-id', 'symbol', 'constant', 'VSwitch of the ENI.'),
  field('vm-id', 'symbol', 'constant', 'Virtual machine of the ENI.'),
  field('vpc-id', 'symbol', 'constant', 'VPC of the ENI.'),
  field('account-id', 'symbol', 'constant', 'Account that owns the ENI.'),
  field('eni-id', 'symbol', 'key', 'The virtual interface that the traffic passed.'),
  field('srcaddr', 'address', 'key', 'Source address of the packets.'),
  field('srcport', 'uint16', 'key', 'Source port; 0 where the protocol has none.'),
  field('dstaddr', 'address', 'key', 'Destination address of the packets.'),
  field('dstport', 'uint16', 'key', 'Destination port; 0 where the protocol has none.'),
  field('protocol', 'uint8', 'key', 'IANA number of the upper-layer protocol.'),
  field('direction', 'symbol', 'key', '`in` goes to the ENI, `out` leaves it.', DIRECTIONS),
  field('packets', 'uint64', 'sum', 'Packets of the flow in this window.'),
  field('bytes', 'uint64', 'sum', 'IP bytes of the flow in this window, headers included, link header excluded.'),
  field('start', 'seconds', 'key', 'Start of the window, Unix seconds.'),
  field('end', 'seconds', 'constant', 'End of the window, Unix seconds.'),
  field('log-status', 'symbol', 'key', 'OK; NODATA: watched, no traffic; SKIPDATA: something was not recorded.', LOG_STATUSES),
  field('action', 'symbol', 'key', 'What the security groups say: ACCEPT or REJECT.', ACTIONS),
  extension('region', 'symbol', 'constant', 'Region of the account.'),
  extension('first-seen', 'instant', 'min', 'Time of the first packet of the row.'),
  extension('last-seen', 'instant', 'max', 'Time of the last packet of the row.'),
  extension('tcp-flags', 'uint8', 'or', 'All TCP flags seen, or-ed: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.'),
  extension('icmp-type', 'uint8', 'key', 'ICMP or ICMPv6 type.'),
  extension('icmp-code', 'uint8', 'key', 'ICMP or ICMPv6 code.'),
  extension('fragments', 'uint32', 'sum', 'Non-first IP fragments counted in this row.'),
  extension('sg-id', 'symbol', 'key', 'Security group whose rule decided.'),
  extension('rule-id', 'symbol', 'key', 'Rule that decided; for `established` the one that opened the connection.'),
  extension('rule-reason', 'symbol', 'key', 'Why: a rule, an established connection, members of one group, the default, or no group at all.',
    ['rule', 'established', 'intra-group', 'default', 'no-group']),
  extension('ruleset-rev', 'uint32', 'key', 'Revision of the rule set that decided.'),
  extension('initiator', 'symbol', 'initiator', 'Who opened the connection: `src`, `dst`, or `unknown` when picked up mid-stream.', INITIATORS),
  extension('flow-state', 'symbol', 'flow-state', 'Whether the flow began in this window, went on, or ended.', FLOW_STATES),
  extension('agent-id', 'symbol', 'key', 'Agent that recorded the row.'),
  extension('skipped-packets', 'uint64', 'sum', 'On a SKIPDATA row: packets that were not recorded; absent when the number is unknown.'),
];

export const DEFAULT_FIELD_NAMES: readonly string[] = FIELDS.filter((f) => f.inDefaultLine).map((f) => f.name);

const BY_NAME = new Map(FIELDS.map((f) => [f.name, f]));

/** The field of that name, `-` and `_` being the same; undefined if there is none. */
export function findField(name: string): Field | undefined {
  return BY_NAME.get(name) ?? BY_NAME.get(name.replaceAll('_', '-'));
}

/** Column name in SQL and Parquet. */
export function columnName(field: Field): string {
  return field.name.replaceAll('-', '_');
}
