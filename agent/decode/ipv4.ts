import { KEY_DST0, KEY_DST1, KEY_DST2, KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC0, KEY_SRC1, KEY_SRC2, KEY_SRC3 } from '../../shared/flow-key.ts';
import type { FragmentTable } from './fragment-table.ts';
import type { KeyQueue } from './key-queue.ts';
import { QUEUE_FRAGMENT, QUEUE_QUOTES, SLOT_BYTES, SLOT_FLAGS, SLOT_WORDS } from './key-slot.ts';
import { STATUS_DECODED, STATUS_IPV4_HEADER, STATUS_IPV4_LENGTH, STATUS_IPV4_TRUNCATED } from './packet-status.ts';
import { transportFlags, transportPorts } from './transport.ts';

/*
 * RFC 791 section 3.1:
 *
 *     |Version|  IHL  |Type of Service|          Total Length         |   0
 *     |         Identification        |Flags|      Fragment Offset    |   4
 *     |  Time to Live |    Protocol   |         Header Checksum       |   8
 *     |                       Source Address                          |  12
 *     |                    Destination Address                        |  16
 */
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FRAGMENT = 6;
const PROTOCOL = 9;
const SOURCE = 12;
const DESTINATION = 16;
const HEADER_BYTES = 20;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;
const IPV4_MAPPED = 0xffff;
const ICMP_HEADER_BYTES = 8;

/**
 * Decodes the IPv4 packet in [offset, end) into slot `at`. `originalBytes` is the length of the packet on the wire by
 * the frame's original length; it stands in where segmentation offload left a total length of zero.
 * Returns a packet status.
 */
export function decodeIpv4(
  view: DataView, offset: number, end: number, originalBytes: number, queue: KeyQueue, at: number,
  fragments: FragmentTable,
): number {
  if (end - offset < HEADER_BYTES) return STATUS_IPV4_TRUNCATED;
  const versionAndLength = view.getUint8(offset);
  const headerBytes = (versionAndLength & 15) << 2;
  if (versionAndLength >> 4 !== 4 || headerBytes < HEADER_BYTES) return STATUS_IPV4_HEADER;
  if (end - offset < headerBytes) return STATUS_IPV4_TRUNCATED;
  const totalLength = view.getUint16(offset + TOTAL_LENGTH);
  if (totalLength !== 0 && totalLength < headerBytes) return STATUS_IPV4_LENGTH;
  const bytes = totalLength === 0 ? originalBytes : totalLength;
  const packetEnd = offset + bytes < end ? offset + bytes : end;
  const protocol = view.getUint8(offset + PROTOCOL);
  const fragment = view.getUint16(offset + FRAGMENT);

  const keys = queue.keys;
  keys[at + KEY_SRC3] = view.getInt32(offset + SOURCE);
  keys[at + KEY_DST3] = view.getInt32(offset + DESTINATION);
  keys[at + KEY_SRC0] = 0;
  keys[at + KEY_SRC1] = 0;
  keys[at + KEY_SRC2] = IPV4_MAPPED;
  keys[at + KEY_DST0] = 0;
  keys[at + KEY_DST1] = 0;
  keys[at + KEY_DST2] = IPV4_MAPPED;
  keys[at + KEY_META] = protocol;
  keys[at + SLOT_BYTES] = bytes;

  if ((fragment & FRAGMENT_OFFSET) !== 0) {
    const id = view.getUint16(offset + IDENTIFICATION);
    keys[at + KEY_PORTS] = fragments.find(keys, at, id, protocol, queue.timeUs[at / SLOT_WORDS]!) ? fragments.ports : 0;
    keys[at + SLOT_FLAGS] = QUEUE_FRAGMENT;
    return STATUS_DECODED;
  }
  const transport = offset + headerBytes;
  const status = transportPorts(view, transport, packetEnd, protocol, keys, at);
  if (status !== STATUS_DECODED) return status;
  const flags = transportFlags(view, transport, packetEnd, protocol, false);
  keys[at + SLOT_FLAGS] = flags === QUEUE_QUOTES && !quotedIpv4(view, transport + ICMP_HEADER_BYTES, packetEnd, queue.quoted, at) ? 0 : flags;
  if ((fragment & MORE_FRAGMENTS) !== 0) {
    fragments.put(keys, at, view.getUint16(offset + IDENTIFICATION), protocol, keys[at + KEY_PORTS]!, protocol, queue.timeUs[at / SLOT_WORDS]!);
  }
  return STATUS_DECODED;
}

/**
 * Key of a packet quoted in an ICMP error: the header and at least the ports (RFC 792: 64 bits of data).
 * False where the quotation holds no usable key; a non-first fragment has none.
 */
export function quotedIpv4(view: DataView, offset: number, end: number, quoted: Int32Array, at: number): boolean {
  if (end - offset < HEADER_BYTES) return false;
  const versionAndLength = view.getUint8(offset);
  const headerBytes = (versionAndLength & 15) << 2;
  if (versionAndLength >> 4 !== 4 || headerBytes < HEADER_BYTES || end - offset < headerBytes) return false;
  if ((view.getUint16(offset + FRAGMENT) & FRAGMENT_OFFSET) !== 0) return false;
  const protocol = view.getUint8(offset + PROTOCOL);
  quoted[at + KEY_SRC3] = view.getInt32(offset + SOURCE);
  quoted[at + KEY_DST3] = view.getInt32(offset + DESTINATION);
  quoted[at + KEY_SRC0] = 0;
  quoted[at + KEY_SRC1] = 0;
  quoted[at + KEY_SRC2] = IPV4_MAPPED;
  quoted[at + KEY_DST0] = 0;
  quoted[at + KEY_DST1] = 0;
  quoted[at + KEY_DST2] = IPV4_MAPPED;
  quoted[at + KEY_META] = protocol;
  return transportPorts(view, offset + headerBytes, end, protocol, quoted, at) === STATUS_DECODED;
}
