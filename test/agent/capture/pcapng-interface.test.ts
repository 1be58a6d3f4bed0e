import test from 'ava';
import fc from 'fast-check';

import { PcapngInterface } from '../../../agent/capture/pcapng-interface.ts';
import { interfaceBlock } from '../../frames/pcapng-file.ts';
import type { PcapngInterface as Description } from '../../frames/pcapng-file.ts';

function described(description: Description, bigEndian = false): PcapngInterface {
  const block = interfaceBlock(description, bigEndian);
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  return new PcapngInterface(view, 0, block.length - 4, !bigEndian, 0);
}

/** The same arithmetic in whole numbers of any size. */
function exactTimeUs(ticks: bigint, resolution: number, offsetSeconds: bigint): bigint {
  const perSecond = resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
  return (ticks * 1_000_000n) / perSecond + offsetSeconds * 1_000_000n;
}

test('times of every resolution are exact to the microsecond', (t) => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.nat({ max: 0xff }),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 }),
      fc.boolean(),
      (ticks, resolution, offset, bigEndian) => {
        const exact = exactTimeUs(ticks, resolution, BigInt(offset));
        const bounded = exact < 0n ? 0n : exact > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : exact;
        const read = described({ timeResolution: resolution, timeOffset: offset }, bigEndian);
        const timeUs = read.timeUs(Number(ticks >> 32n) | 0, Number(ticks & 0xffffffffn) | 0);
        // Where ticks * length leaves the exact doubles, only an offset far below 0 could bring it back.
        if (exactTimeUs(ticks, resolution, 0n) <= BigInt(Number.MAX_SAFE_INTEGER)) t.is(BigInt(timeUs), bounded);
        else t.true(Number.isSafeInteger(timeUs) && timeUs >= 0);
      },
    ),
    { numRuns: 5000 },
  );
});

test('times at the edges of a microsecond are cut, not rounded', (t) => {
  const nanoseconds = described({ timeResolution: 9 });
  for (const [ticks, timeUs] of [
    [1_700_000_000_123_456_999n, 1_700_000_000_123_456], [1_700_000_000_123_457_000n, 1_700_000_000_123_457], [999n, 0],
  ] as const) {
    t.is(nanoseconds.timeUs(Number(ticks >> 32n) | 0, Number(ticks & 0xffffffffn) | 0), timeUs);
  }
});

test('an interface without options has microseconds and no name', (t) => {
  const plain = described({ linkType: 101, snapLength: 96 });
  t.is(plain.name, null);
  t.is(plain.linkType, 101);
  t.is(plain.snapshotLength, 96);
  t.is(plain.timeUs(1, 5), 2 ** 32 + 5);
});

test('a name is text up to a terminator, and never longer than 1024 bytes', (t) => {
  t.is(described({ name: 'eth0' }).name, 'eth0');
  t.is(described({ name: 'wlan-ü' }).name, 'wlan-ü');
  t.is(described({ name: 'eth0\0\0' }).name, 'eth0');
  t.is(described({ name: 'x'.repeat(60000) }).name!.length, 1024);
});

test('an option that runs over the end of the block ends the options', (t) => {
  const block = interfaceBlock({ name: 'eth0', timeResolution: 9 });
  const view = new DataView(block.buffer);
  view.setUint16(16 + 8 + 2, 5000, true); // the length of if_tsresol
  const read = new PcapngInterface(view, 0, block.length - 4, true, 0);
  t.is(read.name, 'eth0');
  t.is(read.timeUs(0, 1000), 1000);
});
