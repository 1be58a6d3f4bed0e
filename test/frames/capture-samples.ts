/** Small captures of every variant that can be read, with the byte offset at which each of their packets ends. */

import type { CapturedPacket } from './captured-packet.ts';
import { concatBytes } from './ethernet.ts';
import { icmpFrame, tcpFrame, udpFrame } from './frames.ts';
import { pcapFile } from './pcap-file.ts';
import { pcapngBlock, pcapngFile, pcapngOption } from './pcapng-file.ts';

export interface CaptureSample {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The captured bytes of each packet. */
  readonly packets: readonly Uint8Array[];
  /** packetEnds[i]: the bytes from 0 to here hold packet i whole. */
  readonly packetEnds: readonly number[];
  /** Offsets at which the file may stop without being damaged, other than the packets' ends. */
  readonly otherEnds: readonly number[];
}

const PACKETS: readonly CapturedPacket[] = [
  { data: tcpFrame({ src: '10.0.0.1', dst: '10.0.0.2', flags: 'S' }) },
  { data: udpFrame({ src: 'fd00::1', dst: 'fd00::2', payload: 'odd' }), originalLength: 1500 },
  { data: icmpFrame({ src: '10.0.0.2', dst: '10.0.0.1', vlan: 12, payload: 3 }) },
  { data: new Uint8Array(0) },
  { data: tcpFrame({ src: '10.0.0.2', dst: '10.0.0.1', flags: 'SA', payload: 40 }) },
];

type Writer = (packets: readonly CapturedPacket[]) => Uint8Array;

function captureSample(
  name: string, write: Writer, packets: readonly CapturedPacket[] = PACKETS, otherEnds: readonly number[] = [],
): CaptureSample {
  const packetEnds = packets.map((_, index) => write(packets.slice(0, index + 1)).length);
  return {
    name,
    bytes: write(packets),
    packets: packets.map((packet) => packet.data),
    packetEnds,
    otherEnds: [write([]).length, ...otherEnds],
  };
}

function mixedPcapng(bigEndian: boolean): CaptureSample {
  const interfaces = [{ name: 'tap0', timeResolution: 9 }, { linkType: 101, timeResolution: 0x8a, timeOffset: 60 }];
  const packets = PACKETS.map((packet, index): CapturedPacket => ({
    ...packet,
    interfaceIndex: index & 1,
    ...(index === 2 ? { block: 'obsolete' } : index === 3 ? { block: 'simple' } : { direction: 'outbound' }),
  }));
  const sectionEnds = [28, pcapngFile([], { interfaces: interfaces.slice(0, 1) }).length];
  return captureSample(`pcapng of all packet blocks${bigEndian ? ', big-endian' : ''}`,
    (some) => pcapngFile(some, { interfaces, bigEndian }), packets, sectionEnds);
}

/** Two sections of different byte order, with blocks of other types before, between and behind. */
function twoSections(): CaptureSample {
  const other = pcapngBlock(5, concatBytes(new Uint8Array(12), pcapngOption(1, new Uint8Array(9))));
  const first = pcapngFile(PACKETS.slice(0, 2));
  const second = pcapngFile(PACKETS.slice(2), { bigEndian: true });
  const secondHeader = pcapngFile([], { bigEndian: true });
  const bytes = concatBytes(first, other, second, pcapngBlock(0x0bad, new Uint8Array(7), true));
  const start = first.length + other.length;
  return {
    name: 'pcapng of two sections',
    bytes,
    packets: PACKETS.map((packet) => packet.data),
    packetEnds: [
      pcapngFile(PACKETS.slice(0, 1)).length, first.length,
      ...[1, 2, 3].map((count) => start + pcapngFile(PACKETS.slice(2, 2 + count), { bigEndian: true }).length),
    ],
    otherEnds: [28, pcapngFile([]).length, start, start + 28, start + secondHeader.length, bytes.length],
  };
}

export const CAPTURE_SAMPLES: readonly CaptureSample[] = [
  captureSample('pcap', (packets) => pcapFile(packets)),
  captureSample('pcap, big-endian nanoseconds', (packets) => pcapFile(packets, { bigEndian: true, nanoseconds: true })),
  captureSample('modified pcap', (packets) => pcapFile(packets, { modified: true })),
  mixedPcapng(false),
  mixedPcapng(true),
  twoSections(),
];
