import { WeirError } from '../../shared/errors.ts';
import { STATUS_LINK_DEPTH, STATUS_LINK_TRUNCATED, STATUS_NON_IP } from './packet-status.ts';

/** LINKTYPE_ numbers, https://www.tcpdump.org/linktypes.html; raw IP also under its DLT_ numbers 12 and 14. */
export const LINK_NULL = 0;
export const LINK_ETHERNET = 1;
export const LINK_PPP = 9;
export const LINK_RAW_BSD = 12;
export const LINK_RAW_OPENBSD = 14;
export const LINK_PPP_HDLC = 50;
export const LINK_RAW = 101;
export const LINK_LOOP = 108;
export const LINK_SLL = 113;
export const LINK_IPV4 = 228;
export const LINK_IPV6 = 229;
export const LINK_SLL2 = 276;

const SUPPORTED: Readonly<Record<number, string>> = {
  [LINK_NULL]: 'NULL', [LINK_ETHERNET]: 'Ethernet', [LINK_PPP]: 'PPP', [LINK_RAW_BSD]: 'raw IP',
  [LINK_RAW_OPENBSD]: 'raw IP', [LINK_PPP_HDLC]: 'PPP in HDLC', [LINK_RAW]: 'raw IP', [LINK_LOOP]: 'LOOP',
  [LINK_SLL]: 'Linux SLL', [LINK_IPV4]: 'raw IPv4', [LINK_IPV6]: 'raw IPv6', [LINK_SLL2]: 'Linux SLL2',
};

function unsupported(linkType: number): WeirError {
  const known = [...new Set(Object.values(SUPPORTED))].join(', ');
  return new WeirError('CAPTURE_LINK_TYPE', `link type ${linkType} is not supported; supported are ${known}`);
}

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_QINQ = 0x88a8;
/** Stacked tags of switches from before IEEE 802.1ad. */
const ETHERTYPE_QINQ_OLD = 0x9100;
const ETHERTYPE_MPLS = 0x8847;
const ETHERTYPE_MPLS_UPSTREAM = 0x8848;
const ETHERTYPE_PPPOE_SESSION = 0x8864;
/** DSAP aa, SSAP aa, control 03, first byte of the organization code. */
const LLC_SNAP = 0xaaaa0300 | 0;
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;
const PPP_MPLS = 0x0281;

const MAX_TAGS = 8;
const MAX_LABELS = 16;

/**
 * Where the IP header is. A result >= 0 is `offset * 2 + (1 for IPv6)`; a negative one is the negated packet status.
 */
export type NetworkOffset = number;

function ipv4At(offset: number): NetworkOffset {
  return offset * 2;
}

function ipv6At(offset: number): NetworkOffset {
  return offset * 2 + 1;
}

/** IP header behind the link header of the frame in [offset, end). Throws CAPTURE_LINK_TYPE. */
export function networkOffset(linkType: number, view: DataView, offset: number, end: number): NetworkOffset {
  switch (linkType) {
    case LINK_ETHERNET:
      return end - offset < 14 ? -STATUS_LINK_TRUNCATED : afterEtherType(view, view.getUint16(offset + 12), offset + 14, end);
    case LINK_RAW:
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
      return byVersion(view, offset, end);
    case LINK_IPV4:
      return ipv4At(offset);
    case LINK_IPV6:
      return ipv6At(offset);
    case LINK_NULL:
    case LINK_LOOP:
      return afterFamily(linkType, view, offset, end);
    case LINK_SLL:
      // packet type, ARPHRD_, address length, address (8), protocol
      return end - offset < 16 ? -STATUS_LINK_TRUNCATED : afterEtherType(view, view.getUint16(offset + 14), offset + 16, end);
    case LINK_SLL2:
      // protocol, reserved, interface index (4), ARPHRD_, packet type, address length, address (8)
      return end - offset < 20 ? -STATUS_LINK_TRUNCATED : afterEtherType(view, view.getUint16(offset), offset + 20, end);
    case LINK_PPP:
    case LINK_PPP_HDLC:
      return afterPpp(view, offset, end);
    default:
      throw unsupported(linkType);
  }
}

