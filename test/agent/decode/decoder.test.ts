import test from 'ava';
import { KERNEL_HOST, KERNEL_OUTGOING } from '../../../shared/packet-batch.ts';
import { DEFAULT_TOPOLOGY, type Eni } from '../../../shared/topology/topology.ts';
import { concatBytes, ethernetFrame, u16, u32 } from '../../frames/ethernet.ts';
import { icmpFrame, ipFrame, tcpFrame, tcpPacket, tcpSegment, transportFrame, udpDatagram, udpFrame, udpPacket } from '../../frames/frames.ts';
import { ipPacket } from '../../frames/ip.ts';
import { decoded } from './decoded.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';
const A6 = 'fd00::1';
const B6 = 'fd00::2';
const UDP_V4 = 'in eni-default v4/17 10.0.0.1:40000 > 10.0.0.2:53 28 bytes';
const UDP_V6 = 'in eni-default v6/17 fd00::1:40000 > fd00::2:53 48 bytes';
const udp = udpPacket({ src: A, dst: B });
const udp6 = udpPacket({ src: A6, dst: B6 });

function lines(...frames: Uint8Array[]): string[] {
  return decoded(frames).lines;
}

test('ports, flags and IP bytes of IPv4 and IPv6, Ethernet padding left out', (t) => {
  const padded = concatBytes(tcpFrame({ src: A, dst: B, flags: 'SA' }), new Uint8Array(20));
  t.deepEqual(lines(padded, tcpFrame({ src: A6, dst: B6, srcPort: 65535, dstPort: 1, flags: 'R', payload: 3 })), [
    'in eni-default v4/6 10.0.0.1:40000 > 10.0.0.2:80 40 bytes flags 18',
    'in eni-default v6/6 fd00::1:65535 > fd00::2:1 63 bytes flags 4',
  ]);
});

test('SCTP, DCCP and UDP-Lite have ports, GRE and ESP have none', (t) => {
  const ports = concatBytes(u16(9), u16(10), new Uint8Array(8));
  const seen = [132, 33, 136, 47, 50].map((protocol) => lines(transportFrame({ src: A, dst: B, protocol, payload: ports }))[0]);
  t.deepEqual(seen.slice(0, 3), [132, 33, 136].map((p) => `in eni-default v4/${p} 10.0.0.1:9 > 10.0.0.2:10 32 bytes`));
  t.deepEqual(seen.slice(3), [47, 50].map((p) => `in eni-default v4/${p} 10.0.0.1:0 > 10.0.0.2:0 32 bytes`));
});

test('IPv4 options are stepped over', (t) => {
  t.is(lines(udpFrame({ src: A, dst: B, ipOptions: new Uint8Array(11) }))[0], UDP_V4.replace('28', '40'));
});

test('every link type leads to the same packet', (t) => {
  const sll = concatBytes(u16(0), u16(1), u16(6), new Uint8Array(8));
  const sll2 = concatBytes(u16(0x0800), u16(0), u32(3), u16(1), [4, 6], new Uint8Array(8));
  const links: [string, number, Uint8Array][] = [
    ['NULL, little endian', 0, concatBytes([2, 0, 0, 0], udp)],
    ['NULL, big endian', 0, concatBytes([0, 0, 0, 2], udp)],
    ['LOOP', 108, concatBytes([0, 0, 0, 2], udp)],
    ['raw', 101, udp],
    ['raw, BSD', 12, udp],
    ['raw IPv4', 228, udp],
    ['SLL', 113, concatBytes(sll, u16(0x0800), udp)],
    ['SLL2', 276, concatBytes(sll2, udp)],
    ['PPP', 9, concatBytes([0xff, 0x03, 0x00, 0x21], udp)],
    ['PPP, no address field', 9, concatBytes([0x00, 0x21], udp)],
    ['PPP, short protocol', 9, concatBytes([0x21], udp)],
    ['Cisco HDLC in PPP', 50, concatBytes([0x0f, 0x00, 0x08, 0x00], udp)],
    ['VLAN', 1, udpFrame({ src: A, dst: B, vlan: 7 })],
    ['SNAP', 1, ethernetFrame(36, concatBytes([0xaa, 0xaa, 3, 0, 0, 0, 8, 0], udp))],
    ['QinQ', 1, ethernetFrame(0x88a8, concatBytes([0, 1, 0x81, 0, 0, 2, 0x08, 0x00], udp))],
    ['PPPoE', 1, ethernetFrame(0x8864, concatBytes([0x11, 0, 0, 1], u16(30), [0x00, 0x21], udp))],
    ['MPLS, two labels', 1, ethernetFrame(0x8847, concatBytes([0, 1, 0x00, 64, 0, 2, 0x01, 64], udp))],
    ['VLAN, then MPLS', 1, ethernetFrame(0x8100, concatBytes([0, 5, 0x88, 0x47, 0, 2, 0x01, 64], udp))],
  ];
  for (const [name, linkType, frame] of links) t.deepEqual(decoded([frame], { linkType }).lines, [UDP_V4], name);
});

