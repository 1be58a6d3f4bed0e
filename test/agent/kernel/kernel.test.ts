/** What the kernel makes of packets, and what TypeScript makes of them without it, must be the same. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import type { ByteInput } from '../../../agent/capture/byte-input.ts';
import { openCaptureInput } from '../../../agent/capture/capture-file.ts';
import { Decoder } from '../../../agent/decode/decoder.ts';
import { KeyQueue, keyQueueBytes } from '../../../agent/decode/key-queue.ts';
import { QUEUE_FRAGMENT, QUEUE_QUOTES, SLOT_FLAGS, SLOT_STATUS, SLOT_WORDS } from '../../../agent/decode/key-slot.ts';
import { STATUS_DECODED } from '../../../agent/decode/packet-status.ts';
import { PacketMemory } from '../../../agent/kernel/packet-memory.ts';
import {
  ENTRY_BYTES, ENTRY_FIRST_US, ENTRY_LAST_US, ENTRY_PACKETS, ENTRY_STATE, ENTRY_WINDOW, MAX_ENTRY_PACKETS, STATE_DIRTY, STATE_GENERATION_SHIFT,
} from '../../../agent/table/entry.ts';
import { FlowTable } from '../../../agent/table/flow-table.ts';
import { KEY_DST2, KEY_META, KEY_PORTS, KEY_SRC0, META_ENI_SHIFT, META_IPV6 } from '../../../shared/flow-key.ts';
import { PacketBatch, batchBytes } from '../../../shared/packet-batch.ts';
import { PROTOCOL_TCP, TCP_FIN, TCP_RST, TCP_SYN } from '../../../shared/protocol.ts';
import { DEFAULT_TOPOLOGY } from '../../../shared/topology/topology.ts';
import { MODULE, compileKernel } from '../../../scripts/kernel.mjs';
import { concatBytes } from '../../frames/ethernet.ts';
import { icmpFrame, tcpFrame, udpFrame } from '../../frames/frames.ts';
import { pcapFile } from '../../frames/pcap-file.ts';

const ETHERNET = [{ name: null, linkType: 1 }];
const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '06:01:02:03:04:05'];
const STRANGERS = ['02:00:00:00:00:09', 'ff:ff:ff:ff:ff:ff', '00:02:00:00:00:01'];
/** Flow log words of a slot, which the decoder fills. */
const FILLED_WORDS = SLOT_STATUS + 1;

const ENIS = MACS.map((mac, index) => ({ index, eni: { ...DEFAULT_TOPOLOGY.enis[0]!, eniId: `eni-${index}`, mac } }));

function createMemory(): PacketMemory {
  const memory = PacketMemory.create();
  if (memory.kernel === null) throw new Error('there is no kernel, so there is nothing to compare');
  return memory;
}

function batchOf(frames: readonly Uint8Array[], memory: PacketMemory): PacketBatch {
  const bytes = concatBytes(...frames);
  const piece = memory.take(bytes.length);
  const place = new Uint8Array(piece.buffer, piece.offset, bytes.length);
  place.set(bytes);
  const batch = new PacketBatch(frames.length, memory.take(batchBytes(frames.length)));
  batch.setBytes(place, piece.address);
  let offset = 0;
  for (const frame of frames) {
    batch.offset[batch.count] = offset;
    batch.captureLength[batch.count] = frame.length;
    batch.originalLength[batch.count] = frame.length + (batch.count % 3);
    batch.timeUs[batch.count] = 1_700_000_000_000_000 + batch.count;
    offset += frame.length;
    batch.count++;
  }
  return batch;
}

/** All that the decoder says of the frames. Of what is not decoded, only who it is for. */
function decodedBy(memory: PacketMemory, frames: readonly Uint8Array[]): unknown {
  const decoder = new Decoder(ENIS, memory);
  const batch = batchOf(frames, memory);
  const queue = new KeyQueue(batch.capacity, memory.take(keyQueueBytes(batch.capacity)));
  decoder.decode(batch, 0, batch.count, ETHERNET, queue);
  const slots = Array.from({ length: queue.count }, (_, slot) => {
    const words = [...queue.keys.subarray(slot * SLOT_WORDS, slot * SLOT_WORDS + FILLED_WORDS)];
    const isDecoded = words[SLOT_STATUS] === STATUS_DECODED;
    return [queue.timeUs[slot], ...(isDecoded ? words : [words[SLOT_STATUS], words[KEY_META]])];
  });
  return { slots, unmatched: decoder.unmatchedPackets };
}

