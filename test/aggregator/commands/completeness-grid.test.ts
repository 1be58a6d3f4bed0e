import test from 'ava';
import type { CompletenessCell } from '../../../aggregator/api/completeness-answer.ts';
import { CompletenessPicture } from '../../../aggregator/commands/completeness-grid.ts';

const MIDNIGHT = 1_767_225_600;
const PLAIN = { width: 80, hasColour: false };

function cell(eniId: string, start: number, members: Partial<CompletenessCell> = {}, seconds = 60): CompletenessCell {
  return { 'eni-id': eniId, start, seconds, 'state': 'COMPLETE', 'lost-packets': 0, 'loss-unknown': false, 'nodata': false, 'agents': [], ...members };
}

function drawn(cells: readonly CompletenessCell[], style = PLAIN): string[] {
  const picture = new CompletenessPicture();
  for (const each of cells) picture.add(each);
  return picture.draw(style).split('\n');
}

test('the newest windows that fit into the width, and how many do not', (t) => {
  const cells = Array.from({ length: 1440 }, (_, at) => cell('eni-1', MIDNIGHT + at * 60, at === 1439 ? { state: 'MISSING' } : {}));
  const [head, ticks, row] = drawn(cells);
  const shown = 80 - 'eni-1  '.length - ' 100.0%'.length;
  t.is(head, `windows of 60 s, from 2026-01-01T${ticks!.trim().slice(0, 5)}:00Z; ${1440 - shown} older ones do not fit`);
  t.is(row, `eni-1  ${'.'.repeat(shown - 1)}M  99.9%`);
  t.regex(ticks!, /^ {7}22:54 {5}23:04 {5}23:14 {5}23:24 {5}23:34 {5}23:44 {5}23:54$/);
  for (const line of drawn(cells)) t.true(line.length <= 100);
  t.is(row!.length, 80);
});

test('where nothing was expected there is a gap, at any width', (t) => {
  const [head, ticks, one, two] = drawn([cell('b', MIDNIGHT + 120), cell('a', MIDNIGHT), cell('a', MIDNIGHT + 240, { nodata: true })], { ...PLAIN, width: 20 });
  t.deepEqual([head, ticks, one, two], ['windows of 60 s, from 2026-01-01T00:00:00Z', '   00:00', 'a  .   - 100.0%', 'b    .   100.0%']);
});

test('windows of other widths have a grid of their own; of seconds, the time to the second', (t) => {
  const lines = drawn([cell('eni-1', MIDNIGHT, {}, 600), cell('eni-1', MIDNIGHT, {}, 5)]);
  t.deepEqual(lines.filter((line) => line.startsWith('windows')), ['windows of 5 s, from 2026-01-01T00:00:00Z', 'windows of 600 s, from 2026-01-01T00:00:00Z']);
  t.is(lines[1], '       00:00:00');
});

test('long ids keep both ends', (t) => {
  const long = `eni-${'x'.repeat(60)}-end`;
  const row = drawn([cell(long, MIDNIGHT)])[2]!;
  t.regex(row, /^eni-x+~x+-end {2}\. 100\.0%$/);
  t.is(row.indexOf('  '), 32);
});

test('nearly all is not 100 %', (t) => {
  const cells = Array.from({ length: 3000 }, (_, at) => cell('e', MIDNIGHT + at * 60, at === 5 ? { state: 'PARTIAL' } : {}));
  t.regex(drawn(cells)[2]!, / {2}99\.9%$/);
});

test('nothing to draw', (t) => t.deepEqual(drawn([]), ['']));
