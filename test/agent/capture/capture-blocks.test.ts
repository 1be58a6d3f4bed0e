import test from 'ava';

import type { ByteInput } from '../../../agent/capture/byte-input.ts';
import { CaptureBlocks, MAX_RECORD_BYTES, READ_BYTES } from '../../../agent/capture/capture-blocks.ts';
import { openCaptureInput } from '../../../agent/capture/capture-file.ts';
import { concatBytes } from '../../frames/ethernet.ts';
import { interfaceBlock, packetBlock, sectionHeaderBlock } from '../../frames/pcapng-file.ts';
import { PiecewiseInput } from '../../frames/piecewise-input.ts';
import { readRows } from './captured-rows.ts';

const SKIPPED_BYTES = 256 * 1024 * 1024;
const MEMORY_BYTES = 4 * 1024 * 1024;

/** `before`, then zeros, then `after`, made as they are read. */
class ZerosInput implements ByteInput {
  peakMemoryBytes = 0;
  private at = 0;
  private readonly before: Uint8Array;
  private readonly zeros: number;
  private readonly after: Uint8Array;

  constructor(before: Uint8Array, zeros: number, after: Uint8Array) {
    this.before = before;
    this.zeros = zeros;
    this.after = after;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    this.peakMemoryBytes = Math.max(this.peakMemoryBytes, process.memoryUsage().arrayBuffers);
    const afterAt = this.at - this.before.length - this.zeros;
    if (this.at < this.before.length) return this.give(target, offset, this.before.subarray(this.at, this.at + length));
    if (afterAt >= 0) return this.give(target, offset, this.after.subarray(afterAt, afterAt + length));
    const bytes = Math.min(length, -afterAt);
    target.fill(0, offset, offset + bytes);
    this.at += bytes;
    return bytes;
  }

  async close(): Promise<void> {}

  private give(target: Uint8Array, offset: number, piece: Uint8Array): number {
    target.set(piece, offset);
    this.at += piece.length;
    return piece.length;
  }
}

test.serial('a block of 256 MB is passed over within the two buffers (I3)', async (t) => {
  const length = SKIPPED_BYTES + 12;
  const head = new DataView(new ArrayBuffer(8));
  head.setUint32(0, 0x0bad, true);
  head.setUint32(4, length, true);
  const tail = new DataView(new ArrayBuffer(4));
  tail.setUint32(0, length, true);
  const input = new ZerosInput(
    concatBytes(sectionHeaderBlock(), interfaceBlock(), new Uint8Array(head.buffer)), SKIPPED_BYTES,
    concatBytes(new Uint8Array(tail.buffer), packetBlock({ data: new Uint8Array(60), timeUs: 1 })),
  );
  const before = process.memoryUsage().arrayBuffers;
  const source = await openCaptureInput(input, 'zeros');
  t.is((await readRows(source)).length, 1);
  t.is(source.damage, null);
  t.true(input.peakMemoryBytes - before < MEMORY_BYTES, `${input.peakMemoryBytes - before} bytes`);
});

test.serial('a need that the input does not meet allocates nothing (I3)', async (t) => {
  const blocks = new CaptureBlocks(new PiecewiseInput(new Uint8Array(1000), [300]), new Uint8Array(10));
  const before = process.memoryUsage().arrayBuffers;
  t.false(await blocks.advance(MAX_RECORD_BYTES));
  // less, where the collector of garbage has found something of before
  t.true(process.memoryUsage().arrayBuffers <= before);
  t.is(blocks.end - blocks.start, 1010);
  t.is(blocks.inputOffset, 0);
});

test('bytes keep their place until the window moves on (I2)', async (t) => {
  const data = Uint8Array.from({ length: 3 * READ_BYTES }, (_, index) => (index * 7) >>> 4);
  const blocks = new CaptureBlocks(new PiecewiseInput(data), new Uint8Array(0));
  for (let at = 0; at < data.length; ) {
    t.true(await blocks.advance(1));
    t.is(blocks.inputOffset, at);
    const { bytes, start, end } = blocks;
    await new Promise((resolve) => setImmediate(resolve)); // the read-ahead is over by then
    t.is(Buffer.compare(bytes.subarray(start, end), data.subarray(at, at + end - start)), 0);
    at += end - start;
    blocks.start = end;
  }
  t.false(await blocks.advance(1));
  await blocks.close();
});

test('an input that fails while nobody waits is reported when the window gets there', async (t) => {
  const failing: ByteInput = {
    read: () => Promise.reject(new Error('EIO: the disk is gone')),
    close: () => Promise.resolve(),
  };
  const blocks = new CaptureBlocks(failing, new Uint8Array(100));
  await new Promise((resolve) => setImmediate(resolve));
  t.true(await blocks.advance(100));
  t.false(await blocks.advance(101));
  t.is(blocks.failure, 'EIO: the disk is gone');
});
