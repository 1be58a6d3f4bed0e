import { DIRECTIONS, FLOW_STATES, INITIATORS } from '../fields.ts';
import { PROTOCOL_TCP } from '../protocol.ts';
import { NONE, Records, STATUS_OK, type RecordContext } from '../records.ts';
import { setSafeInteger, WIRE_COLUMNS, words, type ColumnBatch, type IndexArray, type NumberColumn, type WireColumn } from './column-batch.ts';

/** The flows among an agent's rows in wire columns; arrays are shared with the records where their layout allows. */
export function columnsOfRecords(records: Records, context: RecordContext): ColumnBatch {
  const flows = onlyFlows(records);
  const rows = flows.count;
  const enis = used(flows.eni, rows, context.enis.length);
  const verdicts = used(flows.verdict, rows, context.verdicts.length);
  const ofEni = (read: (eni: RecordContext['enis'][number]) => string | null): WireColumn =>
    ({ kind: 'symbol', index: enis.index, dictionary: enis.ids.map((id) => read(context.enis[id]!)) });
  const ofVerdict = (read: (verdict: RecordContext['verdicts'][number]) => string | null): WireColumn =>
    ({ kind: 'symbol', index: verdicts.index, dictionary: verdicts.ids.map((id) => read(context.verdicts[id]!)) });
  const zeros = new Int8Array(rows);
  const constant = (value: string | null): WireColumn => ({ kind: 'symbol', index: zeros, dictionary: [value] });
  const hasIcmp = bitmap(flows.icmp, rows, NONE, false);

  const columns: Record<string, WireColumn> = {
    version: numbers(new Uint8Array(rows).fill(1)),
    vswitch_id: ofEni((eni) => eni.vswitchId),
    vm_id: ofEni((eni) => eni.vmId),
    vpc_id: ofEni((eni) => eni.vpcId),
    account_id: constant(context.accountId),
    eni_id: ofEni((eni) => eni.eniId),
    srcaddr_hi: addressHalf(flows.source, rows, 0),
    srcaddr_lo: addressHalf(flows.source, rows, 2),
    srcport: numbers(flows.sourcePort.subarray(0, rows)),
    dstaddr_hi: addressHalf(flows.destination, rows, 0),
    dstaddr_lo: addressHalf(flows.destination, rows, 2),
    dstport: numbers(flows.destinationPort.subarray(0, rows)),
    protocol: numbers(flows.protocol.subarray(0, rows)),
    direction: { kind: 'symbol', index: flows.direction.subarray(0, rows), dictionary: DIRECTIONS },
    packets: wide(flows.packets, rows),
    bytes: wide(flows.bytes, rows),
    start: numbers(new BigInt64Array(rows).fill(BigInt(flows.windowStart))),
    end: numbers(new BigInt64Array(rows).fill(BigInt(flows.windowEnd))),
    action: ofVerdict((verdict) => verdict.action),
    region: constant(context.region),
    first_seen: wide(flows.firstSeenUs, rows),
    last_seen: wide(flows.lastSeenUs, rows),
    tcp_flags: numbers(flows.tcpFlags.subarray(0, rows), bitmap(flows.protocol, rows, PROTOCOL_TCP, true)),
    icmp_type: icmpByte(flows.icmp, rows, 8, hasIcmp),
    icmp_code: icmpByte(flows.icmp, rows, 0, hasIcmp),
    fragments: numbers(new Uint32Array(flows.fragments.buffer as ArrayBuffer, flows.fragments.byteOffset, rows)),
    sg_id: ofVerdict((verdict) => verdict.sgId),
    rule_id: ofVerdict((verdict) => verdict.ruleId),
    rule_reason: ofVerdict((verdict) => verdict.reason),
    ruleset_rev: revisions(verdicts, context, rows),
    initiator: { kind: 'symbol', index: flows.initiator.subarray(0, rows), dictionary: INITIATORS },
    flow_state: { kind: 'symbol', index: flows.flowState.subarray(0, rows), dictionary: FLOW_STATES },
    agent_id: constant(context.agentId),
  };
  return { rows, columns: new Map(WIRE_COLUMNS.map(({ name }) => [name, filled(columns, name)])) };
}

function filled(columns: Record<string, WireColumn>, name: string): WireColumn {
  const column = columns[name];
  if (!column) throw new Error(`no wire column for ${name}: record-columns.ts lacks a line`);
  return column;
}

/** The records themselves, or a copy without the status rows: those are derived from the seals. */
function onlyFlows(records: Records): Records {
  let flows = 0;
  for (let row = 0; row < records.count; row++) if (records.status[row] === STATUS_OK) flows++;
  if (flows === records.count) return records;
  const copy = new Records(records.windowStart, records.windowSeconds, Math.max(1, flows));
  for (let row = 0; row < records.count; row++) {
    if (records.status[row] === STATUS_OK) copy.copyRow(copy.add(), records, row);
  }
  return copy;
}

interface Used {
  readonly index: IndexArray;
  readonly ids: readonly number[];
}

/** The ids in use, numbered from 0, and the column in those numbers: a batch carries no name that it does not use. */
function used(column: Int32Array, rows: number, idCount: number): Used {
  const position = new Int32Array(idCount).fill(-1);
  const ids: number[] = [];
  for (let row = 0; row < rows; row++) {
    const id = column[row]!;
    if (position[id] === -1) position[id] = ids.push(id) - 1;
  }
  const index = ids.length <= 0x7f ? new Int8Array(rows) : ids.length <= 0x7fff ? new Int16Array(rows) : new Int32Array(rows);
  for (let row = 0; row < rows; row++) index[row] = position[column[row]!]!;
  return { index, ids };
}

function numbers(values: NumberColumn['values'], valid: Uint8Array | null = null): NumberColumn {
  return { kind: 'number', values, valid };
}

function wide(values: Float64Array, rows: number): NumberColumn {
  const column = numbers(new BigInt64Array(rows));
  const pairs = words(column);
  for (let row = 0; row < rows; row++) setSafeInteger(pairs, row, values[row]!);
  return column;
}

/** Words `first` and `first + 1` of each address (most significant first) as one 64-bit number. */
function addressHalf(addresses: Int32Array, rows: number, first: number): NumberColumn {
  const column = numbers(new BigUint64Array(rows));
  const pairs = words(column);
  for (let row = 0; row < rows; row++) {
    pairs[2 * row] = addresses[4 * row + first + 1]!;
    pairs[2 * row + 1] = addresses[4 * row + first]!;
  }
  return column;
}

function icmpByte(icmp: Int32Array, rows: number, shift: number, valid: Uint8Array | null): NumberColumn {
  const values = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) values[row] = icmp[row]! >> shift;
  return numbers(values, valid);
}

function revisions(verdicts: Used, context: RecordContext, rows: number): NumberColumn {
  const revision = verdicts.ids.map((id) => context.verdicts[id]!.revision);
  const values = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) values[row] = revision[verdicts.index[row]!]!;
  return numbers(values);
}

/** Rows whose value is that one, or (`isEqual` false) another one; null: all of them. */
function bitmap(column: Int32Array | Uint8Array, rows: number, value: number, isEqual: boolean): Uint8Array | null {
  const bits = new Uint8Array((rows + 7) >> 3);
  let absent = 0;
  for (let row = 0; row < rows; row++) {
    if ((column[row] === value) === isEqual) bits[row >> 3]! |= 1 << (row & 7);
    else absent++;
  }
  return absent === 0 ? null : bits;
}
