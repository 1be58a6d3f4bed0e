import test from 'ava';
import fc from 'fast-check';
import { coveredEnis, followFlowLogs, recordings } from '../../../aggregator/control/coverage.ts';
import { fillsSpan, type CoverageSpan } from '../../../aggregator/control/spans.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';
import type { FlowLog } from '../../../shared/topology/topology.ts';

const DAY_MS = 24 * 3600 * 1000;

const flowLog = fc.record({
  flowLogId: fc.constantFrom('fl-1', 'fl-2', '__proto__'), resourceType: fc.constantFrom('VSwitch', 'VPC'), resourceId: fc.constantFrom('x', 'y'),
  trafficType: fc.constantFrom('All', 'Drop'), logStore: fc.constantFrom('a', 'b'), windowSeconds: fc.constantFrom(60, 600),
  status: fc.constantFrom('Active', 'Active', 'Inactive'), name: fc.string(), analysisReport: fc.boolean(), description: fc.constant(''),
}) as fc.Arbitrary<FlowLog>;
const moments = fc.array(fc.tuple(fc.uniqueArray(flowLog, { selector: ({ flowLogId }) => flowLogId, maxLength: 3 }), fc.integer({ min: 0, max: 3 })), { maxLength: 12 });

const what = ({ flowLogId, resourceType, resourceId, trafficType, logStore, windowSeconds }: FlowLog | CoverageSpan) =>
  ({ flowLogId, resourceType, resourceId, trafficType, logStore, windowSeconds });
const byId = (a: { flowLogId: string }, b: { flowLogId: string }): number => (a.flowLogId < b.flowLogId ? -1 : 1);

test('at every moment the spans over it are the flow logs that were active', (t) => {
  fc.assert(fc.property(moments, (steps) => {
    let spans: readonly CoverageSpan[] = [];
    let nowMs = 1000;
    /** Millisecond by millisecond. */
    const active = new Map<number, FlowLog[]>();
    for (const [flowLogs, passedMs] of steps) {
      const before = spans;
      spans = followFlowLogs(spans, flowLogs, nowMs);
      t.is(followFlowLogs(spans, flowLogs, nowMs + 1), spans);
      if (JSON.stringify(before.filter(({ untilMs }) => untilMs === null)) === JSON.stringify(spans.filter(({ untilMs }) => untilMs === null))) t.is(spans, before);
      t.deepEqual(spans.filter(({ untilMs }) => untilMs === null).map(what).sort(byId), flowLogs.filter(({ status }) => status === 'Active').map(what).sort(byId));
      for (let at = 0; at < passedMs; at++) active.set(nowMs + at, flowLogs.filter(({ status }) => status === 'Active'));
      nowMs += passedMs;
    }
    for (const [atMs, flowLogs] of active) {
      t.deepEqual(spans.filter((span) => fillsSpan(span, atMs, atMs + 1)).map(what).sort(byId), flowLogs.map(what).sort(byId));
    }
    for (const span of spans) t.true(span.untilMs === null || span.untilMs > span.fromMs);
  }), { numRuns: 300 });
});

test('a change of name is none of coverage; spans are forgotten after 31 days, and only then', (t) => {
  const [one] = fc.sample(flowLog, { numRuns: 1, seed: 1 }).map((drawn): FlowLog => ({ ...drawn, status: 'Active' })) as [FlowLog];
  const begun = followFlowLogs([], [one], 0);
  t.is(followFlowLogs(begun, [{ ...one, name: 'another', description: 'x', analysisReport: !one.analysisReport }], 5), begun);
  const ended = followFlowLogs(begun, [], DAY_MS);
  t.deepEqual(ended, [{ ...begun[0]!, untilMs: DAY_MS }]);
  t.is(followFlowLogs(ended, [], 32 * DAY_MS - 1), ended);
  t.deepEqual(followFlowLogs(ended, [], 32 * DAY_MS), []);
  // an open one stays as long as it is open
  t.is(followFlowLogs(begun, [one], 1000 * DAY_MS), begun);
});

test('of many that ended, the newest are kept', (t) => {
  const [one] = fc.sample(flowLog, { numRuns: 1, seed: 1 }) as [FlowLog];
  const many = Array.from({ length: 12_000 }, (_, i): CoverageSpan => ({ ...what(one), fromMs: i, untilMs: i + 1 }));
  const spans = followFlowLogs(many, [{ ...one, status: 'Active' }], 12_000);
  t.deepEqual([spans.length, spans[0]!.fromMs, spans.at(-1)!.untilMs], [10_001, 2000, null]);
});

test('an ENI is recorded by all flow logs that cover it: their traffic together, the shortest window', (t) => {
  const topology = parseTopology(`
vpcs: [{vpc-id: v}]
vswitches: [{vswitch-id: s, vpc-id: v}]
enis: [{eni-id: e1, vswitch-id: s, addresses: [10.0.0.1]}, {eni-id: e2, vswitch-id: s, addresses: [10.0.0.2]}, {eni-id: e3, addresses: [10.0.0.3]}]
flow-logs:
  - {flow-log-id: a, resource-type: VPC, resource-id: v, traffic-type: Drop, logstore: l}
  - {flow-log-id: b, resource-type: ENI, resource-id: e1, traffic-type: Allow, logstore: l, window: 60s}
  - {flow-log-id: c, resource-type: VSwitch, resource-id: s, traffic-type: All, logstore: l, window: 1s, status: Inactive}
`, 'test');
  t.deepEqual([...recordings(topology)], [['e1', { trafficType: 'All', windowSeconds: 60 }], ['e2', { trafficType: 'Drop', windowSeconds: 600 }]]);
  t.deepEqual(coveredEnis(topology, 'VPC', 'v').map(({ eniId }) => eniId), ['e1', 'e2']);
  t.deepEqual(coveredEnis(topology, 'VSwitch', 's').length, 2);
  t.deepEqual(coveredEnis(topology, 'ENI', 'e3').length, 1);
});