test('IPv6 behind the link types that name it otherwise', (t) => {
  const links: [number, Uint8Array][] = [
    [0, concatBytes([10, 0, 0, 0], udp6)], [0, concatBytes([24, 0, 0, 0], udp6)], [108, concatBytes([0, 0, 0, 28], udp6)],
    [0, concatBytes([30, 0, 0, 0], udp6)], [101, udp6], [229, udp6], [9, concatBytes([0xff, 0x03, 0x00, 0x57], udp6)],
    [1, ethernetFrame(0x8847, concatBytes([0, 2, 0x01, 64], udp6))],
  ];
  for (const [linkType, frame] of links) t.deepEqual(decoded([frame], { linkType }).lines, [UDP_V6]);
});

test('an unknown link type is a clear error', (t) => {
  const error = t.throws(() => decoded([udp], { linkType: 105 }));
  t.regex(error.message, /link type 105 is not supported; supported are .*Ethernet/);
});

test('IPv6 extension headers are walked, and bounded', (t) => {
  const options = { protocol: 0, body: Uint8Array.of(0, 1, 4, 0, 0, 0, 0) };
  const routing = { protocol: 43, body: Uint8Array.of(0, 4, 0, 0, 0, 0, 0) };
  const authentication = { protocol: 51, body: Uint8Array.of(4, ...new Uint8Array(22)) };
  const chain = [options, routing, { ...options, protocol: 60 }, authentication];
  t.is(lines(udpFrame({ src: A6, dst: B6, extensionHeaders: chain }))[0], UDP_V6.replace('48', `${48 + 8 * 3 + 24}`));
  const endless = Array.from({ length: 18 }, () => ({ ...options, protocol: 60 }));
  t.is(lines(udpFrame({ src: A6, dst: B6, extensionHeaders: endless }))[0], 'in eni-default ipv6-extensions');
  t.is(lines(udpFrame({ src: A6, dst: B6, extensionHeaders: chain }).subarray(0, 14 + 45))[0], 'in eni-default ipv6-truncated');
});

test('fragments get the ports of their first fragment, for the same datagram only', (t) => {
  for (const [src, dst, header] of [[A, B, 20], [A6, B6, 48]] as const) {
    const whole = udpDatagram({ src, dst, srcPort: 5, dstPort: 6, payload: 40 });
    const piece = (offset: number, more: boolean, id: number) =>
      ipFrame(ipPacket(17, whole.subarray(offset, more ? offset + 24 : undefined), { src, dst, fragment: { offset, more, id } }));
    const name = src === A ? 'v4' : 'v6';
    t.deepEqual(lines(piece(24, false, 9), piece(0, true, 7), piece(24, false, 7), piece(24, false, 8)), [
      `in eni-default ${name}/17 ${src}:0 > ${dst}:0 ${header + 24} bytes fragment`,
      `in eni-default ${name}/17 ${src}:5 > ${dst}:6 ${header + 24} bytes`,
      `in eni-default ${name}/17 ${src}:5 > ${dst}:6 ${header + 24} bytes fragment`,
      `in eni-default ${name}/17 ${src}:0 > ${dst}:0 ${header + 24} bytes fragment`,
    ]);
  }
});