function afterEtherType(view: DataView, firstEtherType: number, firstOffset: number, end: number): NetworkOffset {
  let etherType = firstEtherType;
  let offset = firstOffset;
  for (let tags = 0; tags <= MAX_TAGS; tags++) {
    if (etherType === ETHERTYPE_IPV4) return ipv4At(offset);
    if (etherType === ETHERTYPE_IPV6) return ipv6At(offset);
    if (etherType === ETHERTYPE_VLAN || etherType === ETHERTYPE_QINQ || etherType === ETHERTYPE_QINQ_OLD) {
      if (end - offset < 4) return -STATUS_LINK_TRUNCATED;
      etherType = view.getUint16(offset + 2);
      offset += 4;
      continue;
    }
    if (etherType === ETHERTYPE_MPLS || etherType === ETHERTYPE_MPLS_UPSTREAM) return afterLabels(view, offset, end);
    if (etherType === ETHERTYPE_PPPOE_SESSION) {
      // RFC 2516 section 4: version/type, code, session, length, then a PPP protocol number
      return end - offset < 8 ? -STATUS_LINK_TRUNCATED : afterPppProtocol(view, view.getUint16(offset + 6), offset + 8, end);
    }
    // a length field instead of a type (IEEE 802.3); IP may still follow in SNAP (RFC 1042)
    if (etherType <= 1500 && end - offset >= 8 && view.getInt32(offset) === LLC_SNAP && view.getUint16(offset + 4) === 0) {
      etherType = view.getUint16(offset + 6);
      offset += 8;
      continue;
    }
    return -STATUS_NON_IP;
  }
  return -STATUS_LINK_DEPTH;
}

/** RFC 3032: label entries of four bytes; the lowest has the bottom-of-stack bit. What follows names itself by version. */
function afterLabels(view: DataView, firstOffset: number, end: number): NetworkOffset {
  let offset = firstOffset;
  for (let labels = 0; labels < MAX_LABELS; labels++) {
    if (end - offset < 4) return -STATUS_LINK_TRUNCATED;
    const bottom = view.getUint8(offset + 2) & 1;
    offset += 4;
    if (bottom) return byVersion(view, offset, end);
  }
  return -STATUS_LINK_DEPTH;
}

function byVersion(view: DataView, offset: number, end: number): NetworkOffset {
  if (end - offset < 1) return -STATUS_LINK_TRUNCATED;
  const version = view.getUint8(offset) >> 4;
  if (version === 4) return ipv4At(offset);
  if (version === 6) return ipv6At(offset);
  return -STATUS_NON_IP;
}

/** A protocol family of four bytes: host byte order of the machine that captured (NULL), network byte order (LOOP). */
function afterFamily(linkType: number, view: DataView, offset: number, end: number): NetworkOffset {
  if (end - offset < 4) return -STATUS_LINK_TRUNCATED;
  let family = view.getInt32(offset, linkType === LINK_NULL);
  // families are small numbers: a value above 16 bits was written in the other byte order
  if (family >>> 16 !== 0) family = view.getInt32(offset, linkType !== LINK_NULL);
  if (family === 2) return ipv4At(offset + 4);
  // AF_INET6: Linux 10, NetBSD and OpenBSD 24, FreeBSD 28, Darwin 30
  if (family === 10 || family === 24 || family === 28 || family === 30) return ipv6At(offset + 4);
  return -STATUS_NON_IP;
}

/** RFC 1662: optional address and control bytes ff 03 (or 0f/8f 00 in Cisco HDLC), then the protocol number. */
function afterPpp(view: DataView, offset: number, end: number): NetworkOffset {
  if (end - offset < 2) return -STATUS_LINK_TRUNCATED;
  const first = view.getUint16(offset);
  if (first === 0xff03) {
    if (end - offset < 4) return -STATUS_LINK_TRUNCATED;
    return afterPppProtocolField(view, offset + 2, end);
  }
  if (first === 0x0f00 || first === 0x8f00) {
    return end - offset < 4 ? -STATUS_LINK_TRUNCATED : afterEtherType(view, view.getUint16(offset + 2), offset + 4, end);
  }
  return afterPppProtocolField(view, offset, end);
}

/** RFC 1661 section 6.5: a protocol number whose first byte is odd is compressed to one byte. */
function afterPppProtocolField(view: DataView, offset: number, end: number): NetworkOffset {
  const first = view.getUint8(offset);
  if (first & 1) return afterPppProtocol(view, first, offset + 1, end);
  if (end - offset < 2) return -STATUS_LINK_TRUNCATED;
  return afterPppProtocol(view, view.getUint16(offset), offset + 2, end);
}

function afterPppProtocol(view: DataView, protocol: number, offset: number, end: number): NetworkOffset {
  if (protocol === PPP_IPV4) return ipv4At(offset);
  if (protocol === PPP_IPV6) return ipv6At(offset);
  if (protocol === PPP_MPLS) return afterLabels(view, offset, end);
  return -STATUS_NON_IP;
}
