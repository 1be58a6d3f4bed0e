import test from 'ava';
import fc from 'fast-check';
import type { ReplayOptions } from '../../agent/replay.ts';
import { lostPackets } from '../../shared/seal.ts';
import { DEFAULT_TOPOLOGY } from '../../shared/topology/topology.ts';
import type { CapturedPacket } from '../frames/captured-packet.ts';
import { ethernetFrame } from '../frames/ethernet.ts';
import { icmpFrame, tcpFrame, udpFrame } from '../frames/frames.ts';
import { pcapFile } from '../frames/pcap-file.ts';
import { pcapngFile } from '../frames/pcapng-file.ts';
import { replayed, TWO_ENIS as TOPOLOGY, type JsonRecord } from './replayed.ts';

const WINDOW_SECONDS = 10;
const BASE_US = 1_700_000_000_000_000;

/** A few hosts and ports, so that flows meet again; times that wander back and forth a little. */
const arbitraryPackets: fc.Arbitrary<CapturedPacket[]> = fc.array(
  fc.record({
    from: fc.integer({ min: 1, max: 4 }), to: fc.integer({ min: 1, max: 4 }), v6: fc.boolean(),
    kind: fc.constantFrom('tcp', 'udp', 'icmp', 'arp', 'cut'), port: fc.constantFrom(80, 53, 4000),
    flags: fc.constantFrom('S', 'SA', 'A', 'FA', 'R'), stepMs: fc.integer({ min: -3000, max: 6000 }),
  }),
  { minLength: 1, maxLength: 60 },
).map((steps) => {
  let timeUs = BASE_US;
  return steps.map(({ from, to, v6, kind, port, flags, stepMs }) => {
    timeUs += stepMs * 1000;
    const src = v6 ? `fd00::${from}` : `10.0.0.${from}`;
    const dst = v6 ? `fd00::${to}` : `10.0.0.${to}`;
    const ends = { src, dst, srcPort: 4000, dstPort: port };
    const data = kind === 'udp' ? udpFrame(ends) : kind === 'icmp' ? icmpFrame({ src, dst })
      : kind === 'arp' ? ethernetFrame(0x0806, new Uint8Array(28)) : tcpFrame({ ...ends, flags });
    return { data: kind === 'cut' ? data.subarray(0, 36) : data, originalLength: data.length, timeUs };
  });
});

function options(changes: Partial<ReplayOptions> = {}): ReplayOptions {
  return { topology: TOPOLOGY, windowSeconds: WINDOW_SECONDS, graceSeconds: 5, tableCapacity: 1000, ...changes };
}

function total(records: readonly JsonRecord[], field: string): number {
  return records.reduce((sum, record) => sum + Number(record[field] ?? 0), 0);
}

test('packets seen = packets in records + each counted loss, for every ENI and window, also with a full table', async (t) => {
  await fc.assert(fc.asyncProperty(arbitraryPackets, fc.constantFrom(2, 3, 64), fc.constantFrom('All' as const, 'Allow' as const, 'Drop' as const),
    async (packets, tableCapacity, trafficType) => {
      const { records, seals, summary } = await replayed([pcapFile(packets)], options({ tableCapacity, trafficType }));
      for (const seal of seals) {
        t.is(seal.packetsSeen, seal.packets + seal.filteredPackets + seal.nonIpPackets + lostPackets(seal));
        const mine = records.filter((r) => r['eni-id'] === seal.eniId && r['start'] === seal.windowStart && r['log-status'] === 'OK');
        t.deepEqual([mine.length, total(mine, 'packets'), total(mine, 'bytes')], [seal.records, seal.packets, seal.bytes]);
      }
      t.is(summary.packets, packets.length);
    }), { numRuns: 150 });
});

test('a full table changes no sum: the same packets and bytes per flow', async (t) => {
  const perFlow = (records: readonly JsonRecord[]) => {
    const sums = new Map<string, number>();
    for (const r of records) {
      if (r['log-status'] !== 'OK') continue;
      const key = ['eni-id', 'srcaddr', 'srcport', 'dstaddr', 'dstport', 'protocol', 'direction', 'start', 'icmp-type'].map((f) => r[f]).join(' ');
      sums.set(key, (sums.get(key) ?? 0) + Number(r['packets']) * 1e6 + Number(r['bytes']));
    }
    return [...sums].sort();
  };
  await fc.assert(fc.asyncProperty(arbitraryPackets, async (packets) => {
    const file = pcapFile(packets);
    const small = await replayed([file], options({ tableCapacity: 2 }));
    const large = await replayed([file], options());
    t.deepEqual(perFlow(small.records), perFlow(large.records));
  }), { numRuns: 100 });
});

