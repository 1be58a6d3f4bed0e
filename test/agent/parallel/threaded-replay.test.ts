/** What one thread makes of captures, without a kernel and with it, and what two make of them, must be the same to the byte. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { PacketMemory } from '../../../agent/kernel/packet-memory.ts';
import { RecordFormatter } from '../../../agent/output/record-format.ts';
import { RecordWriter } from '../../../agent/output/record-writer.ts';
import { BatchPacker } from '../../../agent/ship/batch-packer.ts';
import { replay, replayToText, type ReplayOptions, type ReplaySink } from '../../../agent/replay.ts';
import { writeTrace, TRACE_DEFAULTS, type TraceOptions } from '../../../bench/trace.ts';
import { benchTopology } from '../../../bench/rule-set.ts';
import type { Seal } from '../../../shared/seal.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';
import { DEFAULT_TOPOLOGY } from '../../../shared/topology/topology.ts';
import { CORPUS, corpusFiles } from '../../corpus/corpus-files.ts';
import { findSamples } from '../../samples/sample.ts';
import type { CapturedPacket } from '../../frames/captured-packet.ts';
import { ethernetFrame } from '../../frames/ethernet.ts';
import { icmpFrame, tcpFrame, tcpPacket, udpFrame } from '../../frames/frames.ts';
import { pcapFile } from '../../frames/pcap-file.ts';
import { pcapngFile } from '../../frames/pcapng-file.ts';
import { ALL_FIELDS, TWO_ENIS as TOPOLOGY } from '../replayed.ts';

const BASE_US = 1_700_000_000_000_000;

let folder: string;
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-threads-'));
});
test.after.always(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly text: string;
  readonly seals: readonly Seal[];
  /** Batches for the collector. */
  readonly batches: Buffer;
  /** What replay has returned or thrown. */
  readonly end: unknown;
}

async function outcome(paths: readonly string[], options: ReplayOptions): Promise<Outcome> {
  let text = '';
  const seals: Seal[] = [];
  const batches: Buffer[] = [];
  const writer = new RecordWriter({ write: (piece) => void (text += piece) }, new RecordFormatter('json', ALL_FIELDS));
  const packer = new BatchPacker(async (gzipped) => void batches.push(gzipped));
  const sink: ReplaySink = {
    rows(rows, context) {
      writer.rows(rows, context);
      packer.rows(rows, context);
    },
    seals(some, context) {
      seals.push(...some);
      writer.seals(some, context);
      packer.seals(some, context);
    },
    drained: () => packer.drained(),
  };
  const end: unknown = await replay(paths, options, sink).catch((error: unknown) => error);
  await packer.sent();
  return { text, seals, batches: Buffer.concat(batches), end };
}

/** Returns what all have given. */
async function isTheSame(t: ExecutionContext, paths: readonly string[], options: ReplayOptions): Promise<Outcome> {
  const plain = await outcome(paths, { ...options, workers: 1, memory: PacketMemory.withoutKernel() });
  const alone = await outcome(paths, { ...options, workers: 1 });
  const together = await outcome(paths, { ...options, workers: 2 });
  for (const [how, { seals, end, text, batches }] of [['with the kernel', alone], ['in two threads', together]] as const) {
    t.deepEqual(seals, plain.seals, how);
    t.deepEqual(end, plain.end, how);
    t.true(text === plain.text, `${how}: the records differ`);
    t.true(batches.equals(plain.batches), `${how}: the batches differ`);
  }
  return plain;
}