const mac = fc.constantFrom(...MACS, ...STRANGERS);
const frame: fc.Arbitrary<Uint8Array> = fc.record({
  srcMac: mac, dstMac: mac, vlan: fc.constantFrom([], [5], [5, 6]), v6: fc.boolean(), host: fc.integer({ min: 1, max: 200 }),
  port: fc.integer({ min: 0, max: 65_535 }), flags: fc.integer({ min: 0, max: 255 }), payload: fc.constantFrom(0, 1, 9, 60),
  kind: fc.constantFrom('tcp', 'tcp', 'udp', 'udp', 'icmp', 'piece'),
  // where a bit is turned over, and where the frame is cut; most are left as they are
  damagedBit: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, fc.integer({ min: 0, max: 8 * 62 - 1 })),
  cutAt: fc.oneof({ weight: 3, arbitrary: fc.constant(2000) }, fc.integer({ min: 0, max: 80 })),
}).map(({ srcMac, dstMac, vlan, v6, host, port, flags, payload, kind, damagedBit, cutAt }) => {
  const ends = v6 ? { src: `2001:db8::${host}`, dst: '2001:db8:0:1::9' } : { src: `10.0.0.${host}`, dst: '192.168.7.9' };
  const options = { ...ends, srcMac, dstMac, vlan, srcPort: port, dstPort: 443, flags, payload };
  const whole = kind === 'tcp' ? tcpFrame(options) : kind === 'icmp' ? icmpFrame({ ...ends, srcMac, dstMac, vlan })
    : udpFrame(kind === 'piece' ? { ...options, fragment: { offset: 0, more: true, id: host } } : options);
  if (damagedBit >= 0 && damagedBit >> 3 < whole.length) whole[damagedBit >> 3]! ^= 1 << (damagedBit & 7);
  return whole.subarray(0, cutAt);
});

test('frames, whole, cut and damaged, become the same keys', (t) => {
  const property = fc.property(fc.array(frame, { minLength: 1, maxLength: 200, size: 'max' }), (frames) => {
    t.deepEqual(decodedBy(createMemory(), frames), decodedBy(PacketMemory.withoutKernel(), frames));
  });
  t.notThrows(() => fc.assert(property, { numRuns: 150 }));
});

test('the kernel decodes what is plain, and stops at what is not', (t) => {
  const memory = createMemory();
  const ends = { src: '10.0.0.1', dst: '10.0.0.2', srcMac: MACS[0]!, dstMac: STRANGERS[0]! };
  const six = { ...ends, src: 'fd00::1', dst: 'fd00::2' };
  const plain = [tcpFrame(ends), udpFrame(ends), tcpFrame({ ...six, vlan: 7 }), udpFrame({ ...six, srcMac: STRANGERS[0]!, dstMac: MACS[2]! })];
  const unusual = [
    icmpFrame(ends), tcpFrame({ ...ends, srcMac: STRANGERS[1]! }), tcpFrame({ ...ends, dstMac: MACS[1]! }), tcpFrame({ ...ends, vlan: [7, 8] }),
    udpFrame({ ...ends, fragment: { offset: 0, more: true, id: 1 } }), tcpFrame(ends).subarray(0, 47), udpFrame(ends).subarray(0, 37), new Uint8Array(0),
  ];
  for (const last of unusual) {
    const batch = batchOf([...plain, last], memory);
    const queue = new KeyQueue(batch.capacity, memory.take(keyQueueBytes(batch.capacity)));
    const index = new Decoder(ENIS, memory);
    index.decode(batch, 0, 0, ETHERNET, queue);
    const macs = index['matcherOf'](null).macs;
    const reached = memory.kernel!.decodeFrames(
      batch.address, batch.offset.byteOffset, batch.captureLength.byteOffset, batch.timeUs.byteOffset, 0, batch.count,
      queue.keys.byteOffset, queue.timeUs.byteOffset, macs.high.byteOffset, macs.low.byteOffset, macs.enis.byteOffset, macs.mask,
    );
    t.is(reached, plain.length);
  }
});

