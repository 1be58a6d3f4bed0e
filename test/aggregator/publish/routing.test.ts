import test from 'ava';
import fc from 'fast-check';
import type { CoverageSpan, WatchSpan } from '../../../aggregator/control/spans.ts';
import { NOTHING_PLANNED, Router, type RecordingPlan, type Route } from '../../../aggregator/publish/routing.ts';
import { EMPTY_TOPOLOGY, type Eni, type TrafficType } from '../../../shared/topology/topology.ts';
import type { EniAttributes } from '../../../shared/wire/wire-seal.ts';

const LOGSTORES = ['a', 'b'];
const NO_ATTRIBUTES: EniAttributes = { vswitchId: null, vmId: null, vpcId: null, accountId: null, region: null };

function eni(eniId: string, vswitchId: string | null, vpcId: string | null): Eni {
  return { eniId, vmId: null, vswitchId, vpcId, mac: null, addresses: [], securityGroups: [], interface: null, side: null, agentId: null };
}

function planOf(coverage: readonly CoverageSpan[], watches: readonly WatchSpan[], enis: readonly Eni[]): RecordingPlan {
  const logStores = LOGSTORES.map((name) => ({ name, retentionDays: null, retentionBytes: null, search: true }));
  return { coverage, watches, topology: { ...EMPTY_TOPOLOGY, enis, logStores } };
}

const instant = fc.integer({ min: 0, max: 14 }).map((step) => step * 20_000);
const span = fc.tuple(instant, fc.option(instant)).filter(([from, until]) => until === null || until > from).map(([fromMs, untilMs]) => ({ fromMs, untilMs }));
const resource = fc.constantFrom<readonly ['ENI' | 'VSwitch' | 'VPC', string]>(['ENI', 'e1'], ['ENI', 'e1'], ['ENI', 'e1'], ['ENI', 'e2'], ['VSwitch', 's1'], ['VSwitch', 's2'], ['VPC', 'v1']);
const coverageSpan: fc.Arbitrary<CoverageSpan> = fc.tuple(span, resource, fc.constantFrom<TrafficType>('All', 'Allow', 'Drop'), fc.constantFrom('a', ...LOGSTORES, 'deleted'), fc.constantFrom(20, 60, 120))
  .map(([time, [resourceType, resourceId], trafficType, logStore, windowSeconds]) => ({ ...time, flowLogId: 'fl', resourceType, resourceId, trafficType, logStore, windowSeconds }))
  .filter(({ logStore, untilMs }) => logStore !== 'deleted' || untilMs !== null);
const place = fc.constantFrom<readonly [string | null, string | null]>(['s1', 'v1'], ['s2', 'v1'], [null, null]);
const watchSpan: fc.Arbitrary<WatchSpan> = fc.tuple(span, fc.constantFrom('e1', 'e2'), place)
  .map(([time, eniId, [vswitchId, vpcId]]) => ({ ...time, eniId, agentId: 'agent', windowSeconds: 60, attributes: { ...NO_ATTRIBUTES, vswitchId, vpcId } }));
const plan = fc.record({
  coverage: fc.array(coverageSpan, { maxLength: 12 }),
  watches: fc.array(watchSpan, { maxLength: 3 }),
  enis: fc.uniqueArray(fc.tuple(fc.constantFrom('e1', 'e2'), place).map(([id, [vswitchId, vpcId]]) => eni(id, vswitchId, vpcId)), { maxLength: 2, selector: ({ eniId }) => eniId }),
  window: fc.tuple(fc.constantFrom(20, 60, 120), fc.integer({ min: 0, max: 2 })).map(([seconds, number]) => ({ start: seconds * number, seconds })),
  fallback: fc.subarray(['f', 'a']),
});

/** Asks every ten seconds anew, and remembers nothing. */
function naiveRoutes({ coverage, watches, topology }: RecordingPlan, eniId: string, start: number, seconds: number, fallback: readonly string[]): Route[] {
  const instants = Array.from({ length: seconds / 10 }, (_, i) => (start + i * 10) * 1000);
  const holds = ({ fromMs, untilMs }: { fromMs: number; untilMs: number | null }, at: number): boolean => at >= fromMs && (untilMs === null || at < untilMs);
  const own = watches.filter((watch) => watch.eniId === eniId);
  const during = own.filter((watch) => instants.some((at) => holds(watch, at)));
  const now = topology!.enis.filter((each) => each.eniId === eniId);
  const belongs = (places: readonly { vswitchId: string | null; vpcId: string | null }[], { resourceType, resourceId }: CoverageSpan): boolean =>
    (resourceType === 'ENI' && resourceId === eniId) ||
    places.some(({ vswitchId, vpcId }) => (resourceType === 'VSwitch' && vswitchId === resourceId) || (resourceType === 'VPC' && vpcId === resourceId));
  const attributes = (list: readonly WatchSpan[]): EniAttributes[] => list.map((watch) => watch.attributes);
  const places = during.length > 0 ? attributes(during) : now.length > 0 ? now : attributes(own);
  const usable = coverage.filter(({ logStore, untilMs }) => untilMs === null || LOGSTORES.includes(logStore));
  const found = usable.filter((each) => belongs(places, each) && instants.some((at) => holds(each, at)));
  if (found.length === 0) {
    const before = usable.some((each) => each.fromMs < (start + seconds) * 1000 && belongs([...attributes(own), ...now], each));
    return before ? [] : fallback.map((logStore) => ({ logStore, windowSeconds: seconds, trafficType: null, isWhole: true }));
  }
  return [...new Set(found.map(({ logStore }) => logStore))].map((logStore) => {
    const spans = found.filter((each) => each.logStore === logStore);
    const wants = (action: TrafficType): boolean => spans.some(({ trafficType }) => trafficType === action || trafficType === 'All');
    const actions = (['Allow', 'Drop'] as const).filter(wants);
    return {
      logStore,
      windowSeconds: Math.min(...spans.map(({ windowSeconds }) => (windowSeconds % seconds === 0 ? windowSeconds : seconds))),
      trafficType: actions.length === 2 ? 'All' as const : actions[0]!,
      isWhole: actions.every((action) => instants.every((at) => spans.some((each) => holds(each, at) && (each.trafficType === 'All' || each.trafficType === action)))),
    };
  });
}

