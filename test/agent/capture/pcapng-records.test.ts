import test from 'ava';

import { MAX_RECORD_BYTES } from '../../../agent/capture/capture-blocks.ts';
import { openCaptureInput } from '../../../agent/capture/capture-file.ts';
import { KERNEL_HOST, KERNEL_OUTGOING, KERNEL_UNKNOWN } from '../../../shared/packet-batch.ts';
import type { CaptureInterface, PacketSource } from '../../../shared/packet-batch.ts';
import { FIRST_TIME_US, LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../../frames/captured-packet.ts';
import { concatBytes } from '../../frames/ethernet.ts';
import { tcpFrame, udpPacket } from '../../frames/frames.ts';
import { interfaceBlock, packetBlock, pcapngBlock, pcapngFile, sectionHeaderBlock } from '../../frames/pcapng-file.ts';
import { PiecewiseInput } from '../../frames/piecewise-input.ts';
import { readRows } from './captured-rows.ts';

const frame = tcpFrame({ src: '10.0.0.1', dst: '10.0.0.2', flags: 'S' });
const packet = udpPacket({ src: '10.0.0.1', dst: '10.0.0.2', payload: 'odd' });

function open(bytes: Uint8Array): Promise<PacketSource> {
  return openCaptureInput(new PiecewiseInput(bytes), 'test.pcapng');
}

function names(source: PacketSource): CaptureInterface[] {
  return source.interfaces.map(({ name, linkType }) => ({ name, linkType }));
}

for (const bigEndian of [false, true]) {
  test(`enhanced, simple and obsolete packet blocks, ${bigEndian ? 'big' : 'little'}-endian`, async (t) => {
    const interfaces = [
      { name: 'tap1', linkType: LINKTYPE_ETHERNET },
      { name: 'tun0', linkType: LINKTYPE_RAW, timeResolution: 9, timeOffset: -3600 },
    ];
    const file = pcapngFile([
      { data: frame, timeUs: FIRST_TIME_US },
      { data: packet, timeUs: FIRST_TIME_US + 7, extraNs: 999, interfaceIndex: 1, originalLength: 9000 },
      { data: packet, timeUs: FIRST_TIME_US + 8, interfaceIndex: 1, block: 'obsolete', direction: 'inbound' },
      { data: frame, block: 'simple' },
      { data: frame, direction: 'outbound' },
      { data: new Uint8Array(0), direction: 'inbound' },
    ], { interfaces, bigEndian });
    const source = await open(file);
    const rows = await readRows(source);
    t.is(source.damage, null);
    t.deepEqual(names(source), interfaces.map(({ name, linkType }) => ({ name, linkType })));
    t.deepEqual(rows.map((row) => row.timeUs - FIRST_TIME_US), [0, 7, 8, -FIRST_TIME_US, 4000, 5000]);
    t.deepEqual(rows.map((row) => row.interfaceIndex), [0, 1, 1, 0, 0, 0]);
    t.deepEqual(rows.map((row) => row.originalLength), [54, 9000, 31, 54, 54, 0]);
    t.deepEqual(rows.map((row) => row.kernelDirection), [
      KERNEL_UNKNOWN, KERNEL_UNKNOWN, KERNEL_HOST, KERNEL_UNKNOWN, KERNEL_OUTGOING, KERNEL_HOST,
    ]);
    const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');
    t.deepEqual(rows.map((row) => row.hex), [hex(frame), hex(packet), hex(packet), hex(frame), hex(frame), '']);
  });
}

test('a new section counts its interfaces from 0 and has its own byte order', async (t) => {
  const source = await open(concatBytes(
    pcapngFile([frame, { data: packet, interfaceIndex: 1 }], { interfaces: [{ name: 'a' }, { name: 'b' }] }),
    pcapngFile([frame], { interfaces: [{ name: 'c', timeResolution: 3 }], bigEndian: true }),
    pcapngFile([{ data: frame, block: 'simple' }], { interfaces: [{ name: 'a' }] }),
  ));
  const rows = await readRows(source);
  t.is(source.damage, null);
  t.deepEqual(source.interfaces.map((description) => description.name), ['a', 'b', 'c', 'a']);
  t.deepEqual(rows.map((row) => row.interfaceIndex), [0, 1, 2, 3]);
  t.is(rows[2]!.timeUs, FIRST_TIME_US);
});

test('interfaces may appear between packets', async (t) => {
  const file = concatBytes(
    pcapngFile([frame]),
    interfaceBlock({ name: 'late' }),
    packetBlock({ data: frame, timeUs: 5, interfaceIndex: 1 }),
  );
  const source = await open(file);
  t.deepEqual((await readRows(source)).map((row) => row.interfaceIndex), [0, 1]);
});

test('a simple packet is cut by the snapshot length of its interface', async (t) => {
  const file = concatBytes(
    sectionHeaderBlock(), interfaceBlock({ snapLength: 20 }),
    packetBlock({ data: frame.subarray(0, 20), timeUs: 0, originalLength: 54, block: 'simple' }),
  );
  const [row] = await readRows(await open(file));
  t.is(row!.captureLength, 20);
  t.is(row!.originalLength, 54);
});

test('blocks of unknown types are passed over, even beyond the size of all buffers', async (t) => {
  const big = pcapngBlock(0x40000bad, new Uint8Array(5 * MAX_RECORD_BYTES).fill(6));
  const file = concatBytes(pcapngFile([frame]), pcapngBlock(0x0bad, new Uint8Array(0)), big, packetBlock({ data: packet, timeUs: 9 }));
  for (const readBytes of [4096, 65536, 4_000_000]) {
    const source = await openCaptureInput(new PiecewiseInput(file), 'test.pcapng', { readBytes });
    t.deepEqual((await readRows(source)).map((row) => row.captureLength), [54, 31]);
    t.is(source.damage, null);
  }
});

const sound = pcapngFile([frame, frame]);

function damagedBlock(change: (view: DataView) => void, block = packetBlock({ data: frame, timeUs: 0 })): Uint8Array {
  const copy = block.slice();
  change(new DataView(copy.buffer));
  return concatBytes(sound, copy, packetBlock({ data: frame, timeUs: 0 }));
}

const damages: readonly (readonly [title: string, file: Uint8Array, reason: RegExp])[] = [
  ['a block below 12 bytes', damagedBlock((view) => view.setUint32(4, 8, true)), /block of 8 bytes/],
  ['a block of no multiple of 4', damagedBlock((view) => view.setUint32(4, 87, true)), /block of 87 bytes/],
  ['a packet block of 4 GiB', damagedBlock((view) => view.setUint32(4, 0xfffffffc, true)), /4294967292 bytes, where no more/],
  ['lengths that differ', damagedBlock((view) => view.setUint32(view.byteLength - 4, 99, true)), /88 bytes whose trailing length says 99/],
  ['an interface that is not there', damagedBlock((view) => view.setUint32(8, 3, true)), /interface 3, where the section has 1/],
  ['an interface above 2^31', damagedBlock((view) => view.setUint32(8, 0xfffffff0, true)), /interface 4294967280,/],
  ['a packet larger than its block', damagedBlock((view) => view.setUint32(20, 57, true)), /packet of 57 bytes in a block of 88 bytes/],
  ['a packet above 2^31', damagedBlock((view) => view.setUint32(20, 0x80000000, true)), /packet of 2147483648 bytes, where no more/],
  ['a packet above the bound', concatBytes(sound, packetBlock({ data: new Uint8Array(262148), timeUs: 0 })), /packet of 262148 bytes, where no more than 262144/],
  ['an enhanced block too small', concatBytes(sound, pcapngBlock(6, new Uint8Array(16))), /packet block of 28 bytes/],
  ['a packet block above the bound', concatBytes(sound, pcapngBlock(6, new Uint8Array(MAX_RECORD_BYTES))), /type 6 and 1114124 bytes, where no more/],
  ['an obsolete block too small', concatBytes(sound, pcapngBlock(2, new Uint8Array(4))), /packet block of 16 bytes/],
  ['a simple block too small', concatBytes(sound, pcapngBlock(3, new Uint8Array(0))), /simple packet block of 12 bytes/],
  ['a simple packet larger than its block', damagedBlock((view) => view.setUint32(8, 57, true), packetBlock({ data: frame, timeUs: 0, block: 'simple' })), /packet of 57 bytes in a block of 72 bytes/],
  ['an interface description too small', concatBytes(sound, pcapngBlock(1, new Uint8Array(4))), /interface description of 16 bytes/],
  ['a section header too small', concatBytes(sound, pcapngBlock(0x0a0d0d0a, Uint8Array.of(0x4d, 0x3c, 0x2b, 0x1a))), /section header of 16 bytes/],
  ['a section without byte order', concatBytes(sound, pcapngBlock(0x0a0d0d0a, new Uint8Array(16))), /without byte order: 0$/],
  ['a section of version 2', concatBytes(sound, sectionHeaderBlock(false, 2)), /pcapng version 2 is unknown/],
  ['a skipped block whose lengths differ', damagedBlock((view) => view.setUint32(view.byteLength - 4, 1, true), pcapngBlock(77, new Uint8Array(40))), /52 bytes whose trailing length says 1$/],
  ['a skipped block beyond the end', damagedBlock((view) => view.setUint32(4, 0xfffffff0, true), pcapngBlock(77, new Uint8Array(40))), /cut short/],
];

for (const [title, file, reason] of damages) {
  test(`damage: ${title}`, async (t) => {
    for (const readBytes of [64, 1 << 21]) {
      const source = await openCaptureInput(new PiecewiseInput(file), 'test.pcapng', { readBytes });
      t.is((await readRows(source)).length, 2);
      t.is(source.damage!.offset, sound.length);
      t.regex(source.damage!.reason, reason);
    }
  });
}

test('the bound of a block holds too where the block lies whole in the buffer', async (t) => {
  const before = concatBytes(sound, pcapngBlock(99, new Uint8Array(100_000)));
  const large = concatBytes(before, packetBlock({ data: frame, timeUs: 0 }), pcapngBlock(6, new Uint8Array(MAX_RECORD_BYTES)));
  const source = await openCaptureInput(new PiecewiseInput(large), 'test.pcapng', { readBytes: 1 << 21 });
  t.is((await readRows(source)).length, 3);
  t.regex(source.damage!.reason, /type 6 and 1114124 bytes, where no more/);
});

test('damage: a packet of a section that has no interface yet', async (t) => {
  const header = sectionHeaderBlock();
  for (const block of ['enhanced', 'simple', 'obsolete'] as const) {
    const source = await open(concatBytes(sound, header, packetBlock({ data: frame, timeUs: 0, block })));
    t.is((await readRows(source)).length, 2);
    t.deepEqual(source.damage, {
      offset: sound.length + header.length, reason: 'a packet of interface 0, where the section has 0',
    });
  }
});

test('options of a packet that make no sense leave the packet as it is', async (t) => {
  const block = packetBlock({ data: frame, timeUs: 0, direction: 'inbound' });
  new DataView(block.buffer).setUint16(28 + 56 + 2, 60000, true);
  const source = await open(concatBytes(sound, block));
  const rows = await readRows(source);
  t.is(rows.length, 3);
  t.is(rows[2]!.kernelDirection, KERNEL_UNKNOWN);
});

test('more interfaces than a file can have are damage', async (t) => {
  const description = interfaceBlock();
  const many = new Uint8Array(description.length * 65_540);
  for (let at = 0; at < many.length; at += description.length) many.set(description, at);
  const source = await open(concatBytes(sectionHeaderBlock(), many));
  t.deepEqual(await readRows(source), []);
  t.is(source.interfaces.length, 65_536);
  t.regex(source.damage!.reason, /more than 65536 interfaces/);
});
