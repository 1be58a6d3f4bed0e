import test from 'ava';
import type { JournalFrame } from '../../../aggregator/journal/batch-frame.ts';
import { PendingWindows } from '../../../aggregator/publish/pending-windows.ts';
import { wireSeals } from '../../../shared/wire/wire-seal.ts';
import { CONTEXT, sealOf } from '../../shared/wire/wire-samples.ts';

const WINDOW = { start: 600, seconds: 600 };
const END_MS = 1_200_000;
const OPTIONS = { aggregationDelayMs: 300_000, settleMs: 1000 };

function frame(number: number, agent: string, rows: readonly string[], sealed: readonly string[], receivedMs = END_MS): JournalFrame {
  return {
    frame: number, agent, epoch: 1, sequence: number, logStore: 'default', receivedMs,
    windows: rows.length > 0 ? [{ ...WINDOW, enis: rows.map((eniId) => [eniId, 1]) }] : [],
    seals: wireSeals(sealed.map((eniId) => sealOf({ agentId: agent, eniId, windowStart: 600 })), CONTEXT),
    body: { path: '', offset: 0, length: 0 },
  };
}

function pendingOf(...frames: JournalFrame[]): PendingWindows {
  const pending = new PendingWindows(OPTIONS);
  for (const each of frames) pending.add(each);
  return pending;
}

function due(pending: PendingWindows, nowMs: number): number[] {
  return pending.ready(nowMs, false).flatMap(({ frames }) => frames.map((each) => each.frame));
}

test('sealed by the only agent: at once', (t) => {
  t.deepEqual(due(pendingOf(frame(1, 'a', ['x', 'y'], []), frame(2, 'a', [], ['x', 'y'])), END_MS), [1, 2]);
  t.deepEqual(due(pendingOf(frame(1, 'a', [], ['x'])), END_MS), [1], 'a seal without rows');
});

test('not sealed: after the delay, from the end of the window or the arrival, whichever is later', (t) => {
  const early = pendingOf(frame(1, 'a', ['x'], [], END_MS - 500_000));
  t.deepEqual(due(early, END_MS + 299_999), []);
  t.deepEqual(due(early, END_MS + 300_000), [1]);
  const replayed = pendingOf(frame(1, 'a', ['x'], [], END_MS + 9_000_000));
  t.deepEqual(due(replayed, END_MS + 9_299_999), []);
  t.deepEqual(due(replayed, END_MS + 9_300_000), [1]);
});

test('one agent sealed, the other not: the ENI they share waits for both', (t) => {
  const pending = pendingOf(frame(1, 'a', ['x'], ['x']), frame(2, 'b', ['x'], []));
  t.deepEqual(due(pending, END_MS + 5000), []);
  pending.add(frame(3, 'b', [], ['x']));
  t.deepEqual(due(pending, END_MS + 5001), [1, 2, 3]);
});

test('what is ready waits a moment for the rest of its window, and then goes without', (t) => {
  const pending = pendingOf(frame(1, 'a', ['x'], ['x']), frame(2, 'b', ['y'], []));
  t.deepEqual(due(pending, END_MS), []);
  t.deepEqual(due(pending, END_MS + 999), []);
  t.deepEqual(due(pending, END_MS + 1000), [1]);
  const [ready] = pending.ready(END_MS + 1000, false);
  pending.remove(ready!);
  t.deepEqual(due(pending, END_MS + 5000), []);
  pending.add(frame(3, 'b', [], ['y']));
  t.deepEqual(due(pending, END_MS + 5001), [2, 3]);
});

test('a window that was published rests until it may be written again, unless everything is asked for', (t) => {
  const pending = pendingOf(frame(1, 'a', ['x'], ['x']));
  pending.remove(pending.ready(END_MS, false)[0]!, END_MS + 400_000);
  pending.add(frame(2, 'a', ['x'], ['x']));
  t.deepEqual(due(pending, END_MS + 399_999), [], 'beyond the aggregation delay too');
  t.is(pending.ready(END_MS + 399_999, true).length, 1);
  t.deepEqual(due(pending, END_MS + 400_000), [2]);
});