/** A few hosts and ports, so that flows meet again; times that wander back and forth; ICMP errors; what cannot be decoded. */
const arbitraryPackets: fc.Arbitrary<CapturedPacket[]> = fc.array(
  fc.record({
    from: fc.integer({ min: 1, max: 4 }), to: fc.integer({ min: 1, max: 4 }), v6: fc.boolean(),
    kind: fc.constantFrom('tcp', 'tcp', 'udp', 'echo', 'error', 'piece', 'arp', 'cut'), port: fc.constantFrom(80, 53, 4000, 4001, 4002),
    flags: fc.constantFrom('S', 'SA', 'A', 'FA', 'R'), stepMs: fc.integer({ min: -300, max: 600 }),
  }),
  { minLength: 2000, maxLength: 3000, size: 'max' },
).map((steps) => {
  let timeUs = BASE_US;
  return steps.map(({ from, to, v6, kind, port, flags, stepMs }) => {
    timeUs += stepMs * 1000;
    const src = v6 ? `fd00::${from}` : `10.0.0.${from}`;
    const dst = v6 ? `fd00::${to}` : `10.0.0.${to}`;
    const ends = { src, dst, srcPort: 4000, dstPort: port };
    const quoted = { src: dst, dst: src, srcPort: port, dstPort: 4000 };
    const data = kind === 'udp' ? udpFrame(ends) : kind === 'echo' ? icmpFrame({ src, dst })
      : kind === 'error' ? icmpFrame({ src, dst, type: v6 ? 1 : 3, payload: tcpPacket(quoted) })
      : kind === 'piece' ? udpFrame({ ...ends, fragment: { offset: port === 53 ? 0 : 8, more: port === 53, id: from } })
      : kind === 'arp' ? ethernetFrame(0x0806, new Uint8Array(28)) : tcpFrame({ ...ends, flags });
    return { data: kind === 'cut' ? data.subarray(0, 36) : data, originalLength: data.length, timeUs };
  });
});

test('random packets: windows that close meanwhile, full tables, traffic types, batches of any size', async (t) => {
  const path = join(folder, 'random.pcap');
  await fc.assert(fc.asyncProperty(
    arbitraryPackets, fc.constantFrom(3, 64, 1000), fc.constantFrom(1, 20, 512), fc.constantFrom('All' as const, 'Allow' as const, 'Drop' as const),
    async (packets, tableCapacity, batchPackets, trafficType) => {
      writeFileSync(path, pcapFile(packets));
      const { text } = await isTheSame(t, [path], { topology: TOPOLOGY, windowSeconds: 10, graceSeconds: 5, tableCapacity, batchPackets, trafficType });
      t.true(text.length > 0);
    },
  ), { numRuns: 4, endOnFailure: true });
});

const TRACES: Readonly<Record<string, Partial<TraceOptions>>> = {
  'a table that is full': { flows: 60_000, zipf: 0.1 },
  'IPv6, VLANs, fragments, flows that begin and end': { ipv6: 0.3, vlan: 0.2, fragments: 0.02, newFlows: 5000, rate: 40_000 },
  'a scan': { scan: true },
};

for (const [name, shape] of Object.entries(TRACES)) {
  test(name, async (t) => {
    const path = join(folder, `${name}.pcap`);
    writeTrace(path, { ...TRACE_DEFAULTS, packets: 150_000, ...shape });
    const { seals } = await isTheSame(t, [path], { topology: parseTopology(benchTopology(100), 'rules'), windowSeconds: 1, graceSeconds: 1, tableCapacity: 1 << 15 });
    t.true(seals.length > 0);
  });
}

test('the samples', async (t) => {
  for (const { capture, topology, windowSeconds, trafficType } of findSamples()) {
    await isTheSame(t, [capture], { topology, windowSeconds, trafficType });
  }
});

test('captures of other projects, merged in the order of time', async (t) => {
  const readable: string[] = [];
  for (const file of corpusFiles(CORPUS).filter((_, index) => index % 24 === 0)) {
    const { end } = await outcome([join(CORPUS, file)], { topology: DEFAULT_TOPOLOGY, tableCapacity: 1 << 12 });
    if (!(end instanceof Error)) readable.push(join(CORPUS, file));
  }
  if (readable.length === 0) {
    t.log(`the corpus is absent (${CORPUS}): nothing read`);
    return void t.pass();
  }
  const { end } = await isTheSame(t, readable, { topology: DEFAULT_TOPOLOGY, tableCapacity: 1 << 12 });
  t.log(`${readable.length} captures, ${(end as { packets: number }).packets} packets`);
});

