/**
 * Whole frames for tests, with true lengths and checksums: `tcpFrame({ src: '10.0.0.1', dst: '10.0.0.2', dstPort: 80,
 * flags: 'S' })`. IPv4 or IPv6 follows from the addresses. The `…Packet` forms leave the Ethernet header out, for raw
 * IP, SLL, PPP and the like.
 */

import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../../shared/protocol.ts';
import {
  ETHERTYPE_IPV4, ETHERTYPE_IPV6, concatBytes, ethernetFrame, internetChecksum, payloadBytes, u16, u32,
} from './ethernet.ts';
import type { EthernetOptions, Payload } from './ethernet.ts';
import { ipPacket, isIpv6, pseudoHeader } from './ip.ts';
import type { IpOptions } from './ip.ts';

/** Bit 0 to 7 of the TCP flags byte. */
const TCP_FLAG_LETTERS = 'FSRPAUEC';

export interface TcpOptions extends IpOptions {
  readonly srcPort?: number;
  readonly dstPort?: number;
  /** Letters of FSRPAUEC ('SA' is SYN and ACK), or the byte itself. */
  readonly flags?: string | number;
  readonly seq?: number;
  readonly ack?: number;
  readonly payload?: Payload;
}

export interface UdpOptions extends IpOptions {
  readonly srcPort?: number;
  readonly dstPort?: number;
  readonly payload?: Payload;
}

export interface IcmpOptions extends IpOptions {
  /** Default: echo request of the family. */
  readonly type?: number;
  readonly code?: number;
  /** The four bytes after the checksum, for an echo `identifier << 16 | sequence`. */
  readonly rest?: number;
  /** What follows; for an ICMP error the quoted packet. */
  readonly payload?: Payload;
}

export interface TransportOptions extends IpOptions {
  readonly protocol: number;
  readonly payload?: Payload;
}

export type FrameOf<Options> = Options & EthernetOptions;

export function tcpFlags(flags: string | number): number {
  if (typeof flags === 'number') return flags;
  let bits = 0;
  for (const letter of flags) {
    const bit = TCP_FLAG_LETTERS.indexOf(letter);
    if (bit < 0) throw new Error(`no TCP flag ${letter}; there are ${TCP_FLAG_LETTERS}`);
    bits |= 1 << bit;
  }
  return bits;
}

/** The segment without its IP header. */
export function tcpSegment(options: TcpOptions): Uint8Array {
  const segment = concatBytes(
    u16(options.srcPort ?? 40000), u16(options.dstPort ?? 80), u32(options.seq ?? 1), u32(options.ack ?? 0),
    [5 << 4, tcpFlags(options.flags ?? 'A')], u16(65535), u16(0), u16(0), payloadBytes(options.payload),
  );
  segment.set(u16(transportChecksum(PROTOCOL_TCP, segment, options)), 16);
  return segment;
}

/** The datagram without its IP header. */
export function udpDatagram(options: UdpOptions): Uint8Array {
  const data = payloadBytes(options.payload);
  const datagram = concatBytes(
    u16(options.srcPort ?? 40000), u16(options.dstPort ?? 53), u16(8 + data.length), u16(0), data,
  );
  datagram.set(u16(transportChecksum(PROTOCOL_UDP, datagram, options) || 0xffff), 6);
  return datagram;
}

/** The message without its IP header: ICMP or ICMPv6, as the addresses say. */
export function icmpMessage(options: IcmpOptions): Uint8Array {
  const v6 = isIpv6(options.src);
  const message = concatBytes(
    [options.type ?? (v6 ? 128 : 8), options.code ?? 0], u16(0), u32(options.rest ?? 0), payloadBytes(options.payload),
  );
  const checksum = v6 ? transportChecksum(PROTOCOL_ICMPV6, message, options) : internetChecksum(message);
  message.set(u16(checksum), 2);
  return message;
}

export function tcpPacket(options: TcpOptions): Uint8Array {
  return ipPacket(PROTOCOL_TCP, tcpSegment(options), options);
}

export function udpPacket(options: UdpOptions): Uint8Array {
  return ipPacket(PROTOCOL_UDP, udpDatagram(options), options);
}

export function icmpPacket(options: IcmpOptions): Uint8Array {
  return ipPacket(isIpv6(options.src) ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP, icmpMessage(options), options);
}

/** IPv4 or IPv6 in an Ethernet frame; the EtherType is read from the packet's version. */
export function ipFrame(packet: Uint8Array, options: EthernetOptions = {}): Uint8Array {
  return ethernetFrame(packet[0]! >>> 4 === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4, packet, options);
}

export function tcpFrame(options: FrameOf<TcpOptions>): Uint8Array {
  return ipFrame(tcpPacket(options), options);
}

export function udpFrame(options: FrameOf<UdpOptions>): Uint8Array {
  return ipFrame(udpPacket(options), options);
}

export function icmpFrame(options: FrameOf<IcmpOptions>): Uint8Array {
  return ipFrame(icmpPacket(options), options);
}

/** Any other upper-layer protocol: GRE, SCTP, a piece of a fragmented datagram. */
export function transportFrame(options: FrameOf<TransportOptions>): Uint8Array {
  return ipFrame(ipPacket(options.protocol, options.payload ?? 0, options), options);
}

function transportChecksum(protocol: number, data: Uint8Array, options: IpOptions): number {
  return internetChecksum(concatBytes(pseudoHeader(options.src, options.dst, protocol, data.length), data));
}
