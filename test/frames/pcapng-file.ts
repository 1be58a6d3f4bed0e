/** Writes pcapng files for tests, whole or block by block (draft-ietf-opsawg-pcapng). */

import { LINKTYPE_ETHERNET, capturedPacket } from './captured-packet.ts';
import type { CapturedPacket } from './captured-packet.ts';
import { concatBytes, payloadBytes } from './ethernet.ts';

export const SECTION_HEADER_BLOCK = 0x0a0d0d0a;
export const INTERFACE_DESCRIPTION_BLOCK = 1;
export const OBSOLETE_PACKET_BLOCK = 2;
export const SIMPLE_PACKET_BLOCK = 3;
export const ENHANCED_PACKET_BLOCK = 6;

export interface PcapngInterface {
  readonly name?: string;
  readonly linkType?: number;
  readonly snapLength?: number;
  /** if_tsresol: digits after the second, or 0x80 | bits. Default: none written, which means 6. */
  readonly timeResolution?: number;
  /** if_tsoffset in seconds. */
  readonly timeOffset?: number;
}

export interface PcapngFileOptions {
  readonly interfaces?: readonly PcapngInterface[];
  readonly bigEndian?: boolean;
}

/** One section. Files of several sections are sections one after the other. */
export function pcapngFile(packets: readonly (Uint8Array | CapturedPacket)[], options: PcapngFileOptions = {}): Uint8Array {
  const interfaces = options.interfaces ?? [{}];
  return concatBytes(
    sectionHeaderBlock(options.bigEndian),
    ...interfaces.map((description) => interfaceBlock(description, options.bigEndian)),
    ...packets.map((packet, index) => {
      const captured = capturedPacket(packet, index);
      return packetBlock(captured, interfaces[captured.interfaceIndex ?? 0] ?? {}, options.bigEndian);
    }),
  );
}

/** Any block: its two lengths and the padding are put around the body. */
export function pcapngBlock(type: number, body: Uint8Array, bigEndian = false): Uint8Array {
  const length = 12 + Math.ceil(body.length / 4) * 4;
  const block = new Uint8Array(length);
  const view = new DataView(block.buffer);
  view.setUint32(0, type, !bigEndian);
  view.setUint32(4, length, !bigEndian);
  block.set(body, 8);
  view.setUint32(length - 4, length, !bigEndian);
  return block;
}

export function pcapngOption(code: number, value: Uint8Array, bigEndian = false): Uint8Array {
  const option = new Uint8Array(4 + Math.ceil(value.length / 4) * 4);
  const view = new DataView(option.buffer);
  view.setUint16(0, code, !bigEndian);
  view.setUint16(2, value.length, !bigEndian);
  option.set(value, 4);
  return option;
}

export function sectionHeaderBlock(bigEndian = false, majorVersion = 1): Uint8Array {
  const body = new Uint8Array(16).fill(0xff, 8);
  const view = new DataView(body.buffer);
  view.setUint32(0, 0x1a2b3c4d, !bigEndian);
  view.setUint16(4, majorVersion, !bigEndian);
  return pcapngBlock(SECTION_HEADER_BLOCK, body, bigEndian);
}

export function interfaceBlock(description: PcapngInterface = {}, bigEndian = false): Uint8Array {
  const fixed = new Uint8Array(8);
  const view = new DataView(fixed.buffer);
  view.setUint16(0, description.linkType ?? LINKTYPE_ETHERNET, !bigEndian);
  view.setUint32(4, description.snapLength ?? 262144, !bigEndian);
  const options: Uint8Array[] = [];
  if (description.name !== undefined) options.push(pcapngOption(2, payloadBytes(description.name), bigEndian));
  if (description.timeResolution !== undefined) {
    options.push(pcapngOption(9, Uint8Array.of(description.timeResolution), bigEndian));
  }
  if (description.timeOffset !== undefined) {
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigInt64(0, BigInt(description.timeOffset), !bigEndian);
    options.push(pcapngOption(14, value, bigEndian));
  }
  if (options.length > 0) options.push(pcapngOption(0, new Uint8Array(0), bigEndian));
  return pcapngBlock(INTERFACE_DESCRIPTION_BLOCK, concatBytes(fixed, ...options), bigEndian);
}

export function packetBlock(
  packet: CapturedPacket & { timeUs: number }, description: PcapngInterface = {}, bigEndian = false,
): Uint8Array {
  const little = !bigEndian;
  const originalLength = packet.originalLength ?? packet.data.length;
  if (packet.block === 'simple') {
    const fixed = new Uint8Array(4);
    new DataView(fixed.buffer).setUint32(0, originalLength, little);
    return pcapngBlock(SIMPLE_PACKET_BLOCK, concatBytes(fixed, packet.data), bigEndian);
  }
  const fixed = new Uint8Array(20);
  const view = new DataView(fixed.buffer);
  if (packet.block === 'obsolete') {
    view.setUint16(0, packet.interfaceIndex ?? 0, little);
    view.setUint16(2, 0xffff, little); // drops unknown
  } else {
    view.setUint32(0, packet.interfaceIndex ?? 0, little);
  }
  const ticks = timeTicks(packet, description);
  view.setUint32(4, Number(ticks >> 32n), little);
  view.setUint32(8, Number(ticks & 0xffffffffn), little);
  view.setUint32(12, packet.data.length, little);
  view.setUint32(16, originalLength, little);
  const padding = new Uint8Array((4 - (packet.data.length & 3)) & 3);
  const type = packet.block === 'obsolete' ? OBSOLETE_PACKET_BLOCK : ENHANCED_PACKET_BLOCK;
  return pcapngBlock(type, concatBytes(fixed, packet.data, padding, directionOption(packet, bigEndian)), bigEndian);
}

function directionOption(packet: CapturedPacket, bigEndian: boolean): Uint8Array {
  if (packet.direction === undefined) return new Uint8Array(0);
  const flags = new Uint8Array(4);
  new DataView(flags.buffer).setUint32(0, packet.direction === 'inbound' ? 1 : 2, !bigEndian);
  return concatBytes(pcapngOption(2, flags, bigEndian), pcapngOption(0, new Uint8Array(0), bigEndian));
}

function timeTicks(packet: CapturedPacket & { timeUs: number }, description: PcapngInterface): bigint {
  const resolution = description.timeResolution ?? 6;
  const perSecond = resolution & 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
  const ns = BigInt(packet.timeUs) * 1000n + BigInt(packet.extraNs ?? 0) - BigInt(description.timeOffset ?? 0) * 1_000_000_000n;
  return (ns * perSecond) / 1_000_000_000n;
}
