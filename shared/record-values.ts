import { formatAddress } from './address.ts';
import { DIRECTIONS, FLOW_STATES, INITIATORS, LOG_STATUSES } from './fields.ts';
import { NONE, STATUS_OK, STATUS_SKIPDATA, type RecordContext, type Records } from './records.ts';

/** A field's value in JSON and CSV; null is "absent", `-` in the text line. */
export type FieldValue = string | number | null;
type Reader = (rows: Records, row: number, context: RecordContext) => FieldValue;

/** Wraps a reader of what only a flow has: null on NODATA and SKIPDATA rows. */
function ofFlow(read: Reader): Reader {
  return (rows, row, context) => (rows.status[row] === STATUS_OK ? read(rows, row, context) : null);
}

const READERS: Readonly<Record<string, Reader>> = {
  'version': () => 1,
  'vswitch-id': (rows, row, context) => context.enis[rows.eni[row]!]!.vswitchId,
  'vm-id': (rows, row, context) => context.enis[rows.eni[row]!]!.vmId,
  'vpc-id': (rows, row, context) => context.enis[rows.eni[row]!]!.vpcId,
  'account-id': (_rows, _row, context) => context.accountId,
  'eni-id': (rows, row, context) => context.enis[rows.eni[row]!]!.eniId,
  'srcaddr': ofFlow((rows, row) => formatAddress(rows.source, row * 4)),
  'srcport': ofFlow((rows, row) => rows.sourcePort[row]!),
  'dstaddr': ofFlow((rows, row) => formatAddress(rows.destination, row * 4)),
  'dstport': ofFlow((rows, row) => rows.destinationPort[row]!),
  'protocol': ofFlow((rows, row) => rows.protocol[row]!),
  'direction': ofFlow((rows, row) => DIRECTIONS[rows.direction[row]!]!),
  'packets': ofFlow((rows, row) => rows.packets[row]!),
  'bytes': ofFlow((rows, row) => rows.bytes[row]!),
  'start': (rows) => rows.windowStart,
  'end': (rows) => rows.windowEnd,
  'log-status': (rows, row) => LOG_STATUSES[rows.status[row]!]!,
  'action': ofFlow((rows, row, context) => context.verdicts[rows.verdict[row]!]!.action),
  'region': (_rows, _row, context) => context.region,
  'first-seen': ofFlow((rows, row) => rows.firstSeenUs[row]! / 1e6),
  'last-seen': ofFlow((rows, row) => rows.lastSeenUs[row]! / 1e6),
  'tcp-flags': ofFlow((rows, row) => (rows.protocol[row] === 6 ? rows.tcpFlags[row]! : null)),
  'icmp-type': ofFlow((rows, row) => (rows.icmp[row] === NONE ? null : rows.icmp[row]! >> 8)),
  'icmp-code': ofFlow((rows, row) => (rows.icmp[row] === NONE ? null : rows.icmp[row]! & 255)),
  'fragments': ofFlow((rows, row) => rows.fragments[row]!),
  'sg-id': ofFlow((rows, row, context) => context.verdicts[rows.verdict[row]!]!.sgId),
  'rule-id': ofFlow((rows, row, context) => context.verdicts[rows.verdict[row]!]!.ruleId),
  'rule-reason': ofFlow((rows, row, context) => context.verdicts[rows.verdict[row]!]!.reason),
  'ruleset-rev': ofFlow((rows, row, context) => context.verdicts[rows.verdict[row]!]!.revision),
  'initiator': ofFlow((rows, row) => INITIATORS[rows.initiator[row]!]!),
  'flow-state': ofFlow((rows, row) => FLOW_STATES[rows.flowState[row]!]!),
  'agent-id': (_rows, _row, context) => context.agentId,
  'skipped-packets': (rows, row) =>
    rows.status[row] === STATUS_SKIPDATA && rows.skippedPackets[row] !== NONE ? rows.skippedPackets[row]! : null,
};

/** The reader of a field by its name in the field table. */
export function valueReader(name: string): Reader {
  const reader = READERS[name];
  if (!reader) throw new Error(`no reader for the field ${name}: record-values.ts lacks a line`);
  return reader;
}