test('the same bytes twice, whatever the batch size, from pcap and from pcapng', async (t) => {
  await fc.assert(fc.asyncProperty(arbitraryPackets, fc.integer({ min: 1, max: 70 }), async (packets, batchPackets) => {
    const once = await replayed([pcapFile(packets)], options());
    const again = await replayed([pcapFile(packets)], options({ batchPackets }));
    const other = await replayed([pcapngFile(packets)], options({ batchPackets }));
    t.is(again.text, once.text);
    t.is(other.text, once.text);
    t.deepEqual(other.seals, once.seals);
  }), { numRuns: 60 });
});

test('files are read in the order of time: a capture cut into pieces gives the same records', async (t) => {
  await fc.assert(fc.asyncProperty(arbitraryPackets, fc.integer({ min: 1, max: 59 }), fc.boolean(), async (packets, at, swap) => {
    const ordered = packets.map((packet, i) => ({ ...packet, timeUs: BASE_US + i * 700_000 }));
    const whole = await replayed([pcapFile(ordered)], options());
    const halves = [pcapFile(ordered.slice(0, at)), pcapFile(ordered.slice(at))];
    const rotated = await replayed(swap ? halves.reverse() : halves, options());
    t.is(rotated.text, whole.text);
    const sides = [0, 1].map((side) => pcapFile(ordered.filter((_, i) => i % 2 === side)));
    const interleaved = await replayed(sides, options());
    t.is(interleaved.text, whole.text);
  }), { numRuns: 40 });
});

test('Allow and Drop are the two parts of All', async (t) => {
  await fc.assert(fc.asyncProperty(arbitraryPackets, async (packets) => {
    const file = pcapFile(packets);
    const of = async (trafficType: 'All' | 'Allow' | 'Drop') =>
      (await replayed([file], options({ trafficType }))).records.filter((r) => r['log-status'] === 'OK').map((r) => JSON.stringify(r)).sort();
    const [all, allow, drop] = [await of('All'), await of('Allow'), await of('Drop')];
    t.deepEqual([...allow, ...drop].sort(), all);
    t.true(allow.every((r) => r.includes('"ACCEPT"')) && drop.every((r) => r.includes('"REJECT"')));
  }), { numRuns: 40 });
});

test('first and last seen are the earliest and latest time, whatever the order', async (t) => {
  const at = (seconds: number) => ({ data: udpFrame({ src: '10.0.0.9', dst: '10.0.0.1' }), timeUs: BASE_US + seconds * 1e6 });
  const { records } = await replayed([pcapFile([at(3), at(1), at(5), at(2)])], options({ topology: DEFAULT_TOPOLOGY }));
  t.deepEqual(records.map((r) => [Number(r['first-seen']) - BASE_US / 1e6, Number(r['last-seen']) - BASE_US / 1e6]), [[1, 5]]);
});

test('fragments are counted in the window they came in, late ones too', async (t) => {
  const piece = (seconds: number, offset: number) => ({
    data: udpFrame({ src: '10.0.0.9', dst: '10.0.0.1', fragment: { offset, more: true, id: 1 }, payload: 8 }), timeUs: BASE_US + seconds * 1e6,
  });
  const { records } = await replayed([pcapFile([piece(8, 0), piece(9, 16), piece(11, 32), piece(11.5, 40), piece(9.5, 48)])], options({ topology: DEFAULT_TOPOLOGY }));
  t.deepEqual(records.map((r) => [r['packets'], r['fragments']]), [[3, 2], [2, 2]]);
});

test('frames without IP are counted apart from what could not be decoded', async (t) => {
  const arp = ethernetFrame(0x0806, new Uint8Array(28));
  const cut = udpFrame({ src: '10.0.0.9', dst: '10.0.0.1' }).subarray(0, 36);
  const { seals, records } = await replayed([pcapFile([arp, arp, cut])], options({ topology: DEFAULT_TOPOLOGY }));
  t.deepEqual(seals.map((seal) => [seal.packetsSeen, seal.nonIpPackets, seal.undecodable]), [[3, 2, { 'transport-truncated': 1 }]]);
  t.deepEqual(records.map((r) => [r['log-status'], r['skipped-packets']]), [['SKIPDATA', 1]]);
});

