import test from 'ava';
import { StateDirectory, type OutputWindow } from '../../../agent/daemon/state-directory.ts';
import type { Seal } from '../../../shared/seal.ts';
import { temporaryDirectory } from '../../aggregator/collector-fixture.ts';

const seals = (windowStart: number, packetsSeen = 5): Seal[] => [{ eniId: 'eni-1', windowStart, packetsSeen } as Seal];
const frame = (number: number, start: number, packets = 5): OutputWindow => ({ frame: number, start, packetsSeen: { 'eni-1': packets } });
const told = (state: StateDirectory): (readonly [number, number, number | undefined])[] => state.sealed.map(({ number, start, packetsSeen }) => [number, start, packetsSeen['eni-1']] as const);

test('a window that is handed on twice has two numbers, which go on from start to start', (t) => {
  const directory = temporaryDirectory(t);
  const first = new StateDirectory(directory);
  first.takeUp([], 1, 0);
  first.saveSealed(seals(60));
  first.saveSealed(seals(120, 7));
  const second = new StateDirectory(directory);
  second.takeUp([frame(1, 60), frame(2, 120, 7)], 3, 2);
  t.deepEqual(told(second), [[1, 60, 5], [2, 120, 7]], 'the output says nothing new');
  second.saveSealed(seals(120, 8));
  t.is(second.handedOn, 3);
  t.deepEqual(told(new StateDirectory(directory)), [[1, 60, 5], [2, 120, 7], [3, 120, 8]]);
});

test('what the process before handed on and did not note is known by the frames of the output', (t) => {
  const directory = temporaryDirectory(t);
  const first = new StateDirectory(directory);
  first.takeUp([], 1, 0);
  first.saveSealed(seals(60));
  const second = new StateDirectory(directory);
  second.takeUp([frame(1, 60)], 2, 0);
  // 60 again in two frames, and 120: then it dies
  const third = new StateDirectory(directory);
  third.takeUp([frame(1, 60), frame(4, 120, 1), frame(2, 60, 2), frame(3, 60, 3)], 5, 0);
  t.deepEqual(told(third), [[1, 60, 5], [2, 60, 5], [3, 120, 1]]);
  const fourth = new StateDirectory(directory);
  fourth.takeUp([frame(4, 120, 1)], 5, 0);
  t.deepEqual(told(fourth), told(third), 'once');
});

test('where its file is lost no number comes again that a checkpoint knows', (t) => {
  const state = new StateDirectory(temporaryDirectory(t));
  state.takeUp([frame(9, 60)], 10, 50);
  t.deepEqual(told(state), [[51, 60, 5]]);
});
