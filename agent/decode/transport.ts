import { KEY_PORTS } from '../../shared/flow-key.ts';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, hasPorts } from '../../shared/protocol.ts';
import { QUEUE_QUOTES } from './key-slot.ts';
import { STATUS_DECODED, STATUS_TRANSPORT_TRUNCATED } from './packet-status.ts';

/**
 * Reads ports or ICMP type and code at `offset` into the key at `keys[at]`, for both IP versions.
 *
 *      0                   1                   2                   3
 *     |          Source Port          |       Destination Port        |   TCP, UDP, SCTP, DCCP, UDP-Lite
 *     |     Type      |     Code      |           Checksum            |   ICMP, ICMPv6
 *
 * Returns a packet status. Protocols without ports have nothing to read.
 */
export function transportPorts(view: DataView, offset: number, end: number, protocol: number, keys: Int32Array, at: number): number {
  if (hasPorts(protocol)) {
    if (end - offset < 4) return STATUS_TRANSPORT_TRUNCATED;
    keys[at + KEY_PORTS] = view.getInt32(offset);
    return STATUS_DECODED;
  }
  if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6) {
    if (end - offset < 2) return STATUS_TRANSPORT_TRUNCATED;
    keys[at + KEY_PORTS] = view.getUint16(offset);
    return STATUS_DECODED;
  }
  keys[at + KEY_PORTS] = 0;
  return STATUS_DECODED;
}

/** Flag bits of word SLOT_FLAGS: the TCP flags, or that an ICMP error quotes the packet it is about. */
export function transportFlags(view: DataView, offset: number, end: number, protocol: number, isIpv6: boolean): number {
  // RFC 9293 section 3.1: the flags are octet 13 of the header
  if (protocol === PROTOCOL_TCP) return end - offset >= 14 ? view.getUint8(offset + 13) : 0;
  if (protocol === PROTOCOL_ICMP && !isIpv6) return isIcmpError(view.getUint8(offset)) ? QUEUE_QUOTES : 0;
  if (protocol === PROTOCOL_ICMPV6 && isIpv6) return isIcmpv6Error(view.getUint8(offset)) ? QUEUE_QUOTES : 0;
  return 0;
}

/** RFC 792 and RFC 1122 section 3.2.2: unreachable, source quench, redirect, time exceeded, parameter problem. */
function isIcmpError(type: number): boolean {
  return type === 3 || type === 4 || type === 5 || type === 11 || type === 12;
}

/** RFC 4443 section 2.1: types below 128 are errors. */
function isIcmpv6Error(type: number): boolean {
  return type < 128;
}
