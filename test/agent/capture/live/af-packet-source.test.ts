/** What only AF_PACKET gives: directions, exact drops, lengths, tags, and interfaces that come back. */
import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import { AfPacketSource } from '../../../../agent/capture/live/af-packet-source.ts';
import type { LiveSettings } from '../../../../agent/capture/live/live-source.ts';
import {
  KERNEL_BROADCAST, KERNEL_HOST, KERNEL_MULTICAST, KERNEL_OTHERHOST, KERNEL_OUTGOING, PacketBatch,
} from '../../../../shared/packet-batch.ts';
import { ETHERTYPE_ARP, ethernetFrame } from '../../../frames/ethernet.ts';
import { udpFrame, udpPacket } from '../../../frames/frames.ts';
import { FrameSender } from '../../../netns/frame-sender.ts';
import { connect, NetworkNamespace } from '../../../netns/network-namespace.ts';
import { TunDevice } from '../../../netns/tun-device.ts';
import { decoded } from '../../decode/decoded.ts';
import type { CapturedRow } from '../captured-rows.ts';
import { countToEnd, readLiveRows, readLiveToEnd } from './live-rows.ts';

const HERE_MAC = '02:00:00:00:00:02';
const THERE_MAC = '02:00:00:00:00:01';

/** Nobody reads while the test waits for `ip`, and each block timeout may use up a block: 256 of them. */
const PATIENT_RING = { ringBytes: 1 << 24, blockBytes: 1 << 16 };

interface Lab {
  readonly here: NetworkNamespace;
  readonly there: NetworkNamespace;
  readonly sender: FrameSender;
  open(namespace: NetworkNamespace, settings: LiveSettings): Promise<AfPacketSource>;
}

/** Machines with addresses answer what they get. */
async function lab(t: ExecutionContext, hasAddresses = false): Promise<Lab> {
  const here = new NetworkNamespace();
  const there = new NetworkNamespace();
  t.teardown(() => [here, there].forEach((namespace) => namespace.remove()));
  connect(
    { namespace: here, interface: 'eth0', mac: HERE_MAC, ...(hasAddresses ? { address: '10.0.0.2/24' } : {}) },
    { namespace: there, interface: 'peer', mac: THERE_MAC, ...(hasAddresses ? { address: '10.0.0.1/24' } : {}) },
  );
  if (hasAddresses) { // so that nobody asks for them, whenever it may be
    here.ip('neigh', 'replace', '10.0.0.1', 'lladdr', THERE_MAC, 'dev', 'eth0', 'nud', 'permanent');
    there.ip('neigh', 'replace', '10.0.0.2', 'lladdr', HERE_MAC, 'dev', 'peer', 'nud', 'permanent');
  }
  const sender = await FrameSender.open(there, 'peer');
  t.teardown(() => sender.close());
  return { here, there, sender, open: (namespace, settings) => open(t, namespace, settings) };
}

function bringUp({ here, there }: Lab, name: string): void {
  here.ip('link', 'set', name, 'up');
  here.awaitCarrier(name);
  there.awaitCarrier('peer');
}

async function open(t: ExecutionContext, namespace: NetworkNamespace, settings: LiveSettings): Promise<AfPacketSource> {
  const source = await namespace.within(() => new AfPacketSource({ blockTimeoutMs: 10, ...PATIENT_RING, ...settings }));
  t.teardown(() => source.close());
  return source;
}

function frame(options: Partial<Parameters<typeof udpFrame>[0]> = {}): Uint8Array {
  return udpFrame({ src: '10.0.0.1', dst: '10.0.0.2', dstPort: 9, payload: 10, dstMac: HERE_MAC, srcMac: THERE_MAC, ...options });
}

function bytesOf(rows: readonly CapturedRow[]): number {
  return rows.reduce((sum, row) => sum + row.originalLength, 0);
}

function decodedRows(rows: readonly CapturedRow[]): string[] {
  return decoded(rows.map((row) => ({ data: Buffer.from(row.hex, 'hex'), originalLength: row.originalLength }))).lines;
}