/** A table with one flow, and a queue of five packets of it. */
function oneFlow() {
  const memory = createMemory();
  const table = new FlowTable(64, memory);
  const queue = new KeyQueue(5, memory.take(keyQueueBytes(5)));
  const key = [1, 2, 3, PROTOCOL_TCP | META_IPV6 | (1 << META_ENI_SHIFT), 4, 5, 6, 7, 8, 9];
  queue.count = 5;
  for (let slot = 0; slot < 5; slot++) {
    queue.keys.set([...key, 100, 0x10, STATUS_DECODED], slot * SLOT_WORDS);
    queue.timeUs[slot] = 1000 + slot;
  }
  table.hashAll(queue);
  const entry = table.insert(queue.keys, 0, queue.hash[0]!);
  table.words[ENTRY_WINDOW] = 7;
  table.words[ENTRY_STATE] = 1 << STATE_GENERATION_SHIFT;
  table.doubles[ENTRY_LAST_US] = 990;
  const seen = memory.take(16);
  const clock = memory.take(40);
  new Float64Array(clock.buffer, clock.offset, 5).set([990, 50, 50, 50, 50]);
  const count = (): number => table.countPackets(queue, 0, 5, seen, 7, 1 << STATE_GENERATION_SHIFT, 900, 2000, clock);
  const counted = (): number[] => [table.words[ENTRY_PACKETS]!, table.doubles[ENTRY_BYTES]!, table.doubles[ENTRY_FIRST_US]!, table.doubles[ENTRY_LAST_US]!];
  const outside = (): number[] => [new Float64Array(seen.buffer, seen.offset, 2)[1]!, new Float64Array(clock.buffer, clock.offset, 1)[0]!];
  return { table, queue, entry, count, counted, outside };
}

test('the kernel counts packets of a known flow', (t) => {
  const { table, count, counted, outside } = oneFlow();
  t.is(count(), 5);
  t.deepEqual(counted(), [5, 500, 1000, 1004]);
  t.deepEqual(outside(), [5, 1004]);
  t.is(table.words[ENTRY_STATE], (1 << STATE_GENERATION_SHIFT) | 0x10 | STATE_DIRTY);
});

/** What the third packet, or the flow, has that calls for the long way. */
const REASONS: Readonly<Record<string, (flow: ReturnType<typeof oneFlow>) => void>> = {
  'was not decoded': ({ queue }) => (queue.keys[2 * SLOT_WORDS + SLOT_STATUS] = 1),
  'is a SYN': ({ queue }) => (queue.keys[2 * SLOT_WORDS + SLOT_FLAGS] = TCP_SYN),
  'is a FIN': ({ queue }) => (queue.keys[2 * SLOT_WORDS + SLOT_FLAGS] = TCP_FIN),
  'is a RST': ({ queue }) => (queue.keys[2 * SLOT_WORDS + SLOT_FLAGS] = TCP_RST),
  'is a fragment': ({ queue }) => (queue.keys[2 * SLOT_WORDS + SLOT_FLAGS] = QUEUE_FRAGMENT),
  'quotes another packet': ({ queue }) => (queue.keys[2 * SLOT_WORDS + SLOT_FLAGS] = QUEUE_QUOTES),
  'is before the window': ({ queue }) => (queue.timeUs[2] = 899),
  'is at the end of the window': ({ queue }) => (queue.timeUs[2] = 2000),
  'comes after the idle time': ({ queue }) => (queue.timeUs[2] = 1052),
  'has other ports': ({ queue }) => (queue.keys[2 * SLOT_WORDS + KEY_PORTS] = 4),
  'has another first word of its source': ({ queue }) => (queue.keys[2 * SLOT_WORDS + KEY_SRC0] = 0),
  'has another third word of its destination': ({ queue }) => (queue.keys[2 * SLOT_WORDS + KEY_DST2] = 0),
};
for (const [reason, change] of Object.entries(REASONS)) {
  test(`the kernel stops at a packet that ${reason}`, (t) => {
    const flow = oneFlow();
    change(flow);
    t.is(flow.count(), 2);
    t.deepEqual(flow.counted(), [2, 200, 1000, 1001]);
  });
}

