import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

import test from 'ava';
import fc from 'fast-check';

import { openCaptureInput, openCaptureStream } from '../../../agent/capture/capture-file.ts';
import type { PacketSource } from '../../../shared/packet-batch.ts';
import { concatBytes } from '../../frames/ethernet.ts';
import { pcapFile } from '../../frames/pcap-file.ts';
import { pcapngBlock, pcapngFile } from '../../frames/pcapng-file.ts';
import { PiecewiseInput } from '../../frames/piecewise-input.ts';
import { readRows } from './captured-rows.ts';

function filler(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed) & 0xff);
}

/** A capture of packets of any lengths, with an unknown block or garbage at its end in some. */
const capture = fc
  .record({
    lengths: fc.array(fc.nat({ max: 3000 }), { maxLength: 60 }),
    format: fc.constantFrom('pcap', 'pcap big-endian', 'pcapng', 'pcapng big-endian'),
    unknownBytes: fc.nat({ max: 9000 }),
    garbage: fc.uint8Array({ maxLength: 200 }),
    gzip: fc.boolean(),
  })
  .map(({ lengths, format, unknownBytes, garbage, gzip }) => {
    const packets = lengths.map(filler);
    const bigEndian = format.endsWith('big-endian');
    const file = format.startsWith('pcapng')
      ? concatBytes(
          pcapngFile(packets.slice(0, 10), { bigEndian }), pcapngBlock(99, new Uint8Array(unknownBytes), bigEndian),
          pcapngFile(packets.slice(10), { bigEndian: !bigEndian }),
        )
      : pcapFile(packets, { bigEndian });
    const bytes = concatBytes(file, garbage);
    return { bytes: gzip ? new Uint8Array(gzipSync(bytes)) : bytes, packets };
  });

async function outcome(source: PacketSource, capacity?: number): Promise<unknown> {
  const rows = await readRows(source, capacity);
  return { rows, damage: source.damage, interfaces: source.interfaces };
}

test('pieces, reads and batches of any size give the same packets and the same damage', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      capture, fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 4, max: 10_000 }), fc.integer({ min: 1, max: 70 }),
      async ({ bytes, packets }, pieceSizes, readBytes, capacity) => {
        const whole = await openCaptureInput(new PiecewiseInput(bytes), 'whole');
        const rows = await readRows(whole);
        t.deepEqual(rows.slice(0, packets.length).map((row) => row.hex), packets.map((data) => Buffer.from(data).toString('hex')));
        const expected = { rows, damage: whole.damage, interfaces: whole.interfaces };
        const pieces = await openCaptureInput(new PiecewiseInput(bytes, pieceSizes), 'pieces', { readBytes });
        t.deepEqual(await outcome(pieces, capacity), expected);
      },
    ),
    { numRuns: 150, seed: 2 },
  );
});

test('a stream gives the same packets however it is cut', async (t) => {
  await fc.assert(
    fc.asyncProperty(capture, fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }), async ({ bytes }, sizes) => {
      const expected = await outcome(await openCaptureInput(new PiecewiseInput(bytes), 'whole'));
      const stream = Readable.from(pieces(bytes, sizes), { objectMode: false });
      t.deepEqual(await outcome(await openCaptureStream(stream, 'stream')), expected);
      t.true(stream.destroyed);
    }),
    { numRuns: 80, seed: 3 },
  );
});

function* pieces(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

test('the largest packets survive single-byte pieces and small reads', async (t) => {
  const packets = [filler(1_000_000, 1), filler(3, 2), filler(900_000, 3)];
  const file = pcapngFile(packets, { interfaces: [{ snapLength: 1 << 20 }] });
  for (const [pieceSizes, readBytes] of [[[1], 512 * 1024], [[Infinity], 65536], [[70_000, 1, 30], 1 << 21]] as const) {
    const source = await openCaptureInput(new PiecewiseInput(file, pieceSizes), 'large', { readBytes });
    const rows = await readRows(source, 2);
    t.is(source.damage, null);
    t.true(rows.every((row, index) => Buffer.from(row.hex, 'hex').equals(packets[index]!)));
    t.is(rows.length, 3);
  }
});
