import { PROTOCOL_TCP } from '../../shared/protocol.ts';
import { NONE, type Records } from '../../shared/records.ts';
import { putAddress, putNumber, putSeconds } from './digits.ts';

/** How a field of a flow is written: digit by digit out of its column, */
export const SOURCE = 0;
export const DESTINATION = 1;
const SOURCE_PORT = 2;
const DESTINATION_PORT = 3;
const PACKETS = 4;
const BYTES = 5;
const FRAGMENTS = 6;
const FIRST_SEEN = 7;
const LAST_SEEN = 8;
/** or, from here on, as one of a few texts, each kept under a number that the row has. */
export const BY_ENI = 9;
export const BY_VERDICT = 10;
const BY_PROTOCOL = 11;
const BY_DIRECTION = 12;
const BY_TCP_FLAGS = 13;
const BY_ICMP_TYPE = 14;
const BY_ICMP_CODE = 15;
const BY_INITIATOR = 16;
const BY_FLOW_STATE = 17;
export const ALWAYS = 18;

/** Texts are kept as long as the rows are of one window, so that what only the window says goes with the ENI. */
const KINDS: Readonly<Record<string, number>> = {
  'version': BY_ENI, 'vswitch-id': BY_ENI, 'vm-id': BY_ENI, 'vpc-id': BY_ENI, 'account-id': BY_ENI, 'eni-id': BY_ENI,
  'srcaddr': SOURCE, 'srcport': SOURCE_PORT, 'dstaddr': DESTINATION, 'dstport': DESTINATION_PORT, 'protocol': BY_PROTOCOL,
  'direction': BY_DIRECTION, 'packets': PACKETS, 'bytes': BYTES, 'start': BY_ENI, 'end': BY_ENI, 'log-status': BY_ENI,
  'action': BY_VERDICT, 'region': BY_ENI, 'first-seen': FIRST_SEEN, 'last-seen': LAST_SEEN, 'tcp-flags': BY_TCP_FLAGS,
  'icmp-type': BY_ICMP_TYPE, 'icmp-code': BY_ICMP_CODE, 'fragments': FRAGMENTS, 'sg-id': BY_VERDICT, 'rule-id': BY_VERDICT,
  'rule-reason': BY_VERDICT, 'ruleset-rev': BY_VERDICT, 'initiator': BY_INITIATOR, 'flow-state': BY_FLOW_STATE, 'agent-id': BY_ENI,
  'skipped-packets': ALWAYS,
};

export function fieldKind(name: string): number {
  const kind = KINDS[name];
  if (kind === undefined) throw new Error(`nothing writes the field ${name}: field-kinds.ts lacks a line`);
  return kind;
}

export function isKept(kind: number): boolean {
  return kind >= BY_ENI;
}

/** Writes the value of a kind that is not kept; as the functions of digits.ts. */
export function putValue(view: DataView, at: number, kind: number, rows: Records, row: number): number {
  switch (kind) {
    case SOURCE: return putAddress(view, at, rows.source, row * 4);
    case DESTINATION: return putAddress(view, at, rows.destination, row * 4);
    case SOURCE_PORT: return putNumber(view, at, rows.sourcePort[row]!);
    case DESTINATION_PORT: return putNumber(view, at, rows.destinationPort[row]!);
    case PACKETS: return putNumber(view, at, rows.packets[row]!);
    case BYTES: return putNumber(view, at, rows.bytes[row]!);
    case FRAGMENTS: return putNumber(view, at, rows.fragments[row]!);
    case FIRST_SEEN: return putSeconds(view, at, rows.firstSeenUs[row]!);
    default: return putSeconds(view, at, rows.lastSeenUs[row]!);
  }
}

/** Of what is absent, where other rows have 8 bits. */
const ABSENT = 256;

/** The number under which the row's text of a kept kind is kept. */
export function keptUnder(kind: number, rows: Records, row: number): number {
  switch (kind) {
    case BY_ENI: return rows.eni[row]!;
    case BY_VERDICT: return rows.verdict[row]!;
    case BY_PROTOCOL: return rows.protocol[row]!;
    case BY_DIRECTION: return rows.direction[row]!;
    case BY_TCP_FLAGS: return rows.protocol[row] === PROTOCOL_TCP ? rows.tcpFlags[row]! : ABSENT;
    case BY_ICMP_TYPE: return rows.icmp[row] === NONE ? ABSENT : rows.icmp[row]! >> 8;
    case BY_ICMP_CODE: return rows.icmp[row] === NONE ? ABSENT : rows.icmp[row]! & 255;
    case BY_INITIATOR: return rows.initiator[row]!;
    case BY_FLOW_STATE: return rows.flowState[row]!;
    default: return 0;
  }
}
