import { KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC3, META_ENI_SHIFT, META_IPV6, META_OUT } from '../../shared/flow-key.ts';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, hasPorts } from '../../shared/protocol.ts';
import { NONE, STATUS_OK, type Records } from '../../shared/records.ts';
import {
  ENTRY_BYTES, ENTRY_DOUBLES, ENTRY_FIRST_US, ENTRY_FRAGMENTS, ENTRY_LAST_US, ENTRY_PACKETS, ENTRY_STATE,
  ENTRY_VERDICT, ENTRY_WORDS, PREFIX_WORDS, STATE_INITIATOR, STATE_INITIATOR_SHIFT, STATE_NEW, STATE_TCP_FLAGS,
} from './entry.ts';
import type { FlowTable } from './flow-table.ts';

/** Indices into FLOW_STATES. */
export const FLOW_END = 0;
export const FLOW_NEW = 1;
export const FLOW_CONTINUING = 2;

const IPV4_MAPPED = 0xffff;

/** Appends the entry's counters as a row and returns its index; the entry is left as it is. */
export function writeRow(table: FlowTable, entry: number, rows: Records, isEnded: boolean): number {
  const { words, doubles } = table;
  const base = entry * ENTRY_WORDS;
  const baseDouble = entry * ENTRY_DOUBLES;
  const state = words[base + ENTRY_STATE]!;
  const row = rows.add();
  writeKey(table, entry, rows, row);
  rows.verdict[row] = words[base + ENTRY_VERDICT]!;
  rows.packets[row] = words[base + ENTRY_PACKETS]!;
  rows.bytes[row] = doubles[baseDouble + ENTRY_BYTES]!;
  rows.firstSeenUs[row] = doubles[baseDouble + ENTRY_FIRST_US]!;
  rows.lastSeenUs[row] = doubles[baseDouble + ENTRY_LAST_US]!;
  rows.tcpFlags[row] = state & STATE_TCP_FLAGS;
  rows.fragments[row] = words[base + ENTRY_FRAGMENTS]!;
  rows.initiator[row] = (state & STATE_INITIATOR) >> STATE_INITIATOR_SHIFT;
  rows.flowState[row] = isEnded ? FLOW_END : (state & STATE_NEW) !== 0 ? FLOW_NEW : FLOW_CONTINUING;
  rows.status[row] = STATUS_OK;
  rows.skippedPackets[row] = NONE;
  return row;
}

function writeKey(table: FlowTable, entry: number, rows: Records, row: number): void {
  const { words, prefixes } = table;
  const base = entry * ENTRY_WORDS;
  const prefix = entry * PREFIX_WORDS;
  const meta = words[base + KEY_META]!;
  const ports = words[base + KEY_PORTS]!;
  const protocol = meta & 0xff;
  const isIpv6 = (meta & META_IPV6) !== 0;
  for (let word = 0; word < 3; word++) {
    const mapped = word === 2 ? IPV4_MAPPED : 0;
    rows.source[row * 4 + word] = isIpv6 ? prefixes[prefix + word]! : mapped;
    rows.destination[row * 4 + word] = isIpv6 ? prefixes[prefix + 3 + word]! : mapped;
  }
  rows.source[row * 4 + 3] = words[base + KEY_SRC3]!;
  rows.destination[row * 4 + 3] = words[base + KEY_DST3]!;
  const isIcmp = protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6;
  const showsPorts = hasPorts(protocol);
  rows.sourcePort[row] = showsPorts ? ports >>> 16 : 0;
  rows.destinationPort[row] = showsPorts ? ports & 0xffff : 0;
  rows.icmp[row] = isIcmp ? ports & 0xffff : NONE;
  rows.protocol[row] = protocol;
  rows.direction[row] = (meta & META_OUT) !== 0 ? 1 : 0;
  rows.eni[row] = meta >>> META_ENI_SHIFT;
}
