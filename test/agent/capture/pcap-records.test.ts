import test from 'ava';

import { openCaptureInput } from '../../../agent/capture/capture-file.ts';
import { KERNEL_OUTGOING, KERNEL_UNKNOWN } from '../../../shared/packet-batch.ts';
import type { PacketSource } from '../../../shared/packet-batch.ts';
import { FIRST_TIME_US, LINKTYPE_LINUX_SLL } from '../../frames/captured-packet.ts';
import { tcpFrame, udpFrame } from '../../frames/frames.ts';
import { pcapFile, pcapHeader } from '../../frames/pcap-file.ts';
import { PiecewiseInput } from '../../frames/piecewise-input.ts';
import { readRows } from './captured-rows.ts';

const frames = [
  tcpFrame({ src: '10.0.0.1', dst: '10.0.0.2', flags: 'S' }),
  udpFrame({ src: 'fd00::1', dst: 'fd00::2', payload: 301 }),
  new Uint8Array(0),
  tcpFrame({ src: '10.0.0.2', dst: '10.0.0.1', flags: 'SA', vlan: 7 }),
];

function open(bytes: Uint8Array): Promise<PacketSource> {
  return openCaptureInput(new PiecewiseInput(bytes), 'test.pcap');
}

for (const bigEndian of [false, true]) {
  for (const nanoseconds of [false, true]) {
    test(`${nanoseconds ? 'nanosecond' : 'microsecond'} pcap, ${bigEndian ? 'big' : 'little'}-endian`, async (t) => {
      const packets = frames.map((data, index) => ({
        data, timeUs: FIRST_TIME_US + index * 1_000_001, extraNs: 999, originalLength: data.length + 1000,
      }));
      const source = await open(pcapFile(packets, { bigEndian, nanoseconds, linkType: LINKTYPE_LINUX_SLL }));
      t.deepEqual(source.interfaces, [{ name: null, linkType: LINKTYPE_LINUX_SLL }]);
      t.deepEqual(await readRows(source), packets.map((packet) => ({
        timeUs: packet.timeUs,
        captureLength: packet.data.length,
        originalLength: packet.originalLength,
        interfaceIndex: 0,
        kernelDirection: KERNEL_UNKNOWN,
        hex: Buffer.from(packet.data).toString('hex'),
      })));
      t.is(source.damage, null);
    });
  }
}

test('the modified format has longer records, and the kernel packet type in each', async (t) => {
  for (const bigEndian of [false, true]) {
    const file = pcapFile(frames, { modified: true, bigEndian });
    file[24 + 22] = KERNEL_OUTGOING;
    file[24 + 24 + frames[0]!.length + 22] = 77; // no type that packet(7) knows
    const rows = await readRows(await open(file));
    t.deepEqual(rows.map((row) => row.captureLength), frames.map((frame) => frame.length));
    t.deepEqual(rows.slice(0, 2).map((row) => row.kernelDirection), [KERNEL_OUTGOING, KERNEL_UNKNOWN]);
  }
});

test('times and lengths above 2^31 keep their sign', async (t) => {
  const timeUs = 4_294_967_295_999_999; // 2106-02-07, the last that the format holds
  const source = await open(pcapFile([{ data: frames[0]!, timeUs, originalLength: 0xffffffff }]));
  const [row] = await readRows(source);
  t.is(row!.timeUs, timeUs);
  t.is(row!.originalLength, 0x7fffffff);
});

test('the upper half of the link type field is about frame check sequences', async (t) => {
  const source = await open(pcapFile(frames, { linkType: 0x44000001 }));
  t.is(source.interfaces[0]!.linkType, 1);
  await source.close();
});

test('a length above the bound is damage at the record that has it', async (t) => {
  const sound = pcapFile(frames.slice(0, 2));
  for (const length of [262145, 0x7fffffff, 0x80000000, 0xffffffff]) {
    const record = new Uint8Array(300_000);
    new DataView(record.buffer).setUint32(8, length, true);
    const source = await open(Buffer.concat([sound, record]));
    t.is((await readRows(source)).length, 2);
    t.is(source.damage!.offset, sound.length);
    t.true(source.damage!.reason.includes(String(length)) && source.damage!.reason.includes('262144'));
  }
});

test('a snapshot length above the bound raises it, as long as it is sane', async (t) => {
  const jumbo = { data: new Uint8Array(500_000).fill(7) };
  const believed = await open(pcapFile([jumbo], { snapLength: 500_000 }));
  t.is((await readRows(believed))[0]!.captureLength, 500_000);
  t.is(believed.damage, null);
  const unlimited = await open(pcapFile([jumbo], { snapLength: 0x7fffffff }));
  t.deepEqual(await readRows(unlimited), []);
  t.is(unlimited.damage!.offset, 24);
});

test('an unknown version is damage from the first byte on', async (t) => {
  const file = pcapFile(frames);
  file[4] = 9;
  const source = await open(file);
  t.deepEqual(await readRows(source), []);
  t.deepEqual(source.damage, { offset: 0, reason: 'pcap version 9 is unknown; version 2 can be read' });
});

test('a file of no packets is sound', async (t) => {
  const source = await open(pcapHeader());
  t.deepEqual(await readRows(source), []);
  t.is(source.damage, null);
});
