import test from 'ava';
import { ClockWatch } from '../../../agent/daemon/clock-watch.ts';
import { PacketBatch } from '../../../shared/packet-batch.ts';

function clocks(): { wall: number; mono: number; wallUs: () => number; monotonicUs: () => number; pass(us: number): void } {
  const state = {
    wall: 1.7e15, mono: 5e6,
    wallUs: () => state.wall,
    monotonicUs: () => state.mono,
    pass: (us: number) => {
      state.wall += us;
      state.mono += us;
    },
  };
  return state;
}

function batchOf(...times: number[]): PacketBatch {
  const batch = new PacketBatch(8);
  batch.timeUs.set(times);
  batch.count = times.length;
  return batch;
}

test('time that passes, and slewing, are no step', (t) => {
  const clock = clocks();
  const watch = new ClockWatch(clock);
  for (let second = 0; second < 100; second++) {
    clock.pass(1e6);
    clock.wall += 500; // 500 ppm
    t.is(watch.step(), 0);
  }
});

for (const seconds of [1, -1, 60, -60, 3600, -3600]) {
  test(`a step of ${seconds} s is told once, and packets from before it move along`, (t) => {
    const clock = clocks();
    const watch = new ClockWatch(clock);
    clock.pass(200_000);
    const before = clock.wall - 30_000; // waits in the ring
    clock.wall += seconds * 1e6;
    const after = clock.wall + 10_000;
    clock.pass(20_000);
    t.is(watch.step(), seconds * 1e6);
    t.is(watch.step(), 0);
    const batch = batchOf(before, after);
    watch.translate(batch);
    t.deepEqual([...batch.timeUs.subarray(0, 2)], [before + seconds * 1e6, after]);
    clock.pass(60e6);
    const late = batchOf(clock.wall - seconds * 1e6);
    watch.translate(late);
    t.is(late.timeUs[0], clock.wall - seconds * 1e6, 'the step is forgotten');
  });
}
