/**
 * From what tshark shows of a packet to the flow that Weir records it under. Where the two differ on purpose, the
 * difference has a name, and docs/oracle.md says who is right; nothing here is a tolerance.
 */
import { formatAddress, parseAddress } from '../../shared/address.ts';
import { hasPorts } from '../../shared/protocol.ts';
import type { ReplayedRow } from './replayed-file.ts';
import type { TsharkPacket } from './tshark.ts';

export const DIFFERENCE_CLASSES = [
  'fragment-ports', // a later fragment, recorded under the ports of its first
  'not-opened', // an encapsulation that Weir does not open: no IP in it for a flow log
  'cut-short', // the packet ends before its ports or inside an extension header: counted in the seal as undecodable
  'bogus-length', // the IPv4 total length is below the header's own length: counted in the seal as undecodable
  'option-lengths', // tshark gives up on an option inside a header that Weir steps over
] as const;
export type DifferenceClass = (typeof DIFFERENCE_CLASSES)[number];

/** How Weir records one packet of tshark's; `flow` null: in no row. */
export interface Judgement {
  readonly flow: string | null;
  readonly bytes: number;
  readonly difference: DifferenceClass | null;
}

export interface Sums { packets: number; bytes: number }

/** Encapsulations between Ethernet and IP that Weir does not open: FabricPath, IEEE 802.1ah, VN-Tag. */
const NOT_OPENED = new Set(['cfp', 'ieee8021ah', 'vntag']);
const IPV6_HEADER_BYTES = 40;
const FRAGMENT_LIFETIME_S = 30;

function flowKey(src: string, dst: string, protocol: number, srcPort: number, dstPort: number): string {
  return `${src} ${dst} ${protocol} ${srcPort} ${dstPort}`;
}

/** Weir's spelling of tshark's address. */
function respell(address: string): string {
  const words = parseAddress(address);
  if (!words) throw new Error(`tshark printed ${address} as an address`);
  return formatAddress(words, 0);
}

export function addUp(sums: Map<string, Sums>, flow: string, packets: number, bytes: number): void {
  const sum = sums.get(flow);
  if (sum) {
    sum.packets += packets;
    sum.bytes += bytes;
  } else {
    sums.set(flow, { packets, bytes });
  }
}

export function sumsOfRows(rows: readonly ReplayedRow[]): Map<string, Sums> {
  const sums = new Map<string, Sums>();
  for (const row of rows) addUp(sums, flowKey(row.srcaddr, row.dstaddr, row.protocol, row.srcport, row.dstport), row.packets, row.bytes);
  return sums;
}

/** A frame on which tshark and Weir part, named in differences.yaml with what Weir makes of it. */
export interface ListedFrame {
  readonly class: DifferenceClass;
  /** False: in no row. */
  readonly recorded?: boolean;
  /** `source/destination`; absent: tshark's. */
  readonly ports?: string;
  readonly bytes?: number;
}

/** Judges the packets of one file, in order. */
export class Oracle {
  private readonly firstFragments = new Map<string, { srcPort: number; dstPort: number; protocol: number; time: number }>();
  private readonly listed: ReadonlyMap<number, ListedFrame>;

  constructor(listed: ReadonlyMap<number, ListedFrame>) {
    this.listed = listed;
  }

  judge(packet: TsharkPacket): Judgement {
    const { lengthField, isIpv6 } = packet;
    const bytes = isIpv6 ? IPV6_HEADER_BYTES + lengthField : lengthField;
    if (packet.layers.slice(0, packet.layers.indexOf(isIpv6 ? 'ipv6' : 'ip')).some((layer) => NOT_OPENED.has(layer))) {
      return { flow: null, bytes, difference: 'not-opened' };
    }
    if (!isIpv6 && lengthField < packet.headerBytes) return { flow: null, bytes, difference: 'bogus-length' };
    const listed = this.listed.get(packet.frame);
    const src = respell(packet.src);
    const dst = respell(packet.dst);
    if (listed?.recorded === false) return { flow: null, bytes, difference: listed.class };
    if (listed) {
      const [srcPort = packet.srcPort, dstPort = packet.dstPort] = listed.ports?.split('/').map(Number) ?? [];
      return { flow: flowKey(src, dst, packet.protocol, srcPort || 0, dstPort || 0), bytes: listed.bytes ?? bytes, difference: listed.class };
    }
    const fragmentOf = `${src} ${dst} ${packet.fragmentId} ${isIpv6 ? '' : packet.protocol}`;
    if (packet.fragmentOffset > 0) return this.judgeFragment(packet, src, dst, bytes, fragmentOf);
    const { protocol, srcPort, dstPort } = packet;
    if (hasPorts(protocol) && Number.isNaN(srcPort)) return { flow: null, bytes, difference: 'cut-short' };
    if (packet.moreFragments) this.firstFragments.set(fragmentOf, { srcPort: srcPort || 0, dstPort: dstPort || 0, protocol, time: packet.time });
    return { flow: flowKey(src, dst, protocol, srcPort || 0, dstPort || 0), bytes, difference: null };
  }

  private judgeFragment(packet: TsharkPacket, src: string, dst: string, bytes: number, fragmentOf: string): Judgement {
    const first = this.firstFragments.get(fragmentOf);
    if (!first || Math.abs(packet.time - first.time) > FRAGMENT_LIFETIME_S) {
      return { flow: flowKey(src, dst, packet.protocol, 0, 0), bytes, difference: null };
    }
    const isSame = first.srcPort === 0 && first.dstPort === 0 && first.protocol === packet.protocol;
    return { flow: flowKey(src, dst, first.protocol, first.srcPort, first.dstPort), bytes, difference: isSame ? null : 'fragment-ports' };
  }
}

/** Flows whose sums differ, one line each; empty where all agree. */
export function disagreements(expected: ReadonlyMap<string, Sums>, got: ReadonlyMap<string, Sums>): string[] {
  const lines: string[] = [];
  for (const flow of new Set([...expected.keys(), ...got.keys()])) {
    const theirs = expected.get(flow) ?? { packets: 0, bytes: 0 };
    const ours = got.get(flow) ?? { packets: 0, bytes: 0 };
    if (theirs.packets === ours.packets && theirs.bytes === ours.bytes) continue;
    lines.push(`${flow}: tshark ${theirs.packets} packets ${theirs.bytes} bytes, weir ${ours.packets} packets ${ours.bytes} bytes`);
  }
  return lines;
}
