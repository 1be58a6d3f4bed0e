import { constants, gunzipSync, gzipSync } from 'node:zlib';

import test from 'ava';

import { openCaptureInput } from '../../../agent/capture/capture-file.ts';
import { WeirError } from '../../../shared/errors.ts';
import { CAPTURE_SAMPLES } from '../../frames/capture-samples.ts';
import type { CaptureSample } from '../../frames/capture-samples.ts';
import { PiecewiseInput } from '../../frames/piecewise-input.ts';
import { readRows } from './captured-rows.ts';

const MAGIC_BYTES = 4;

function packetsWithin(sample: CaptureSample, length: number): number {
  return sample.packetEnds.filter((end) => end <= length).length;
}

for (const sample of CAPTURE_SAMPLES) {
  test(`${sample.name}: cut at any byte, every packet before the cut is there`, async (t) => {
    const whole = await readRows(await openCaptureInput(new PiecewiseInput(sample.bytes), 'whole'));
    t.is(whole.length, sample.packetEnds.length);
    for (let cut = 0; cut <= sample.bytes.length; cut++) {
      const input = new PiecewiseInput(sample.bytes.subarray(0, cut));
      if (cut < MAGIC_BYTES) {
        await t.throwsAsync(openCaptureInput(input, 'cut'), { instanceOf: WeirError, code: 'CAPTURE_FORMAT' });
        t.true(input.closed);
        continue;
      }
      const source = await openCaptureInput(input, 'cut');
      t.deepEqual(await readRows(source), whole.slice(0, packetsWithin(sample, cut)), `cut at ${cut}`);
      const sound = sample.packetEnds.includes(cut) || sample.otherEnds.includes(cut);
      const ends = [0, ...sample.packetEnds, ...sample.otherEnds].filter((end) => end <= cut);
      t.is(source.damage?.offset ?? null, sound ? null : Math.max(...ends), `cut at ${cut}`);
    }
  });

  test(`${sample.name}: its gzip cut at any byte, every packet before the cut is there`, async (t) => {
    const whole = await readRows(await openCaptureInput(new PiecewiseInput(sample.bytes), 'whole'));
    const compressed = gzipSync(sample.bytes);
    for (let cut = MAGIC_BYTES; cut < compressed.length; cut++) {
      const piece = compressed.subarray(0, cut);
      const inflated = gunzipSync(piece, { finishFlush: constants.Z_SYNC_FLUSH });
      for (const pieceSizes of [[cut], [101]]) {
        const input = new PiecewiseInput(piece, pieceSizes);
        if (inflated.length < MAGIC_BYTES) {
          await t.throwsAsync(openCaptureInput(input, 'cut'), { instanceOf: WeirError, code: 'CAPTURE_FORMAT' });
          continue;
        }
        const source = await openCaptureInput(input, 'cut');
        t.deepEqual(await readRows(source), whole.slice(0, packetsWithin(sample, inflated.length)), `cut at ${cut}`);
        t.true(source.damage!.offset <= inflated.length);
        t.true(input.closed);
      }
    }
  });
}