test.serial('both ends of a cable see each packet once, in their own direction', async (t) => {
  const { here, there, sender, open } = await lab(t);
  const receiving = await open(here, { interface: 'eth0' });
  const sending = await open(there, { interface: 'peer' });
  sender.send([
    frame(), frame({ dstMac: 'ff:ff:ff:ff:ff:ff' }), frame({ dstMac: '01:00:5e:00:00:09' }), frame({ dstMac: '02:00:00:00:00:77' }),
  ]);
  const received = await readLiveRows(receiving, 4);
  const sent = await readLiveRows(sending, 4);
  t.deepEqual(received.map((row) => row.kernelDirection), [KERNEL_HOST, KERNEL_BROADCAST, KERNEL_MULTICAST, KERNEL_OTHERHOST]);
  t.deepEqual(sent.map((row) => row.kernelDirection), [KERNEL_OUTGOING, KERNEL_OUTGOING, KERNEL_OUTGOING, KERNEL_OUTGOING]);
  t.deepEqual(received.map((row) => row.hex), sent.map((row) => row.hex));
});

test.serial('real programs: packets and bytes are those of the counters of the interface', async (t) => {
  const { here, there, open } = await lab(t, true);
  const source = await open(here, { interface: 'eth0', snapLengthBytes: 96 });
  const before = await here.counters('eth0');
  const reading = readLiveToEnd(source);
  await there.beside('ping', '-q', '-c', '50', '-i', '0.002', '-s', '1200', '10.0.0.2');
  await there.beside('ping', '-q', '-c', '5', '-i', '0.002', '-s', '4000', '10.0.0.2');
  const after = await here.counters('eth0');
  source.stop();
  const rows = await reading;
  const isOut = (row: CapturedRow): boolean => row.kernelDirection === KERNEL_OUTGOING;
  t.is(rows.filter((row) => !isOut(row)).length, after.rxPackets - before.rxPackets);
  t.is(rows.filter(isOut).length, after.txPackets - before.txPackets);
  t.is(bytesOf(rows.filter((row) => !isOut(row))), after.rxBytes - before.rxBytes);
  t.is(bytesOf(rows.filter(isOut)), after.txBytes - before.txBytes);
  t.true(rows.length >= 110);
  t.true(rows.every((row) => row.captureLength === Math.min(96, row.originalLength)));
});

test.serial('VLAN tags, in the frame or taken out of it, do not hide the packet', async (t) => {
  const { here, there, sender, open } = await lab(t);
  const receiving = await open(here, { interface: 'eth0' });
  const sending = await open(there, { interface: 'peer' });
  const filtered = await open(here, { interface: 'eth0', filter: 'vlan 10 and udp' });
  const sent = [frame({ dstPort: 1 }), frame({ dstPort: 2, vlan: 10 }), frame({ dstPort: 3, vlan: [200, 10] }), frame({ dstPort: 4, vlan: [300, 200, 10] })];
  sender.send(sent);
  const received = await readLiveRows(receiving, 4);
  const lines = [1, 2, 3, 4].map((port) => `in eni-default v4/17 10.0.0.1:40000 > 10.0.0.2:${port} 38 bytes`);
  t.deepEqual(decodedRows(received), lines);
  t.deepEqual(decodedRows(await readLiveRows(sending, 4)), lines);
  // the kernel takes out the outermost tag of what it receives, and both lengths go without it
  t.deepEqual(received.map((row) => row.originalLength), sent.map((bytes, index) => bytes.length - (index > 0 ? 4 : 0)));
  filtered.stop();
  t.deepEqual(decodedRows(await readLiveToEnd(filtered)), [lines[1]]);
});

test.serial('a ring that is too small: sent = handed out + drops', async (t) => {
  const { here, sender, open } = await lab(t);
  const source = await open(here, { interface: 'eth0', ringBytes: 1 << 18, blockBytes: 1 << 16 });
  const many = Array.from({ length: 5000 }, () => frame());
  let seen = 0;
  const batch = new PacketBatch();
  for (let round = 0; round < 4; round++) {
    sender.send(many); // nobody reads meanwhile
    for (let fills = 0; fills < 5; fills++) {
      await source.fill(batch);
      seen += batch.count;
    }
  }
  source.stop();
  seen += await countToEnd(source);
  const { packets, drops } = source.statistics();
  t.true(drops! > 1000, `${drops} drops`);
  t.true(seen > 1000, `${seen} seen`);
  t.is(packets, 20_000);
  t.is(seen + drops!, 20_000);
  await source.close();
  t.deepEqual(source.statistics(), { packets, drops });
});