const SOME = Array.from({ length: 3000 }, (_, i) => ({
  data: udpFrame({ src: '10.0.0.1', dst: '10.0.0.2', srcPort: 1 + (i % 50), dstPort: 53 }), timeUs: BASE_US + i * 10_000,
}));
const SOON = { topology: TOPOLOGY, windowSeconds: 2, graceSeconds: 1 };

test('a count of packets, a capture that is cut short, and one that holds nothing', async (t) => {
  const whole = join(folder, 'whole.pcap');
  const cut = join(folder, 'cut.pcap');
  const empty = join(folder, 'empty.pcap');
  writeFileSync(whole, pcapFile(SOME));
  writeFileSync(cut, pcapFile(SOME).subarray(0, -7));
  writeFileSync(empty, pcapFile([]));
  const counted = await isTheSame(t, [whole], { ...SOON, maxPackets: 1234 });
  t.is((counted.end as { packets: number }).packets, 1234);
  const damaged = await isTheSame(t, [cut], SOON);
  t.true(damaged.seals.some((seal) => seal.partial));
  t.is((await isTheSame(t, [empty], SOON)).text, '');
});

test('a file that cannot be read, after others that can: the same error, and the same records until then', async (t) => {
  const whole = join(folder, 'first.pcap');
  const odd = join(folder, 'second.pcapng');
  writeFileSync(whole, pcapFile(SOME));
  writeFileSync(odd, pcapngFile([{ ...SOME[0]!, timeUs: BASE_US + 20e6 }], { interfaces: [{ linkType: 147 }] }));
  const { text, end } = await isTheSame(t, [whole, odd], SOON);
  t.regex(String(end), /link type 147 is not supported/);
  t.true(text.length > 0);
});

test.serial('a sink that takes no more ends the replay with its own error, and no thread is left', async (t) => {
  const path = join(folder, 'closed.pcap');
  writeFileSync(path, pcapFile(SOME));
  const held = process.getActiveResourcesInfo();
  const closed = new Error('nobody reads');
  const output = { write: () => { throw closed; } };
  t.is(await t.throwsAsync(replayToText([path], { ...SOON, workers: 2 }, output, 'json', ALL_FIELDS)), closed);
  const isOfThreads = (resource: string): boolean => /Worker|MessagePort/.test(resource);
  t.deepEqual(process.getActiveResourcesInfo().filter(isOfThreads), held.filter(isOfThreads));
});

test('a thread that fails ends the replay with what it failed with', async (t) => {
  const path = join(folder, 'failing.pcap');
  writeFileSync(path, pcapFile(SOME));
  await t.throwsAsync(replay([path], { ...SOON, tableCapacity: -1, workers: 2 }, { rows: () => {}, seals: () => {} }), { instanceOf: RangeError });
});

test('a slow sink holds the reading back', async (t) => {
  const path = join(folder, 'slow.pcap');
  writeTrace(path, { ...TRACE_DEFAULTS, packets: 100_000, scan: true });
  let waiting = 0;
  let most = 0;
  const taken: number[] = [];
  await replay([path], { topology: parseTopology(benchTopology(10), 'rules'), tableCapacity: 1 << 10, workers: 2, windowSeconds: 1, graceSeconds: 0 }, {
    rows: (rows) => {
      most = Math.max(most, ++waiting);
      taken.push(rows.count);
    },
    seals: () => {},
    drained: () => new Promise<void>((resolve) => setImmediate(() => {
      waiting = 0;
      resolve();
    })),
  });
  t.is(most, 1);
  t.true(taken.length > 1);
});