test('a fragment of another source, destination or protocol is not taken for the same datagram', (t) => {
  const whole = (src: string, dst: string) => udpDatagram({ src, dst, srcPort: 5, dstPort: 6, payload: 40 });
  const piece = (src: string, dst: string, offset: number, protocol = 17) =>
    ipFrame(ipPacket(protocol, whole(src, dst).subarray(offset, offset + 24), { src, dst, fragment: { offset, more: true, id: 7 } }));
  const first6 = piece('fd00:1:2:3:4:5:6:7', 'fd00:a:b:c:d:e:f:9', 0);
  const others6 = ['fd01:1:2:3:4:5:6:7', 'fd00:1:9:3:4:5:6:7', 'fd00:1:2:3:4:9:6:7', 'fd00:1:2:3:4:5:6:8'].map((src) => piece(src, 'fd00:a:b:c:d:e:f:9', 24));
  const elsewhere6 = ['fd01:a:b:c:d:e:f:9', 'fd00:a:9:c:d:e:f:9', 'fd00:a:b:c:d:9:f:9', 'fd00:a:b:c:d:e:f:8'].map((dst) => piece('fd00:1:2:3:4:5:6:7', dst, 24));
  const [, ...later] = lines(first6, ...others6, ...elsewhere6);
  for (const line of later) t.regex(line, /:0 > .*:0 72 bytes fragment/);
  const [, ...later4] = lines(piece(A, B, 0), piece('10.0.0.3', B, 24), piece(A, '10.0.0.3', 24), piece(A, B, 24, 136));
  for (const line of later4) t.regex(line, /:0 > .*:0 44 bytes fragment/);
});

test('Ethernet padding is not read as ports', (t) => {
  const cut = ipPacket(6, tcpSegment({ src: A, dst: B }).subarray(0, 2), { src: A, dst: B });
  t.deepEqual(lines(concatBytes(ipFrame(cut), new Uint8Array(24).fill(7))), ['in eni-default transport-truncated']);
});

test('a first fragment is forgotten after 30 s', (t) => {
  const whole = udpDatagram({ src: A, dst: B, srcPort: 5, dstPort: 6, payload: 40 });
  const at = (seconds: number, offset: number, more: boolean) => ({
    data: ipFrame(ipPacket(17, whole.subarray(offset, more ? 24 : undefined), { src: A, dst: B, fragment: { offset, more, id: 7 } })),
    timeUs: seconds * 1e6,
  });
  const seen = decoded([at(100, 0, true), at(130, 24, false), at(131, 24, false)]).lines;
  t.regex(seen[1]!, /10.0.0.1:5 > 10.0.0.2:6/);
  t.regex(seen[2]!, /10.0.0.1:0 > 10.0.0.2:0/);
});

test('ICMP: type and code, and the packet that an error quotes', (t) => {
  const quoted = tcpPacket({ src: B, dst: A, srcPort: 80, dstPort: 4000 }).subarray(0, 28);
  const quoted6 = udpPacket({ src: B6, dst: A6, srcPort: 53, dstPort: 4000 });
  t.deepEqual(
    lines(
      icmpFrame({ src: A, dst: B }), icmpFrame({ src: '10.9.9.9', dst: B, type: 11, code: 0, payload: quoted }),
      icmpFrame({ src: 'fd00::9', dst: B6, type: 1, code: 4, payload: quoted6 }), icmpFrame({ src: A, dst: B, type: 3, code: 1, payload: 4 }),
    ),
    [
      `in eni-default v4/1 10.0.0.1:0 > 10.0.0.2:${8 << 8} 28 bytes`,
      `in eni-default v4/1 10.9.9.9:0 > 10.0.0.2:${11 << 8} 56 bytes quotes in v4/6 10.0.0.2:80 > 10.0.0.1:4000`,
      `in eni-default v6/58 fd00::9:0 > fd00::2:${(1 << 8) | 4} 96 bytes quotes in v6/17 fd00::2:53 > fd00::1:4000`,
      `in eni-default v4/1 10.0.0.1:0 > 10.0.0.2:${(3 << 8) | 1} 32 bytes`,
    ],
  );
});

