/**
 * Messages of rtnetlink about interfaces. All fields are in the byte order of this machine, all parts padded to 4 bytes.
 *
 *   nlmsghdr   length (4)  type (2)  flags (2)  sequence (4)  port (4)
 *   ifinfomsg  family (1)  pad (1)  hardware type (2)  index (4)  flags (4)  changed (4)
 *   rtattr     length (2)  type (2)  value
 */
import { isUp, NO_COUNTERS, type LinkCounters, type NetworkLink } from './network-link.ts';
import { IS_LITTLE_ENDIAN } from './system-calls.ts';

const MESSAGE_HEADER_BYTES = 16;
const LINK_HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;
/** The list changed while it was read, and may lack some. */
const NLM_F_DUMP_INTERRUPTED = 0x10;

const AF_UNSPEC = 0;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_STATS64 = 23;
const MAC_BYTES = 6;
/** IFNAMSIZ, less the zero at the end. */
export const MAX_NAME_BYTES = 15;

export type LinkMessage =
  | { readonly kind: 'link'; readonly sequence: number; readonly link: NetworkLink }
  | { readonly kind: 'gone'; readonly ifindex: number }
  | { readonly kind: 'done'; readonly sequence: number; readonly isComplete: boolean }
  | { readonly kind: 'error'; readonly sequence: number; readonly errno: number };

/** Asks for all interfaces, or for the one of that name. */
export function linkRequest(sequence: number, name: string | null): Uint8Array {
  const nameBytes = name === null ? null : new TextEncoder().encode(`${name}\0`);
  const attributeBytes = nameBytes === null ? 0 : ATTRIBUTE_HEADER_BYTES + padded(nameBytes.length);
  const bytes = new Uint8Array(MESSAGE_HEADER_BYTES + LINK_HEADER_BYTES + attributeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, IS_LITTLE_ENDIAN);
  view.setUint16(4, RTM_GETLINK, IS_LITTLE_ENDIAN);
  view.setUint16(6, NLM_F_REQUEST | (name === null ? NLM_F_DUMP : 0), IS_LITTLE_ENDIAN);
  view.setUint32(8, sequence, IS_LITTLE_ENDIAN);
  if (nameBytes !== null) {
    const at = MESSAGE_HEADER_BYTES + LINK_HEADER_BYTES;
    view.setUint16(at, ATTRIBUTE_HEADER_BYTES + nameBytes.length, IS_LITTLE_ENDIAN);
    view.setUint16(at + 2, IFLA_IFNAME, IS_LITTLE_ENDIAN);
    bytes.set(nameBytes, at + ATTRIBUTE_HEADER_BYTES);
  }
  return bytes;
}

/** The messages of one datagram, as far as their lengths make sense. What is not about interfaces is left out. */
export function parseLinkMessages(bytes: Uint8Array): LinkMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: LinkMessage[] = [];
  let at = 0;
  let isComplete = true;
  while (at + MESSAGE_HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, IS_LITTLE_ENDIAN);
    if (length < MESSAGE_HEADER_BYTES || at + length > bytes.length) break;
    const sequence = view.getUint32(at + 8, IS_LITTLE_ENDIAN);
    if ((view.getUint16(at + 6, IS_LITTLE_ENDIAN) & NLM_F_DUMP_INTERRUPTED) !== 0) isComplete = false;
    const message = parseMessage(view, view.getUint16(at + 4, IS_LITTLE_ENDIAN), sequence, at + MESSAGE_HEADER_BYTES, at + length, isComplete);
    if (message !== null) messages.push(message);
    at += padded(length);
  }
  return messages;
}

function parseMessage(view: DataView, type: number, sequence: number, at: number, end: number, isComplete: boolean): LinkMessage | null {
  if (type === NLMSG_DONE) return { kind: 'done', sequence, isComplete };
  if (type === NLMSG_ERROR) return end - at < 4 ? null : { kind: 'error', sequence, errno: -view.getInt32(at, IS_LITTLE_ENDIAN) };
  if ((type !== RTM_NEWLINK && type !== RTM_DELLINK) || end - at < LINK_HEADER_BYTES) return null;
  // a bridge announces its ports with messages of the same types: a port that leaves it is not gone
  if (view.getUint8(at) !== AF_UNSPEC) return null;
  const ifindex = view.getInt32(at + 4, IS_LITTLE_ENDIAN);
  if (type === RTM_DELLINK) return { kind: 'gone', ifindex };
  const hardwareType = view.getUint16(at + 2, IS_LITTLE_ENDIAN);
  const up = isUp(view.getUint32(at + 8, IS_LITTLE_ENDIAN));
  const attributes = parseAttributes(view, at + LINK_HEADER_BYTES, end);
  return { kind: 'link', sequence, link: { ...attributes, ifindex, hardwareType, up } };
}

function parseAttributes(view: DataView, from: number, end: number): Pick<NetworkLink, 'name' | 'mac' | 'counters'> {
  let name = '';
  let mac: string | null = null;
  let counters = NO_COUNTERS;
  let at = from;
  while (at + ATTRIBUTE_HEADER_BYTES <= end) {
    const length = view.getUint16(at, IS_LITTLE_ENDIAN);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > end) break;
    const value = new Uint8Array(view.buffer, view.byteOffset + at + ATTRIBUTE_HEADER_BYTES, length - ATTRIBUTE_HEADER_BYTES);
    const type = view.getUint16(at + 2, IS_LITTLE_ENDIAN);
    if (type === IFLA_IFNAME) name = new TextDecoder().decode(value).replace(/\0.*$/s, '');
    else if (type === IFLA_ADDRESS && value.length === MAC_BYTES) mac = macText(value);
    else if (type === IFLA_STATS64 && value.length >= 32) counters = parseCounters(view, at + ATTRIBUTE_HEADER_BYTES);
    at += padded(length);
  }
  return { name, mac, counters };
}

/** struct rtnl_link_stats64 begins with these. */
function parseCounters(view: DataView, at: number): LinkCounters {
  const counter = (index: number): number => Number(view.getBigUint64(at + index * 8, IS_LITTLE_ENDIAN));
  return { rxPackets: counter(0), txPackets: counter(1), rxBytes: counter(2), txBytes: counter(3) };
}

function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