function sorted(routes: readonly Route[]): Route[] {
  return routes.toSorted((a, b) => (a.logStore < b.logStore ? -1 : 1));
}

test('routes are those of a naive look at every moment', (t) => {
  fc.assert(fc.property(plan, ({ coverage, watches, enis, window, fallback }) => {
    const planned = planOf(coverage, watches, enis);
    const router = new Router(planned);
    for (const eniId of ['e1', 'e2', 'e3']) {
      t.deepEqual(sorted(router.routes(eniId, window, fallback)), sorted(naiveRoutes(planned, eniId, window.start, window.seconds, fallback)));
    }
  }), { numRuns: 3000 });
});

const VPC_LOG: CoverageSpan = { flowLogId: 'fl-1', resourceType: 'VPC', resourceId: 'v1', trafficType: 'All', logStore: 'a', windowSeconds: 600, fromMs: 90_000, untilMs: 1_230_000 };

test('a flow log that has ended has its windows still; at its ends they are not whole; after it rows go nowhere, before it where the batch says', (t) => {
  const router = new Router(planOf([VPC_LOG], [], [eni('e1', 's1', 'v1')]));
  const at = (start: number): Route[] => router.routes('e1', { start, seconds: 60 }, ['default']);
  const route = { logStore: 'a', windowSeconds: 600, trafficType: 'All', isWhole: true };
  const fallback = { logStore: 'default', windowSeconds: 60, trafficType: null, isWhole: true };
  t.deepEqual(at(0), [fallback] as Route[]);
  t.deepEqual(at(60), [{ ...route, isWhole: false }] as Route[]);
  t.deepEqual(at(120), [route] as Route[]);
  t.deepEqual(at(1200), [{ ...route, isWhole: false }] as Route[]);
  t.deepEqual(at(1260), []);
  t.deepEqual(router.routes('e9', { start: 120, seconds: 60 }, ['default']), [fallback] as Route[], 'never covered');
});

test('what one flow log leaves open, another may fill', (t) => {
  const part = (fromMs: number, untilMs: number | null, trafficType: TrafficType): CoverageSpan => ({ ...VPC_LOG, fromMs, untilMs, trafficType });
  const isWhole = (...parts: readonly CoverageSpan[]): unknown => new Router(planOf(parts, [], [eni('e1', null, 'v1')])).routes('e1', { start: 0, seconds: 60 }, [])[0]?.isWhole;
  t.true(isWhole(part(0, 40_000, 'All'), part(40_000, null, 'All')));
  t.true(isWhole(part(0, 40_000, 'All'), part(10_000, 20_000, 'All'), part(40_000, null, 'All')), 'one lies within another');
  t.true(isWhole(part(0, 60_000, 'Allow'), part(0, 60_000, 'Drop')));
  t.false(isWhole(part(0, 39_999, 'All'), part(40_000, null, 'All')));
  t.false(isWhole(part(0, 60_000, 'Allow'), part(0, 59_999, 'Drop')));
});

test('an ENI that has left keeps the windows of the time in which it was watched', (t) => {
  const watch: WatchSpan = { eniId: 'e1', agentId: 'agent', windowSeconds: 60, attributes: { ...NO_ATTRIBUTES, vpcId: 'v1' }, fromMs: 100_000, untilMs: 200_000 };
  const router = new Router(planOf([VPC_LOG], [watch], [eni('e1', 's2', 'v2')]));
  t.is(router.routes('e1', { start: 120, seconds: 60 }, []).length, 1);
  t.is(router.routes('e1', { start: 240, seconds: 60 }, []).length, 0, 'it belonged to another VPC by then');
  t.is(new Router(planOf([VPC_LOG], [watch], [])).routes('e1', { start: 240, seconds: 60 }, []).length, 1, 'not described any more');
});

test('nothing is planned: the batches say where rows go', (t) => {
  t.deepEqual(new Router(NOTHING_PLANNED).routes('e1', { start: 0, seconds: 60 }, []), []);
  t.is(new Router(NOTHING_PLANNED).routes('e1', { start: 0, seconds: 60 }, ['x', 'y']).length, 2);
});