test.serial('loopback: each packet counts once', async (t) => {
  const { here, open } = await lab(t);
  const source = await open(here, { interface: 'lo' });
  const reading = readLiveToEnd(source);
  await here.beside('ping', '-q', '-c', '3', '-i', '0.002', '127.0.0.1');
  source.stop();
  const rows = await reading;
  t.is(rows.length, 6);
  t.is(rows.length, (await here.counters('lo')).rxPackets);
  t.true(rows.every((row) => row.kernelDirection === KERNEL_HOST));
});

test.serial('an interface without link header: packets begin with IP', async (t) => {
  const { here, open } = await lab(t);
  const tun = await TunDevice.open(here, 'tun0');
  t.teardown(() => tun.close());
  const shipping = { collectorAddresses: ['10.9.9.9'], port: 1, localAddresses: ['10.0.0.2'] };
  const source = await open(here, { interface: 'tun0', filter: 'udp dst portrange 1-9', shipping });
  t.is(source.interfaces[0]!.linkType, 101);
  const packets = [1, 9, 10].map((dstPort) => udpPacket({ src: '10.0.0.1', dst: '10.0.0.2', dstPort, payload: 4 }));
  tun.receive([...packets, udpPacket({ src: 'fd00::1', dst: 'fd00::2', dstPort: 2 })]);
  source.stop();
  t.deepEqual((await readLiveToEnd(source)).map((row) => row.hex).slice(0, 2), packets.slice(0, 2).map((packet) => Buffer.from(packet).toString('hex')));
  t.is(source.statistics().packets, 3);
});

test.serial('down and up again, and a new name: nothing is missed', async (t) => {
  const made = await lab(t);
  const { here, sender, open } = made;
  const source = await open(here, { interface: 'eth0', filter: 'udp' });
  sender.send([frame()]);
  t.is((await readLiveRows(source, 1)).length, 1);
  here.ip('link', 'set', 'eth0', 'down');
  t.is((await readLiveRows(source, 1, 8, 3)).length, 0);
  t.is(source.endReason, null);
  bringUp(made, 'eth0');
  sender.send([frame(), frame()]);
  t.is((await readLiveRows(source, 2)).length, 2);
  here.ip('link', 'set', 'eth0', 'down');
  here.ip('link', 'set', 'eth0', 'name', 'other0');
  bringUp(made, 'other0');
  sender.send([frame()]);
  t.is((await readLiveRows(source, 1)).length, 1);
  t.is(source.endReason, null);
});

test.serial('opened while down, then up', async (t) => {
  const made = await lab(t);
  const { here, sender, open } = made;
  here.ip('link', 'set', 'eth0', 'down');
  const source = await open(here, { interface: 'eth0', filter: 'udp' });
  t.is((await readLiveRows(source, 1, 8, 2)).length, 0);
  bringUp(made, 'eth0');
  sender.send([frame()]);
  t.is((await readLiveRows(source, 1)).length, 1);
});

test.serial('an interface that moves to another namespace has gone', async (t) => {
  const { here, there, sender, open } = await lab(t);
  const source = await open(here, { interface: 'eth0', filter: 'udp' });
  sender.send([frame()]);
  here.ip('link', 'set', 'eth0', 'netns', there.name);
  t.is(await countToEnd(source), 1);
  t.is(source.endReason?.kind, 'removed');
});

test.serial('a batch that outlives its source holds nothing, and harms nobody', async (t) => {
  const { here, sender, open } = await lab(t);
  const source = await open(here, { interface: 'eth0', filter: 'udp' });
  sender.send([frame()]);
  const batch = new PacketBatch();
  do await source.fill(batch); while (batch.count === 0);
  await source.close();
  t.true(batch.bytes.subarray(batch.offset[0], batch.offset[0]! + 20).every((byte) => byte === 0));
  t.is(batch.view.getUint8(batch.bytes.length - 1), 0);
});

test.serial('what is not IP is handed out as well', async (t) => {
  const { here, sender, open } = await lab(t);
  const source = await open(here, { interface: 'eth0' });
  const shipping = await open(here, { interface: 'eth0', shipping: { collectorAddresses: ['10.9.9.9', 'fd00::9'], port: 1, localAddresses: ['10.0.0.2', 'fd00::2'] } });
  const short = frame().subarray(0, 16);
  const odd = [ethernetFrame(ETHERTYPE_ARP, new Uint8Array(28)), short, ethernetFrame(0x86dd, Uint8Array.of(0x60, 0, 0))];
  sender.send(odd);
  const rows = await readLiveRows(source, odd.length);
  t.is(rows.length, odd.length);
  t.deepEqual(await readLiveRows(shipping, odd.length).then((all) => all.map((row) => row.hex)), rows.map((row) => row.hex));
});