test('the packet that an ICMP error quotes passed the ENI the other way', (t) => {
  const quoted = tcpPacket({ src: B, dst: A, srcPort: 80, dstPort: 4000 });
  const error = icmpFrame({ src: '10.9.9.9', dst: B, type: 11, code: 0, payload: quoted });
  const [seen] = decoded([error], { enis: [{ ...DEFAULT_TOPOLOGY.enis[0]!, eniId: 'b', addresses: [B] }] }).lines;
  t.regex(seen!, /^in b .* quotes out v4\/6 10.0.0.2:80 > 10.0.0.1:4000$/);
});

test('a length of zero, left by segmentation offload, is the length on the wire', (t) => {
  const big = { data: tcpFrame({ src: A, dst: B, payload: 100, lengthField: 0 }), originalLength: 14 + 40 + 5000 };
  const big6 = { data: tcpFrame({ src: A6, dst: B6, payload: 100, lengthField: 0 }), originalLength: 14 + 60 + 70_000 };
  t.deepEqual(decoded([big, big6]).lines.map((line) => /(\d+) bytes/.exec(line)![1]), ['5040', '70060']);
});

test('bytes come from the header, never from what was captured', (t) => {
  const cut = udpFrame({ src: A, dst: B, payload: 1000 }).subarray(0, 60);
  t.is(lines(cut)[0], UDP_V4.replace('28', '1028'));
});

test('each way to be undecodable has its reason', (t) => {
  const frame = udpFrame({ src: A, dst: B });
  const broken = (at: number, value: number) => Object.assign(frame.slice(), { [at]: value });
  const short = tcpSegment({ src: A, dst: B }).subarray(0, 3);
  const cases: [string, Uint8Array][] = [
    ['non-ip', ethernetFrame(0x0806, new Uint8Array(28))], ['link-truncated', frame.subarray(0, 13)],
    ['link-truncated', ethernetFrame(0x8100, Uint8Array.of(0))], ['ipv4-truncated', frame.subarray(0, 33)],
    ['ipv4-header', broken(14, 0x44)], ['ipv4-header', broken(14, 0x65)], ['ipv4-length', broken(17, 19)],
    ['ipv6-truncated', udpFrame({ src: A6, dst: B6 }).subarray(0, 53)],
    ['ipv6-header', ethernetFrame(0x86dd, udp.length > 40 ? udp : concatBytes(udp, new Uint8Array(40)))],
    ['transport-truncated', frame.subarray(0, 37)], ['transport-truncated', ipFrame(ipPacket(6, short, { src: A, dst: B }))],
    ['link-depth', ethernetFrame(0x8100, concatBytes(...Array.from({ length: 9 }, () => [0, 1, 0x81, 0]), udp))],
    ['link-depth', ethernetFrame(0x8847, new Uint8Array(200))],
  ];
  for (const [reason, bytes] of cases) t.deepEqual(lines(bytes), [`in eni-default ${reason}`], reason);
});

function eni(eniId: string, changes: Partial<Eni>): Eni {
  return { eniId, vmId: null, vswitchId: null, vpcId: null, mac: null, addresses: [], securityGroups: [], interface: null, side: null, agentId: null, ...changes };
}

const MAC_A = '02:00:00:00:00:0a';
const MAC_B = '02:00:00:00:00:0b';
const ROUTER = '02:00:00:00:00:ff';

function places(frames: Uint8Array[], enis: Eni[], setting: { kernelDirection?: number; linkType?: number } = {}): string[] {
  return decoded(frames, { enis, ...setting }).lines.map((line) => line.split(' ').slice(0, 2).join(' '));
}

