import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { fillsSpan } from '../../../aggregator/control/spans.ts';
import { WatchSpans, type Watched } from '../../../aggregator/control/watch-spans.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

function unexpected(error: Error): void {
  throw error;
}

const DAY_MS = 24 * 3600 * 1000;
const attributes = { vswitchId: null, vmId: null, vpcId: null, accountId: null, region: null };
const watched: fc.Arbitrary<Watched> = fc.record({
  eniId: fc.constantFrom('e1', 'e2', '__proto__'), agentId: fc.constantFrom('a', 'b'), windowSeconds: fc.constantFrom(60, 600),
  attributes: fc.constantFrom(attributes, { ...attributes, vpcId: 'v' }),
});
const byId = (a: Watched, b: Watched): number => (a.eniId < b.eniId ? -1 : 1);

test('at every moment the spans over it are what was watched, also over a restart', async (t) => {
  const steps = fc.array(fc.tuple(fc.uniqueArray(watched, { selector: ({ eniId }) => eniId }), fc.integer({ min: 0, max: 3 }), fc.boolean()), { maxLength: 8 });
  await fc.assert(fc.asyncProperty(steps, async (drawn) => {
    const directory = temporaryDirectory(t);
    let spans = WatchSpans.open(directory, unexpected);
    const active = new Map<number, Watched[]>();
    let nowMs = Date.now();
    for (const [now, passedMs, isRestarted] of drawn) {
      if (isRestarted) {
        await spans.close();
        spans = WatchSpans.open(directory, unexpected);
      }
      spans.follow(now, nowMs);
      const { list } = spans;
      spans.follow(structuredClone(now), nowMs + 1);
      t.is(spans.list, list);
      for (let at = 0; at < passedMs; at++) active.set(nowMs + at, now);
      nowMs += passedMs;
    }
    await spans.close();
    for (const { list } of [spans, WatchSpans.open(directory, unexpected)]) {
      for (const [atMs, now] of active) {
        t.deepEqual(list.filter((span) => fillsSpan(span, atMs, atMs + 1)).map(({ fromMs: _from, untilMs: _until, ...rest }) => rest).sort(byId), now.toSorted(byId));
      }
    }
  }), { numRuns: 60 });
});

test('spans that ended are forgotten after 31 days', async (t) => {
  const spans = WatchSpans.open(temporaryDirectory(t), unexpected);
  spans.follow([{ eniId: 'e', agentId: 'a', windowSeconds: 60, attributes }], 0);
  spans.follow([], DAY_MS);
  spans.follow([], 32 * DAY_MS - 1);
  t.is(spans.list.length, 1);
  spans.follow([], 32 * DAY_MS);
  t.is(spans.list.length, 0);
  await spans.close();
});

test('a disk that refuses is told and tried again', async (t) => {
  const directory = temporaryDirectory(t);
  const failed = withResolvers<Error>();
  const spans = WatchSpans.open(directory, failed.resolve);
  mkdirSync(join(directory, 'watches.json.new'));
  spans.follow([{ eniId: 'e', agentId: 'a', windowSeconds: 60, attributes }], 5);
  t.regex((await failed.promise).message, /watches\.json could not be written: EISDIR/);
  rmSync(join(directory, 'watches.json.new'), { recursive: true });
  await spans.close();
  t.deepEqual(JSON.parse(readFileSync(join(directory, 'watches.json'), 'utf8')), spans.list);
});

test('a damaged file is told, kept aside, and begun anew', (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'watches.json'), '{"spans":1}');
  const told: string[] = [];
  t.deepEqual(WatchSpans.open(directory, ({ message }) => void told.push(message)).list, []);
  t.regex(told.join(), /watches\.json is damaged \(it holds no list\) and is begun anew/);
  t.is(readFileSync(join(directory, 'watches.json.damaged'), 'utf8'), '{"spans":1}');
});

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  return { promise: new Promise<T>((settle) => { resolve = settle; }), resolve };
}
