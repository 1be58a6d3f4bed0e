/** IPv4 and IPv6 packets for tests; the family follows from the addresses. */

import ipaddr from 'ipaddr.js';

import { concatBytes, internetChecksum, payloadBytes, u16, u32 } from './ethernet.ts';
import type { Payload } from './ethernet.ts';

const IPV6_FRAGMENT_HEADER = 44;

export interface IpFragment {
  /** Byte offset of this piece in the whole; a multiple of 8. */
  readonly offset: number;
  /** Whether further pieces follow. */
  readonly more: boolean;
  readonly id?: number;
}

/** An IPv6 extension header: its own number, and its bytes after the next-header field (length byte included). */
export interface ExtensionHeader {
  readonly protocol: number;
  readonly body: Uint8Array;
}

export interface IpOptions {
  readonly src: string;
  readonly dst: string;
  readonly ttl?: number;
  readonly trafficClass?: number;
  /** IPv4 identification. */
  readonly id?: number;
  readonly dontFragment?: boolean;
  /** IPv4 options; padded to a multiple of 4. */
  readonly ipOptions?: Uint8Array;
  readonly extensionHeaders?: readonly ExtensionHeader[];
  readonly fragment?: IpFragment;
  /** What the header's length field says, where that must differ from the truth (0 for segmentation offload). */
  readonly lengthField?: number;
}

export function addressBytes(address: string): Uint8Array {
  return Uint8Array.from(ipaddr.parse(address).toByteArray());
}

export function isIpv6(address: string): boolean {
  return ipaddr.parse(address).kind() === 'ipv6';
}

/** The bytes that TCP, UDP and ICMPv6 checksums cover besides their own (RFC 9293 section 3.1, RFC 8200 section 8.1). */
export function pseudoHeader(src: string, dst: string, protocol: number, length: number): Uint8Array {
  return isIpv6(src)
    ? concatBytes(addressBytes(src), addressBytes(dst), u32(length), u32(protocol))
    : concatBytes(addressBytes(src), addressBytes(dst), [0, protocol], u16(length));
}

export function ipPacket(protocol: number, payload: Payload, options: IpOptions): Uint8Array {
  if (isIpv6(options.src) !== isIpv6(options.dst)) throw new Error(`mixed families: ${options.src} ${options.dst}`);
  return isIpv6(options.src) ? ipv6Packet(protocol, payload, options) : ipv4Packet(protocol, payload, options);
}

export function ipv4Packet(protocol: number, payload: Payload, options: IpOptions): Uint8Array {
  const data = payloadBytes(payload);
  const extra = options.ipOptions ?? new Uint8Array(0);
  const headerLength = 20 + Math.ceil(extra.length / 4) * 4;
  const fragment = options.fragment;
  const fragmentField =
    (options.dontFragment ? 0x4000 : 0) | (fragment?.more ? 0x2000 : 0) | ((fragment?.offset ?? 0) >>> 3);
  const header = new Uint8Array(headerLength);
  header.set([0x40 | (headerLength / 4), options.trafficClass ?? 0, ...u16(options.lengthField ?? headerLength + data.length)]);
  header.set([...u16(fragment?.id ?? options.id ?? 0), ...u16(fragmentField), options.ttl ?? 64, protocol], 4);
  header.set(addressBytes(options.src), 12);
  header.set(addressBytes(options.dst), 16);
  header.set(extra, 20);
  header.set(u16(internetChecksum(header)), 10);
  return concatBytes(header, data);
}

export function ipv6Packet(protocol: number, payload: Payload, options: IpOptions): Uint8Array {
  const headers = [...(options.extensionHeaders ?? [])];
  if (options.fragment !== undefined) {
    const { offset, more, id } = options.fragment;
    const body = Uint8Array.from([0, ...u16((offset & 0xfff8) | (more ? 1 : 0)), ...u32(id ?? options.id ?? 0)]);
    headers.push({ protocol: IPV6_FRAGMENT_HEADER, body });
  }
  const chain = headers.map((header, index) => concatBytes([headers[index + 1]?.protocol ?? protocol], header.body));
  const rest = concatBytes(...chain, payloadBytes(payload));
  return concatBytes(
    u32((0x60000000 | ((options.trafficClass ?? 0) << 20)) >>> 0),
    u16(options.lengthField ?? rest.length),
    [headers[0]?.protocol ?? protocol, options.ttl ?? 64],
    addressBytes(options.src),
    addressBytes(options.dst),
    rest,
  );
}
