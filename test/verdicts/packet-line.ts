import { PROTOCOL_DCCP, PROTOCOL_GRE, PROTOCOL_SCTP, PROTOCOL_UDPLITE } from '../../shared/protocol.ts';
import type { Eni, Topology } from '../../shared/topology/topology.ts';
import { concatBytes, u16 } from '../frames/ethernet.ts';
import { icmpPacket, ipFrame, tcpPacket, tcpSegment, udpDatagram, udpPacket } from '../frames/frames.ts';
import { ipPacket, isIpv6 } from '../frames/ip.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../shared/protocol.ts';

/**
 * One line of a "packets" block as a frame:
 *
 *   TIME DIRECTION PROTOCOL SOURCE > DESTINATION [what is special] [xCOUNT]
 */
export interface CapturedLine {
  readonly seconds: number;
  readonly frame: Uint8Array;
  readonly interfaceName: string;
  readonly count: number;
}

/** Hosts that are no ENI of the topology share a MAC address: that of their router. */
const ROUTER_MAC = '02:ff:ff:ff:ff:fe';

const PORT_PROTOCOLS: Readonly<Record<string, number>> = {
  tcp: PROTOCOL_TCP, udp: PROTOCOL_UDP, sctp: PROTOCOL_SCTP, dccp: PROTOCOL_DCCP, udplite: PROTOCOL_UDPLITE,
};

const LINE = /^(\d+(?:\.\d+)?)\s+(?:([\w-]+):)?(in|out|[\w-]+>[\w-]+)\s+(.*?)(?:\s+x(\d+))?$/;

export function packetFromLine(text: string, topology: Topology): CapturedLine {
  const match = LINE.exec(text.trim());
  if (!match) throw new Error('write TIME DIRECTION PROTOCOL SOURCE > DESTINATION');
  const [, time, eniId, direction, what, count] = match;
  const { from, to } = ends(direction!, eniId, topology);
  const at = from ?? to!;
  return {
    seconds: Number(time),
    frame: ipFrame(packetOf(what!), { srcMac: from?.mac ?? ROUTER_MAC, dstMac: to?.mac ?? ROUTER_MAC }),
    interfaceName: at.interface ?? 'any',
    count: Number(count ?? 1),
  };
}

/** The ENIs that the frame leaves and goes to. `in` and `out` are about the first ENI unless another is named. */
function ends(direction: string, eniId: string | undefined, topology: Topology): { from?: Eni; to?: Eni } {
  const eni = (id: string): Eni => {
    const found = topology.enis.find((one) => one.eniId === id);
    if (!found) throw new Error(`there is no ENI ${id}`);
    return found;
  };
  const own = eniId === undefined ? topology.enis[0]! : eni(eniId);
  if (direction === 'in') return { to: own };
  if (direction === 'out') return { from: own };
  const [from, to] = direction.split('>');
  return { from: eni(from!), to: eni(to!) };
}

interface Flow {
  readonly protocol: string;
  readonly src: string;
  readonly dst: string;
  readonly srcPort: number;
  readonly dstPort: number;
  /** What stands behind the destination. */
  readonly rest: string;
}

function flowOf(text: string): Flow {
  const match = /^(\w+)\s+(\S+)\s+>\s+(\S+)\s*(.*)$/.exec(text.trim());
  if (!match) throw new Error(`"${text}" is not PROTOCOL SOURCE > DESTINATION`);
  const [src, srcPort] = endpoint(match[2]!);
  const [dst, dstPort] = endpoint(match[3]!);
  return { protocol: match[1]!, src, dst, srcPort, dstPort, rest: match[4]! };
}

/** `10.0.0.5:443`, `[2001:db8::5]:443`, or an address alone. */
function endpoint(text: string): [string, number] {
  const match = /^\[(.*)\]:(\d+)$/.exec(text) ?? /^([\d.]+):(\d+)$/.exec(text);
  return match ? [match[1]!, Number(match[2])] : [text.replace(/^\[|\]$/g, ''), 0];
}

function packetOf(text: string): Uint8Array {
  const flow = flowOf(text);
  const fragment = /^(first|later)-fragment (\d+)$/.exec(flow.rest);
  if (fragment) return fragmentOf(flow, fragment[1] === 'first', Number(fragment[2]));
  if (flow.protocol === 'icmp') return icmpOf(flow);
  if (flow.protocol === 'tcp') return tcpPacket({ ...flow, flags: flow.rest === '' ? 'A' : flow.rest });
  if (flow.rest !== '') throw new Error(`"${flow.rest}" says nothing about ${flow.protocol}`);
  if (flow.protocol === 'udp') return udpPacket(flow);
  return ipPacket(protocolNumber(flow.protocol), otherHeader(flow), flow);
}

/** `gre`, `sctp` and so on, or `protocol50`. */
function protocolNumber(name: string): number {
  const number = PORT_PROTOCOLS[name] ?? (name === 'gre' ? PROTOCOL_GRE : Number(/^protocol(\d+)$/.exec(name)?.[1]));
  if (!(number >= 0 && number <= 255)) throw new Error(`"${name}" is no protocol`);
  return number;
}

/** Ports where the protocol has them, and room for the rest of a header. */
function otherHeader(flow: Flow): Uint8Array {
  const ports = flow.protocol in PORT_PROTOCOLS ? [...u16(flow.srcPort), ...u16(flow.dstPort)] : [];
  return concatBytes(ports, new Uint8Array(16));
}

function fragmentOf(flow: Flow, isFirst: boolean, id: number): Uint8Array {
  const protocol = protocolNumber(flow.protocol);
  const whole = protocol === PROTOCOL_TCP ? tcpSegment({ ...flow, payload: 64 }) : protocol === PROTOCOL_UDP ? udpDatagram({ ...flow, payload: 64 }) : otherHeader(flow);
  const payload = isFirst ? whole.subarray(0, whole.length & ~7) : new Uint8Array(40);
  return ipPacket(protocol, payload, { ...flow, fragment: { offset: isFirst ? 0 : 72, more: isFirst, id } });
}

/** Type and code of what the lines call by name: ICMP, ICMPv6. */
const ICMP_KINDS: Readonly<Record<string, readonly [readonly [number, number], readonly [number, number]]>> = {
  'echo-request': [[8, 0], [128, 0]],
  'echo-reply': [[0, 0], [129, 0]],
  'timestamp-request': [[13, 0], [13, 0]],
  'neighbour-solicitation': [[135, 0], [135, 0]],
  'neighbour-advertisement': [[136, 0], [136, 0]],
  'host-unreachable': [[3, 1], [1, 3]],
  'port-unreachable': [[3, 3], [1, 4]],
  'packet-too-big': [[3, 4], [2, 0]],
  'time-exceeded': [[11, 0], [3, 0]],
};

/** `echo-request`, or an error `port-unreachable about udp 10.0.0.5:4000 > 192.0.2.1:53`. */
function icmpOf(flow: Flow): Uint8Array {
  const [, name, quoted] = /^(\S+)(?: about (.*))?$/.exec(flow.rest) ?? [];
  const kind = ICMP_KINDS[name ?? ''];
  if (!kind) throw new Error(`"${flow.rest}" is none of ${Object.keys(ICMP_KINDS).join(', ')}`);
  const [type, code] = kind[isIpv6(flow.src) ? 1 : 0];
  return icmpPacket({ src: flow.src, dst: flow.dst, type, code, ...(quoted ? { payload: packetOf(quoted) } : {}) });
}