test('direction by MAC address; a packet between two ENIs leaves one and goes to the other', (t) => {
  const enis = [eni('a', { mac: MAC_A, addresses: [A] }), eni('b', { mac: MAC_B, addresses: [B] })];
  const between = udpFrame({ src: A, dst: B, srcMac: MAC_A, dstMac: MAC_B });
  t.deepEqual(places([between], enis).sort(), ['in b', 'out a']);
  const routed = [udpFrame({ src: A, dst: B, srcMac: MAC_A, dstMac: ROUTER }), udpFrame({ src: A, dst: B, srcMac: ROUTER, dstMac: MAC_B })];
  t.deepEqual(places(routed, enis), ['out a', 'in b'], 'where a MAC decides, addresses do not');
});

test('direction by address where no MAC decides', (t) => {
  const enis = [eni('a', { addresses: [A, A6] }), eni('b', { mac: MAC_B, addresses: [B] })];
  t.deepEqual(places([udp], enis, { linkType: 101 }).sort(), ['in b', 'out a']);
  t.deepEqual(places([udp6], enis, { linkType: 101 }), ['out a']);
  t.deepEqual(places([udpFrame({ src: B, dst: A, srcMac: ROUTER, dstMac: ROUTER })], enis).sort(), ['in a', 'out b']);
});

test("direction by the kernel's packet type and the side of the capture", (t) => {
  const strange = [udpFrame({ src: '9.9.9.9', dst: '8.8.8.8', srcMac: ROUTER, dstMac: ROUTER })];
  const host = [eni('a', { mac: MAC_A, side: 'host' })];
  const guest = [eni('a', { mac: MAC_A, side: 'guest' })];
  t.deepEqual(places(strange, host, { kernelDirection: KERNEL_OUTGOING }), ['in a']);
  t.deepEqual(places(strange, host, { kernelDirection: KERNEL_HOST }), ['out a']);
  t.deepEqual(places(strange, guest, { kernelDirection: KERNEL_OUTGOING }), ['out a']);
  t.deepEqual(places(strange, guest, { kernelDirection: KERNEL_HOST }), ['in a']);
  const sll = concatBytes(u16(4), u16(1), u16(6), new Uint8Array(8), u16(0x0800), udpPacket({ src: '9.9.9.9', dst: '8.8.8.8' }));
  t.deepEqual(places([sll], host, { linkType: 113 }), ['in a'], 'the packet type of an SLL header');
});

test('group destinations go to the only ENI of the interface; unicast to strangers goes to none', (t) => {
  const enis = [eni('a', { mac: MAC_A, addresses: [A] })];
  const broadcast = udpFrame({ src: '10.0.0.9', dst: '255.255.255.255', srcMac: ROUTER, dstMac: 'ff:ff:ff:ff:ff:ff' });
  const flooded = udpFrame({ src: '10.0.0.9', dst: '10.0.0.8', srcMac: ROUTER, dstMac: MAC_B });
  const { lines: seen, unmatched } = decoded([broadcast, flooded], { enis });
  t.is(seen.length, 1);
  t.true(seen[0]!.startsWith('in a '));
  t.is(unmatched, 1);
});

test('interfaces of a capture map to ENIs by name; an interface without a name may be any', (t) => {
  const enis = [eni('a', { interface: 'eth0' }), eni('b', { interface: 'eth1' })];
  const frames = [0, 1, 2].map((interfaceIndex) => ({ data: udpFrame({ src: A, dst: B }), interfaceIndex }));
  const interfaces = ['eth1', 'eth0', 'lo'].map((name) => ({ name, linkType: 1 }));
  const { lines: seen, unmatched } = decoded(frames, { enis, interfaces });
  t.deepEqual(seen.map((line) => line.slice(0, 4)), ['in b', 'in a']);
  t.is(unmatched, 1);
});

test('frames without IP count for the ENI that sent or got them', (t) => {
  const enis = [eni('a', { mac: MAC_A })];
  const arp = ethernetFrame(0x0806, new Uint8Array(28), { srcMac: MAC_A, dstMac: 'ff:ff:ff:ff:ff:ff' });
  t.deepEqual(decoded([arp], { enis }).lines, ['out a non-ip']);
});