for (const [title, settings, message] of [
  ['a snap length of nothing', { snapLengthBytes: 0 }, /snap length 0 is not a whole number of bytes from 64/],
  ['a block that is no block', { blockBytes: 1000 }, /block size 1000 is not a multiple of 65536 bytes/],
  ['half a block too much', { ringBytes: 98_304, blockBytes: 65_536 }, /ring size 98304 is not a multiple of the block size/],
  ['a block timeout of a day', { blockTimeoutMs: 86_400_000 }, /block timeout 86400000/],
] as const) {
  test.serial(`refused: ${title}`, async (t) => {
    const { here, open } = await lab(t);
    await t.throwsAsync(open(here, { interface: 'eth0', ...settings }), { code: 'CONFIGURATION', message });
  });
}

test.serial('an interface that is opened and closed, or made and removed, 50 times leaves nothing behind', async (t) => {
  const namespace = new NetworkNamespace();
  const peer = new NetworkNamespace();
  t.teardown(() => [namespace, peer].forEach((made) => made.remove()));
  const settings = { interface: 'eth0', ringBytes: 1 << 22, blockBytes: 1 << 18, blockTimeoutMs: 1 };
  const round = async (isRemoved: boolean): Promise<void> => {
    const source = await namespace.within(() => new AfPacketSource(settings));
    if (isRemoved) {
      namespace.ip('link', 'del', 'eth0');
      t.is(await countToEnd(source), 0);
      t.is(source.endReason?.kind, 'removed');
    }
    await source.close();
  };
  const cable = (): void => {
    namespace.ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'peer', 'netns', peer.name);
    namespace.ip('link', 'set', 'eth0', 'up');
  };
  cable();
  // what is there from the first time on is nothing left behind
  for (let i = 0; i < 5; i++) await round(false);
  await round(true);
  cable();
  const before = await resources();
  for (let i = 0; i < 50; i++) await round(false);
  for (let i = 0; i < 50; i++) {
    if (i > 0) cable();
    await round(true);
  }
  const after = await resources();
  t.log(`${(after.residentBytes - before.residentBytes) / 1e6} MB more, ${(after.addressBytes - before.addressBytes) / 1e6} MB of addresses`);
  t.is(after.descriptors, before.descriptors);
  t.is(after.ringMappings, 0);
  t.true(after.residentBytes - before.residentBytes < 30e6, `${(after.residentBytes - before.residentBytes) / 1e6} MB more`);
  t.true(after.addressBytes - before.addressBytes < 25 * settings.ringBytes, `${(after.addressBytes - before.addressBytes) / 1e6} MB of addresses more`);
});

test.serial('a worker thread can own a source', async (t) => {
  const { here, sender } = await lab(t);
  const { Worker } = await import('node:worker_threads');
  const worker = await here.within(async () => {
    const made = new Worker(workerEntry(new URL('live-worker.ts', import.meta.url)), { workerData: { interface: 'eth0', namespace: here.name } });
    await new Promise((resolve, reject) => made.once('message', resolve).once('error', reject));
    return made;
  });
  sender.send(Array.from({ length: 3000 }, () => frame()));
  const counted = new Promise((resolve) => worker.once('message', resolve));
  worker.postMessage('stop');
  t.deepEqual(await counted, { seen: 3000, packets: 3000, drops: 0 });
  await worker.terminate();
});


/** Node 20 does not hand the loader of TypeScript on to worker threads. */
function workerEntry(module: URL): URL {
  const code = `import { register } from '${import.meta.resolve('tsx/esm/api')}'; register(); await import('${module.href}');`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

/** After what is unreachable has been collected. */
async function resources(): Promise<{ descriptors: number; ringMappings: number; residentBytes: number; addressBytes: number }> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let turn = 0; turn < 5; turn++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    ringMappings: readFileSync('/proc/self/maps', 'utf8').split('\n').filter((line) => line.includes('socket:')).length,
    residentBytes: process.memoryUsage.rss(),
    addressBytes: Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024,
  };
}