const NOT_NOW: Readonly<Record<string, (flow: ReturnType<typeof oneFlow>) => void>> = {
  'belongs to another window': ({ table }) => (table.words[ENTRY_WINDOW] = 6),
  'was decided by other rules': ({ table }) => (table.words[ENTRY_STATE] = 2 << STATE_GENERATION_SHIFT),
  'has as many packets as its counter takes': ({ table }) => (table.words[ENTRY_PACKETS] = MAX_ENTRY_PACKETS),
  'is not there': ({ table, entry }) => table.remove(entry),
};
for (const [reason, change] of Object.entries(NOT_NOW)) {
  test(`the kernel does not count for a flow that ${reason}`, (t) => {
    const flow = oneFlow();
    change(flow);
    t.is(flow.count(), 0);
    t.deepEqual(flow.outside(), [0, 990]);
  });
}

test('keys have the same hashes', (t) => {
  const memory = createMemory();
  const table = new FlowTable(1 << 20, memory);
  const queue = new KeyQueue(50, memory.take(keyQueueBytes(50)));
  t.notThrows(() => fc.assert(fc.property(fc.array(fc.integer(), { minLength: SLOT_WORDS, maxLength: 100 * SLOT_WORDS }), (words) => {
    queue.keys.set(words);
    queue.count = Math.floor(words.length / SLOT_WORDS);
    queue.isHashed = false;
    table.hashAll(queue);
    const expected = Array.from({ length: queue.count }, (_, slot) => table.hash(queue.keys, slot * SLOT_WORDS));
    t.deepEqual([...queue.hash.subarray(0, queue.count)], expected);
  })));
});

/** Gives pieces of any length. */
class Pieces implements ByteInput {
  private at = 0;
  private readonly bytes: Uint8Array;
  private readonly pieceBytes: number;

  constructor(bytes: Uint8Array, pieceBytes: number) {
    this.bytes = bytes;
    this.pieceBytes = pieceBytes;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    const piece = this.bytes.subarray(this.at, this.at + Math.min(length, this.pieceBytes));
    target.set(piece, offset);
    this.at += piece.length;
    return piece.length;
  }

  async close(): Promise<void> {}
}

async function recordsBy(memory: PacketMemory, file: Uint8Array, pieceBytes: number, batchPackets: number): Promise<unknown> {
  const source = await openCaptureInput(new Pieces(file, pieceBytes), 'a file', { memory, readBytes: 4096 });
  const batch = new PacketBatch(batchPackets, memory.take(batchBytes(batchPackets)));
  const rows: unknown[] = [];
  while (await source.fill(batch)) {
    for (let i = 0; i < batch.count; i++) {
      const offset = batch.offset[i]!;
      const bytes = Buffer.from(batch.bytes.subarray(offset, offset + batch.captureLength[i]!)).toString('hex');
      rows.push([batch.timeUs[i], batch.originalLength[i], batch.interfaceIndex[i], batch.kernelDirection[i], bytes]);
    }
  }
  await source.close();
  return { rows, damage: source.damage };
}

test('records of capture files, whole, cut and damaged, are the same', async (t) => {
  const packets = fc.array(fc.record({
    bytes: fc.uint8Array({ maxLength: 90 }), timeUs: fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((seconds) => seconds * 1e6 + (seconds % 1e6)),
    longer: fc.constantFrom(0, 5, 2 ** 31 + 7),
  }), { maxLength: 120, size: 'max' });
  const options = fc.record({ nanoseconds: fc.boolean(), bigEndian: fc.boolean(), modified: fc.boolean() });
  await fc.assert(fc.asyncProperty(
    packets, options, fc.integer({ min: 24, max: 5000 }), fc.integer({ min: 24, max: 5000 }), fc.constantFrom(1, 7, 100, 4096), fc.constantFrom(1, 3, 64),
    async (some, form, cutAt, damagedAt, pieceBytes, batchPackets) => {
      const file = pcapFile(some.map(({ bytes, timeUs, longer }) => ({ data: bytes, timeUs, originalLength: bytes.length + longer, extraNs: timeUs % 1000 })), form);
      if (damagedAt < file.length && damagedAt % 3 === 0) file[damagedAt]! ^= 0x80;
      const cut = cutAt % 2 === 0 ? file.subarray(0, cutAt) : file;
      t.deepEqual(await recordsBy(createMemory(), cut, pieceBytes, batchPackets), await recordsBy(PacketMemory.withoutKernel(), cut, pieceBytes, batchPackets));
    },
  ), { numRuns: 150 });
});

test('the module with the kernel is what its sources compile to', async (t) => {
  t.is(readFileSync(MODULE, 'utf8'), await compileKernel(), 'the sources have changed: npm run build:kernel');
});
