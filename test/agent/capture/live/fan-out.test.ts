/** Several sources that share an interface: everything that belongs together comes to one of them. */
import test from 'ava';
import { AfPacketSource } from '../../../../agent/capture/live/af-packet-source.ts';
import type { FanOutMembership } from '../../../../agent/capture/live/live-source.ts';
import { icmpFrame, icmpPacket, ipFrame, tcpFrame, transportFrame, udpFrame, udpPacket } from '../../../frames/frames.ts';
import { FrameSender } from '../../../netns/frame-sender.ts';
import { connect, NetworkNamespace } from '../../../netns/network-namespace.ts';
import { TunDevice } from '../../../netns/tun-device.ts';
import { readLiveToEnd } from './live-rows.ts';

const MEMBERS = 3;

async function members(namespace: NetworkNamespace, name: string): Promise<AfPacketSource[]> {
  const open = (fanOut: FanOutMembership): AfPacketSource =>
    new AfPacketSource({ interface: name, fanOut, blockTimeoutMs: 10, ringBytes: 1 << 22, blockBytes: 1 << 16 });
  const first = await namespace.within(() => open({ group: 'new' }));
  const sources = [first];
  while (sources.length < MEMBERS) sources.push(await namespace.within(() => open({ group: first.fanOutGroup! })));
  for (const source of sources) source.start();
  return sources;
}

/** Frames of one conversation each, in every form that its packets can take. */
function conversation(index: number): Uint8Array[] {
  const client = `10.1.${index >> 8}.${index & 255}`;
  const server = `10.2.0.${index % 7}`;
  const router = '192.0.2.1';
  const client6 = `fd00:1::${index.toString(16)}`;
  const server6 = `fd00:2::${(index % 7).toString(16)}`;
  const there = { src: client, dst: server };
  const back = { src: server, dst: client };
  const there6 = { src: client6, dst: server6 };
  return [
    tcpFrame({ ...there, srcPort: 5000, dstPort: 80, flags: 'S' }), tcpFrame({ ...back, srcPort: 80, dstPort: 5000, flags: 'SA' }),
    udpFrame({ ...there, srcPort: 5001, dstPort: 53 }), udpFrame({ ...back, srcPort: 53, dstPort: 5001, vlan: 7 }), udpFrame({ ...there, vlan: [9, 7] }),
    transportFrame({ ...back, protocol: 17, payload: 64, fragment: { offset: 0, more: true, id: index } }),
    transportFrame({ ...back, protocol: 17, payload: 64, fragment: { offset: 64, more: false, id: index } }),
    // of an ICMP datagram, with data that look like the header of an error
    transportFrame({ ...back, protocol: 1, payload: new Uint8Array(64).fill(3), fragment: { offset: 64, more: false, id: index } }),
    icmpFrame({ src: router, dst: client, type: 3, code: 1, payload: udpPacket({ ...there, payload: 8 }).subarray(0, 28) }),
    icmpFrame({ src: router, dst: server, type: 11, code: 0, vlan: [9, 7], ipOptions: new Uint8Array(4), payload: udpPacket({ ...back, payload: 8 }).subarray(0, 28) }),
    icmpFrame({ ...there, type: 8 }), icmpFrame({ ...back, type: 0 }),
    tcpFrame({ ...there6, srcPort: 5000 }), tcpFrame({ src: server6, dst: client6, dstPort: 5000, vlan: 7 }),
    icmpFrame({ src: 'fd00:3::1', dst: client6, type: 1, payload: udpPacket(there6) }),
  ];
}

/** IPv4 and IPv6 are two conversations. */
const IPV4_FRAMES = 12;