test('a window that has closed does not open again, even for a packet inside the grace of the clock', async (t) => {
  const at = (seconds: number) => ({ data: udpFrame({ src: '10.0.0.9', dst: '10.0.0.1' }), timeUs: BASE_US + seconds * 1e6 });
  // the jump closes the first window at once; a packet of just before it would still be inside its grace
  const jump = 1441 * WINDOW_SECONDS;
  const { records } = await replayed([pcapFile([at(1), at(jump), at(2)])], options({ topology: DEFAULT_TOPOLOGY, graceSeconds: 2 * jump }));
  t.deepEqual(records.map((r) => [r['log-status'], r['packets'], r['skipped-packets']]), [['OK', 1, null], ['OK', 1, null], ['SKIPDATA', null, 1]]);
});

test('late packets go to their own window inside the grace, and are counted after it', async (t) => {
  const at = (seconds: number) => ({ data: udpFrame({ src: '10.0.0.9', dst: '10.0.0.1' }), timeUs: BASE_US + seconds * 1e6 });
  const { records, seals } = await replayed(
    [pcapFile([at(1), at(11), at(9), at(14.9), at(2), at(15), at(3)])], { topology: DEFAULT_TOPOLOGY, windowSeconds: 10, graceSeconds: 5 },
  );
  t.deepEqual(records.map((r) => [Number(r['start']) - BASE_US / 1e6, r['log-status'], r['packets'], r['skipped-packets']]), [
    [0, 'OK', 3, null], [10, 'OK', 3, null], [10, 'SKIPDATA', null, 1],
  ]);
  t.deepEqual(seals.map((seal) => [seal.packetsSeen, seal.latePackets]), [[3, 0], [4, 1]]);
});

test('a packet before the first window has its own window inside the grace', async (t) => {
  const at = (seconds: number) => ({ data: udpFrame({ src: '10.0.0.9', dst: '10.0.0.1' }), timeUs: BASE_US + seconds * 1e6 });
  const { records } = await replayed([pcapFile([at(0.001), at(-0.001), at(6), at(-0.002)])], { topology: DEFAULT_TOPOLOGY, windowSeconds: 10, graceSeconds: 5 });
  t.deepEqual(records.map((r) => [Number(r['start']) - BASE_US / 1e6, r['log-status'], r['packets'], r['skipped-packets']]), [
    [-10, 'OK', 1, null], [0, 'OK', 2, null], [0, 'SKIPDATA', null, 1],
  ]);
});

test('a window without packets is sealed with NODATA; a long jump of time is not a long quiet time', async (t) => {
  const at = (seconds: number) => ({ data: udpFrame({ src: '10.0.0.9', dst: '10.0.0.1' }), timeUs: BASE_US + seconds * 1e6 });
  const quiet = await replayed([pcapFile([at(0), at(35)])], { topology: DEFAULT_TOPOLOGY, windowSeconds: 10 });
  t.deepEqual(quiet.records.map((r) => r['log-status']), ['OK', 'NODATA', 'NODATA', 'OK']);
  t.deepEqual(Object.values(quiet.records[1]!).slice(6, 14), [null, null, null, null, null, null, null, null]);
  const jump = await replayed([pcapFile([at(0), at(10 * 365 * 86_400)])], { topology: DEFAULT_TOPOLOGY, windowSeconds: 10 });
  t.deepEqual(jump.records.map((r) => r['log-status']), ['OK', 'OK']);
});

test('a damaged capture makes its open windows partial', async (t) => {
  const file = pcapFile([udpFrame({ src: '10.0.0.9', dst: '10.0.0.1' }), udpFrame({ src: '10.0.0.9', dst: '10.0.0.1' })]);
  const { seals, summary } = await replayed([file.subarray(0, -5)], { topology: DEFAULT_TOPOLOGY });
  t.deepEqual(seals.map((seal) => [seal.packets, seal.partial]), [[1, true]]);
  t.is(summary.damaged.length, 1);
});

test('a watch list of every ENI says the same, byte by byte, as none', async (t) => {
  await fc.assert(fc.asyncProperty(arbitraryPackets, fc.constantFrom('All' as const, 'Allow' as const, 'Drop' as const), async (packets, trafficType) => {
    const file = pcapFile(packets);
    const without = await replayed([file], options({ trafficType }));
    const listed = await replayed([file], options({ watch: new Map(TOPOLOGY.enis.map(({ eniId }) => [eniId, trafficType])) }));
    t.is(listed.text, without.text);
    t.deepEqual(listed.seals, without.seals);
    t.true(without.seals.every((seal) => seal.trafficType === trafficType && !seal.partial));
  }), { numRuns: 40 });
});
