import test from 'ava';
import fc from 'fast-check';
import { WindowWidths } from '../../../agent/seal/window-widths.ts';

const SECOND_US = 1e6;

function windows(widths: WindowWidths, from: number, until: number): [number, number, number][] {
  const result: [number, number, number][] = [];
  for (let at = from * SECOND_US; at < until * SECOND_US; at = widths.endUs(at)) {
    result.push([widths.startUs(at) / SECOND_US, widths.endUs(at) / SECOND_US, widths.secondsAt(at)]);
  }
  return result;
}

test('another width begins at its next multiple, and cuts the window that is open then', (t) => {
  const widths = WindowWidths.of(600);
  widths.change(60, 130 * SECOND_US);
  t.deepEqual(windows(widths, 0, 300), [[0, 180, 600], [180, 240, 60], [240, 300, 60]]);
  widths.change(300, 200 * SECOND_US);
  t.deepEqual(windows(widths, 0, 601), [[0, 180, 600], [180, 240, 60], [240, 300, 60], [300, 600, 300], [600, 900, 300]]);
});

test('a time on the edge belongs to what begins there, so the change waits for the next edge', (t) => {
  const widths = WindowWidths.of(600);
  widths.change(60, 120 * SECOND_US);
  t.deepEqual(windows(widths, 0, 200), [[0, 180, 600], [180, 240, 60]]);
});

test('before it has begun a change can be taken back', (t) => {
  const widths = WindowWidths.of(600);
  widths.change(60, 130 * SECOND_US);
  widths.change(600, 140 * SECOND_US);
  t.deepEqual(windows(widths, 0, 601), [[0, 600, 600], [600, 1200, 600]]);
});

test('whatever changes: windows are aligned, follow each other without a gap, and each time is in the one that says so', (t) => {
  const change = fc.record({ seconds: fc.constantFrom(1, 7, 10, 60, 300), stepSeconds: fc.integer({ min: 0, max: 400 }) });
  fc.assert(fc.property(fc.array(change, { maxLength: 8 }), fc.array(fc.integer({ min: 0, max: 3_000_000_000 })), (changes, times) => {
    const widths = WindowWidths.of(60);
    let atUs = 0;
    for (const { seconds, stepSeconds } of changes) {
      atUs += stepSeconds * SECOND_US;
      widths.change(seconds, atUs);
    }
    for (const timeUs of times) {
      const [startUs, endUs, seconds] = [widths.startUs(timeUs), widths.endUs(timeUs), widths.secondsAt(timeUs)];
      t.is(startUs % (seconds * SECOND_US), 0);
      t.true(startUs <= timeUs && timeUs < endUs && endUs <= startUs + seconds * SECOND_US);
      t.is(widths.startUs(endUs), endUs, 'the next one begins where this one ends');
      t.is(widths.endUs(endUs - 1), endUs);
    }
  }), { numRuns: 500 });
});