test.serial('packets of two addresses, their fragments and the errors about them come to one member', async (t) => {
  const here = new NetworkNamespace();
  const there = new NetworkNamespace();
  t.teardown(() => [here, there].forEach((namespace) => namespace.remove()));
  connect({ namespace: here, interface: 'eth0', mac: '02:00:00:00:00:02' }, { namespace: there, interface: 'peer', mac: '02:00:00:00:00:01' });
  for (const [namespace, name] of [[here, 'eth0'], [there, 'peer']] as const) { // as received, and as sent
    const sources = await members(namespace, name);
    t.teardown(() => Promise.all(sources.map((source) => source.close())));
    const sender = await FrameSender.open(there, 'peer');
    const conversations = Array.from({ length: 200 }, (_, index) => conversation(index + 1));
    // the name of each frame goes into its destination's MAC address, which nothing else looks at
    const named = conversations.map((frames, index) => frames.map((frame, at) => {
      frame.set([0x02, at < IPV4_FRAMES ? 4 : 6, 0, 0, index >> 8, index & 255]);
      return frame;
    }));
    sender.send([...named.flat(), ipFrame(Uint8Array.of(0x45, 0))]);
    sender.close();
    const owners = new Map<string, Set<number>>();
    const seen = await Promise.all(sources.map(async (source, member) => {
      source.stop();
      const rows = await readLiveToEnd(source);
      for (const row of rows) {
        const conversationName = row.hex.slice(0, 12);
        owners.set(conversationName, (owners.get(conversationName) ?? new Set()).add(member));
      }
      return rows.length;
    }));
    t.is(seen.reduce((sum, count) => sum + count, 0), named.flat().length + 1);
    t.true(Math.min(...seen) > 200, `packets of each: ${seen.join(', ')}`);
    const split = [...owners].filter(([, among]) => among.size > 1);
    t.deepEqual(split, []);
  }
});

test.serial('without a link header too', async (t) => {
  const here = new NetworkNamespace();
  t.teardown(() => here.remove());
  const tun = await TunDevice.open(here, 'tun0');
  t.teardown(() => tun.close());
  const sources = await members(here, 'tun0');
  t.teardown(() => Promise.all(sources.map((source) => source.close())));
  const pairs = Array.from({ length: 100 }, (_, index) => [
    udpPacket({ src: `10.1.0.${index}`, dst: '10.2.0.1', srcPort: 1, dstPort: 2 }), udpPacket({ src: '10.2.0.1', dst: `10.1.0.${index}`, srcPort: 2, dstPort: 1 }),
    icmpPacket({ src: '192.0.2.1', dst: '10.2.0.1', type: 3, code: 3, payload: udpPacket({ src: '10.2.0.1', dst: `10.1.0.${index}` }) }),
  ]);
  tun.receive(pairs.flat());
  const pairOf = new Map(pairs.flatMap((packets, index) => packets.map((packet) => [Buffer.from(packet).toString('hex'), index])));
  const owners = new Map<number, Set<number>>();
  for (const [member, source] of sources.entries()) {
    source.stop();
    for (const row of await readLiveToEnd(source)) {
      const pair = pairOf.get(row.hex)!;
      owners.set(pair, (owners.get(pair) ?? new Set()).add(member));
    }
  }
  t.is(owners.size, 100);
  t.true([...owners.values()].every((among) => among.size === 1));
  t.is(new Set([...owners.values()].flatMap((among) => [...among])).size, MEMBERS);
});

test.serial('a member of a group that is not there is refused', async (t) => {
  const here = new NetworkNamespace();
  t.teardown(() => here.remove());
  const first = await here.within(() => new AfPacketSource({ interface: 'lo', fanOut: { group: 'new' }, ringBytes: 1 << 18, blockBytes: 1 << 16 }));
  t.teardown(() => first.close());
  const tun = await TunDevice.open(here, 'tun0');
  t.teardown(() => tun.close());
  await t.throwsAsync(here.within(() => new AfPacketSource({ interface: 'tun0', fanOut: { group: first.fanOutGroup! } })), {
    code: 'CONFIGURATION', message: /tun0: the kernel refused fan-out group \d+ \(EINVAL\)/,
  });
});