test('windows that were published of a frame before are not pending again', (t) => {
  const pending = new PendingWindows(OPTIONS);
  const each = frame(1, 'a', ['x'], ['x']);
  t.is(pending.add(each, () => true), 0);
  t.is(pending.size, 0);
  const two = { ...each, windows: [...each.windows, { start: 1200, seconds: 600, enis: [['x', 1]] as [string, number][] }] };
  t.is(pending.add(two, ({ start }) => start === 600), 1);
  t.deepEqual(pending.ready(0, true).map(({ start }) => start), [1200]);
});

test('the count for completeness looks at range and ENI', (t) => {
  const pending = pendingOf(frame(1, 'a', ['x'], []), frame(2, 'a', ['y'], []));
  t.is(pending.count(0, 601, (eniId) => eniId === 'y'), 1);
  t.is(pending.count(0, 600, () => true), 0);
  t.is(pending.count(0, 9999, (eniId) => eniId === 'z'), 0);
});

const ATTRIBUTES = { vswitchId: null, vmId: null, vpcId: null, accountId: null, region: null };

function rollCall(number: number, expected: readonly [eniId: string, agentId: string][], receivedMs = END_MS): JournalFrame {
  return {
    frame: number, agent: '!roll-call/600', epoch: 1, sequence: 1, logStore: null, receivedMs, windows: [], seals: [],
    rollCall: { ...WINDOW, expected: expected.map(([eniId, agentId]) => ({ eniId, agentId, attributes: ATTRIBUTES })) },
    body: { path: '', offset: 0, length: 0 },
  };
}

test('who is called is waited for, at the latest until the delay is over', (t) => {
  const pending = pendingOf(rollCall(1, [['x', 'a'], ['x', 'b'], ['y', 'c']]), frame(2, 'a', ['x'], ['x']));
  for (const ms of [5000, 9000]) t.deepEqual(due(pending, END_MS + ms), [], 'b has not sealed x');
  pending.add(frame(3, 'b', [], ['x']));
  t.deepEqual(due(pending, END_MS + 9001), []);
  t.deepEqual(due(pending, END_MS + 10_001), [2, 3], 'x is sealed; c may still come');
  pending.remove(pending.ready(END_MS + 10_001, false)[0]!);
  t.deepEqual(due(pending, END_MS + 299_999), []);
  t.deepEqual(due(pending, END_MS + 300_000), [1], 'c has not come');
});

test('all who are called have sealed: at once, whatever came first', (t) => {
  const seals = [frame(2, 'a', ['x'], ['x']), frame(3, 'b', [], ['y'])];
  t.deepEqual(due(pendingOf(rollCall(1, [['x', 'a'], ['y', 'b']]), ...seals), END_MS), [1, 2, 3]);
  const pending = pendingOf(...seals);
  pending.remove(pending.ready(END_MS, false)[0]!);
  t.deepEqual([due(pending, END_MS + 100), pending.size], [[], 0]);
  pending.add(rollCall(4, [['x', 'a'], ['y', 'b']]));
  t.deepEqual(due(pending, END_MS + 200), [4], 'the seals are published, and remembered');
});

test('who has sealed is forgotten once it is past waiting for', (t) => {
  const pending = pendingOf(frame(1, 'a', [], ['x']));
  pending.remove(pending.ready(END_MS, false)[0]!);
  t.deepEqual(due(pending, END_MS + 300_000), []);
  pending.add(rollCall(2, [['x', 'a']], END_MS + 300_000));
  t.deepEqual(due(pending, END_MS + 300_001), []);
  t.deepEqual(due(pending, END_MS + 600_000), [2]);
});

test('a call in a window of its own after a restart waits for the seals that are not there', (t) => {
  const pending = new PendingWindows(OPTIONS);
  const call = rollCall(1, [['x', 'a']]);
  t.is(pending.add(call, ({ start }) => start === 600), 0, 'published before');
  t.is(pending.add(call), 1);
  t.is(pending.count(0, 9999, (eniId) => eniId === 'x'), 1);
});
