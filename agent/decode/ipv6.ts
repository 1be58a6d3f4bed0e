import { KEY_META, KEY_PORTS, META_IPV6 } from '../../shared/flow-key.ts';
import type { FragmentTable } from './fragment-table.ts';
import type { KeyQueue } from './key-queue.ts';
import { QUEUE_FRAGMENT, QUEUE_QUOTES, SLOT_BYTES, SLOT_FLAGS, SLOT_WORDS } from './key-slot.ts';
import { ipv6Addresses } from './ipv6-addresses.ts';
import { STATUS_DECODED, STATUS_IPV6_EXTENSIONS, STATUS_IPV6_HEADER, STATUS_IPV6_TRUNCATED } from './packet-status.ts';
import { transportFlags, transportPorts } from './transport.ts';

/*
 * RFC 8200 section 3:
 *
 *     |Version| Traffic Class |           Flow Label                  |   0
 *     |         Payload Length        |  Next Header  |   Hop Limit   |   4
 *     |                       Source Address (16)                     |   8
 *     |                    Destination Address (16)                   |  24
 */
const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HEADER_BYTES = 40;
/** Shorter frames are padded to this (IEEE 802.3 section 4A.2.3.2.4). */
const MIN_ETHERNET_PAYLOAD = 46;

/** Extension headers, RFC 8200 section 4 and RFC 4302. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const NO_NEXT_HEADER = 59;
const DESTINATION_OPTIONS = 60;
const SHIM6 = 140;
const MAX_EXTENSIONS = 16;
const ICMP_HEADER_BYTES = 8;
/** Tag of IPv6 in the fragment table: no IPv4 protocol number. */
const FRAGMENT_TAG = 256;

/** Decodes the IPv6 packet in [offset, end) into slot `at`; as decodeIpv4. */
export function decodeIpv6(
  view: DataView, offset: number, end: number, originalBytes: number, queue: KeyQueue, at: number,
  fragments: FragmentTable,
): number {
  if (end - offset < HEADER_BYTES) return STATUS_IPV6_TRUNCATED;
  if (view.getUint8(offset) >> 4 !== 6) return STATUS_IPV6_HEADER;
  const payloadLength = view.getUint16(offset + PAYLOAD_LENGTH);
  let next = view.getUint8(offset + NEXT_HEADER);
  // a zero payload length is a jumbogram (RFC 2675) or segmentation offload, unless what follows is Ethernet padding
  const isOffloaded = payloadLength === 0 && next !== NO_NEXT_HEADER && originalBytes > MIN_ETHERNET_PAYLOAD;
  const bytes = isOffloaded ? originalBytes : HEADER_BYTES + payloadLength;
  const packetEnd = offset + bytes < end ? offset + bytes : end;
  const keys = queue.keys;
  ipv6Addresses(view, offset, keys, at);
  keys[at + SLOT_BYTES] = bytes;

  let header = offset + HEADER_BYTES;
  let fragmentId = 0;
  let isFirstFragment = false;
  for (let extensions = 0; ; extensions++) {
    if (extensions > MAX_EXTENSIONS) return STATUS_IPV6_EXTENSIONS;
    if (next === FRAGMENT) {
      if (packetEnd - header < 8) return STATUS_IPV6_TRUNCATED;
      const offsetAndMore = view.getUint16(header + 2);
      fragmentId = view.getInt32(header + 4);
      next = view.getUint8(header);
      header += 8;
      if (offsetAndMore >>> 3 !== 0) {
        const known = fragments.find(keys, at, fragmentId, FRAGMENT_TAG, queue.timeUs[at / SLOT_WORDS]!);
        keys[at + KEY_PORTS] = known ? fragments.ports : 0;
        keys[at + KEY_META] = (known ? fragments.protocol : next) | META_IPV6;
        keys[at + SLOT_FLAGS] = QUEUE_FRAGMENT;
        return STATUS_DECODED;
      }
      isFirstFragment = (offsetAndMore & 1) === 1;
    } else if (isOptionsHeader(next)) {
      if (packetEnd - header < 8) return STATUS_IPV6_TRUNCATED;
      next = view.getUint8(header);
      header += (view.getUint8(header + 1) + 1) << 3;
    } else if (next === AUTHENTICATION) {
      if (packetEnd - header < 8) return STATUS_IPV6_TRUNCATED;
      next = view.getUint8(header);
      header += (view.getUint8(header + 1) + 2) << 2;
    } else {
      break;
    }
  }
  keys[at + KEY_META] = next | META_IPV6;
  const status = transportPorts(view, header, packetEnd, next, keys, at);
  if (status !== STATUS_DECODED) return status;
  const flags = transportFlags(view, header, packetEnd, next, true);
  keys[at + SLOT_FLAGS] = flags === QUEUE_QUOTES && !quotedIpv6(view, header + ICMP_HEADER_BYTES, packetEnd, queue.quoted, at) ? 0 : flags;
  if (isFirstFragment) fragments.put(keys, at, fragmentId, FRAGMENT_TAG, keys[at + KEY_PORTS]!, next, queue.timeUs[at / SLOT_WORDS]!);
  return STATUS_DECODED;
}

/** As quotedIpv4: RFC 4443 section 2.4 quotes as much of the packet as fits. */
export function quotedIpv6(view: DataView, offset: number, end: number, quoted: Int32Array, at: number): boolean {
  if (end - offset < HEADER_BYTES || view.getUint8(offset) >> 4 !== 6) return false;
  ipv6Addresses(view, offset, quoted, at);
  let next = view.getUint8(offset + NEXT_HEADER);
  let header = offset + HEADER_BYTES;
  for (let extensions = 0; extensions <= MAX_EXTENSIONS; extensions++) {
    if (!isOptionsHeader(next) && next !== FRAGMENT) {
      quoted[at + KEY_META] = next | META_IPV6;
      return transportPorts(view, header, end, next, quoted, at) === STATUS_DECODED;
    }
    if (end - header < 8) return false;
    if (next === FRAGMENT && view.getUint16(header + 2) >>> 3 !== 0) return false;
    const length = next === FRAGMENT ? 8 : (view.getUint8(header + 1) + 1) << 3;
    next = view.getUint8(header);
    header += length;
  }
  return false;
}

function isOptionsHeader(next: number): boolean {
  return next === HOP_BY_HOP || next === ROUTING || next === DESTINATION_OPTIONS || next === SHIM6;
}
