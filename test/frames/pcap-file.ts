/** Writes classic pcap files for tests (draft-ietf-opsawg-pcap). */

import { LINKTYPE_ETHERNET, capturedPacket } from './captured-packet.ts';
import type { CapturedPacket } from './captured-packet.ts';
import { concatBytes } from './ethernet.ts';

export interface PcapFileOptions {
  /** The whole 32-bit field, with its upper bits. */
  readonly linkType?: number;
  readonly nanoseconds?: boolean;
  readonly bigEndian?: boolean;
  readonly snapLength?: number;
  /** The header of Alexey Kuznetzov's patched libpcap, with 8 more bytes a record. */
  readonly modified?: boolean;
}

export function pcapFile(packets: readonly (Uint8Array | CapturedPacket)[], options: PcapFileOptions = {}): Uint8Array {
  return concatBytes(pcapHeader(options), ...packets.map((packet, index) => pcapRecord(capturedPacket(packet, index), options)));
}

export function pcapHeader(options: PcapFileOptions = {}): Uint8Array {
  const header = new Uint8Array(24);
  const view = new DataView(header.buffer);
  const little = !options.bigEndian;
  view.setUint32(0, options.modified ? 0xa1b2cd34 : options.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, little);
  view.setUint16(4, 2, little);
  view.setUint16(6, 4, little);
  view.setUint32(16, options.snapLength ?? 262144, little);
  view.setUint32(20, options.linkType ?? LINKTYPE_ETHERNET, little);
  return header;
}

export function pcapRecord(packet: CapturedPacket & { timeUs: number }, options: PcapFileOptions = {}): Uint8Array {
  const header = new Uint8Array(options.modified ? 24 : 16);
  const view = new DataView(header.buffer);
  const little = !options.bigEndian;
  const microseconds = packet.timeUs % 1e6;
  view.setUint32(0, Math.floor(packet.timeUs / 1e6), little);
  view.setUint32(4, options.nanoseconds ? microseconds * 1000 + (packet.extraNs ?? 0) : microseconds, little);
  view.setUint32(8, packet.data.length, little);
  view.setUint32(12, packet.originalLength ?? packet.data.length, little);
  return concatBytes(header, packet.data);
}
