import test from 'ava';
import fc from 'fast-check';
import type { KnownAgent } from '../../../aggregator/control/agent-registry.ts';
import { AssignmentPlan } from '../../../aggregator/control/assignment-plan.ts';
import { EMPTY_STATE, type ControlState } from '../../../aggregator/control/control-state.ts';
import { recordings } from '../../../aggregator/control/coverage.ts';
import { parseAssignment, type Assignment } from '../../../shared/assignment.ts';
import { isMembersEni } from '../../../shared/topology/members-eni.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';
import type { FlowLog, Topology } from '../../../shared/topology/topology.ts';
import { VerdictEngine } from '../../../shared/verdict/engine.ts';
import { topologies } from '../../shared/topology/arbitrary-topology.ts';
import { keyOf, packets } from '../../shared/verdict/arbitrary-packet.ts';
import type { ReferencePacket } from '../../shared/verdict/reference.ts';

const AGENTS = ['a', 'b'].map((agentId): KnownAgent => ({ agentId, created: '', isRevoked: false, report: null, lastSeenMs: 0 }));

const flowLog: fc.Arbitrary<Partial<FlowLog>> = fc.record({
  trafficType: fc.constantFrom('All', 'Allow', 'Drop'), windowSeconds: fc.constantFrom(1, 60, 600), status: fc.constantFrom('Active', 'Active', 'Active', 'Inactive'),
  resource: fc.constantFrom(['ENI', 'eni-0'], ['ENI', 'eni-1'], ['ENI', 'eni-3'], ['VSwitch', 'vsw-1'], ['VPC', 'vpc-1']),
}).map(({ resource: [resourceType, resourceId], ...rest }) => ({ ...rest, resourceType, resourceId }) as Partial<FlowLog>);

/** Every ENI at one of the agents, or at none. */
const states: fc.Arbitrary<ControlState> = fc.record({
  topology: topologies(), flowLogs: fc.array(flowLog, { minLength: 1, maxLength: 4 }), places: fc.array(fc.constantFrom('a', 'a', 'b', 'nowhere'), { minLength: 4, maxLength: 4 }),
}).map(({ topology, flowLogs, places }) => ({ ...EMPTY_STATE, revision: 3, topology: planned(topology, flowLogs, places) }));

function planned(topology: Topology, flowLogs: Partial<FlowLog>[], places: string[]): Topology {
  return {
    ...topology,
    enis: topology.enis.map((eni, at) => ({ ...eni, agentId: places[at]! })),
    flowLogs: flowLogs.map((given, at) => ({ flowLogId: `fl-${at}`, name: `fl-${at}`, description: '', logStore: 'flows', analysisReport: false, ...given }) as FlowLog),
  };
}

function assignments(state: ControlState): [string, Assignment][] {
  const plan = new AssignmentPlan(state, AGENTS);
  return AGENTS.map(({ agentId }) => [agentId, parseAssignment(plan.text(agentId), agentId)]);
}

test('an agent decides about its ENIs as one that knows the whole topology', (t) => {
  let compared = 0;
  fc.assert(fc.property(states.chain((state) => fc.tuple(fc.constant(state), fc.array(packets(state.topology.enis.length), { minLength: 30, maxLength: 60 }))), ([state, drawn]) => {
    const { topology } = state;
    const whole = new VerdictEngine(topology, 3);
    for (const [, assignment] of assignments(state)) {
      const own = new VerdictEngine(assignment.topology, assignment.revision);
      const verdictOf = (engine: VerdictEngine, packet: ReferencePacket) => engine.verdicts[engine.classify(keyOf(packet), 3)];
      for (const packet of drawn) {
        const eni = assignment.topology.enis.findIndex(({ eniId }) => eniId === topology.enis[packet.eni]!.eniId);
        if (eni < 0) continue;
        t.deepEqual(verdictOf(own, { ...packet, eni }), verdictOf(whole, packet));
        compared++;
      }
    }
  }), { numRuns: 150 });
  t.log(`${compared} verdicts compared`);
  t.true(compared > 300);
});

test('it is told of its recorded ENIs, what to record of them, and the window', (t) => {
  fc.assert(fc.property(states, (state) => {
    const recorded = recordings(state.topology);
    for (const [agentId, { watch, windowSeconds, topology, revision }] of assignments(state)) {
      const expected = state.topology.enis.filter((eni) => eni.agentId === agentId && recorded.has(eni.eniId));
      t.deepEqual(topology.enis.filter(({ eniId }) => !isMembersEni(eniId)), expected);
      t.deepEqual([...watch], expected.map(({ eniId }) => [eniId, recorded.get(eniId)!.trafficType]));
      t.is(windowSeconds, Math.min(...expected.map(({ eniId }) => recorded.get(eniId)!.windowSeconds), expected.length > 0 ? 3600 : 600));
      t.is(revision, expected.length > 0 ? 3 : 0);
    }
  }), { numRuns: 100 });
});

test('it is told nothing of other ENIs but the addresses that its rules ask for', (t) => {
  fc.assert(fc.property(states, (state) => {
    for (const [, { topology, watch }] of assignments(state)) {
      const own = new Set(topology.enis.filter(({ eniId }) => watch.has(eniId)).flatMap(({ securityGroups }) => securityGroups));
      const ownGroups = state.topology.securityGroups.filter(({ securityGroupId }) => own.has(securityGroupId));
      const peers = ownGroups.flatMap(({ rules }) => rules.map(({ peer }) => peer));
      const asked = new Set(peers.flatMap((peer) => (peer.kind === 'security-group' ? [peer.securityGroupId] : [])));
      for (const { innerAccess, securityGroupId } of ownGroups) if (innerAccess) asked.add(securityGroupId);
      t.deepEqual(topology.securityGroups.filter(({ securityGroupId }) => own.has(securityGroupId)).map((group) => group.rules), [...own].map((id) => ownGroups.find(({ securityGroupId }) => securityGroupId === id)!.rules));
      for (const group of topology.securityGroups) {
        t.true(own.has(group.securityGroupId) || asked.has(group.securityGroupId));
        if (!own.has(group.securityGroupId)) t.deepEqual([group.rules, group.name], [[], group.securityGroupId]);
      }
      t.deepEqual(topology.prefixLists.map(({ prefixListId }) => prefixListId).sort(), [...new Set(peers.flatMap((peer) => (peer.kind === 'prefix-list' ? [peer.prefixListId] : [])))].sort());
      for (const eni of topology.enis.filter(({ eniId }) => isMembersEni(eniId))) {
        t.true(asked.has(eni.securityGroups[0]!));
        const addresses = state.topology.enis.filter(({ securityGroups }) => securityGroups.includes(eni.securityGroups[0]!)).flatMap((member) => member.addresses);
        t.deepEqual(eni.addresses, [...new Set(addresses)]);
      }
      t.deepEqual([topology.flowLogs, topology.logStores], [[], []]);
    }
  }), { numRuns: 100 });
});

test('an ETag changes when the text does, and only then', (t) => {
  const step = fc.tuple(states, fc.constantFrom('another', 'another', 'same rules', 'other flow logs', 'same'));
  let changes = 0;
  fc.assert(fc.property(fc.array(step, { minLength: 2, maxLength: 6 }), (steps) => {
    const told = new Map();
    let state = EMPTY_STATE;
    let before = new Map<string, [string, string]>();
    steps.forEach(([drawn, kind], at) => {
      if (kind === 'another') state = { ...drawn, revision: at + 1 };
      // rules of others have changed
      if (kind === 'same rules') state = { ...state, revision: at + 1, topology: { ...state.topology } };
      if (kind === 'other flow logs') state = { ...state, topology: { ...state.topology, flowLogs: drawn.topology.flowLogs } };
      const plan = new AssignmentPlan(state, AGENTS, told);
      const now = new Map(AGENTS.map(({ agentId }) => [agentId, [plan.etag(agentId), plan.text(agentId)] as [string, string]]));
      for (const [agentId, [etag, text]] of before) {
        t.is(now.get(agentId)![0] === etag, now.get(agentId)![1] === text);
        if (now.get(agentId)![0] !== etag) changes++;
        if (kind.startsWith('same')) t.is(now.get(agentId)![0], etag);
      }
      before = now;
    });
  }), { numRuns: 100 });
  t.true(changes > 100);
});

test('rules that change verdicts come with a greater revision', (t) => {
  const state = (port: number): ControlState => ({ ...EMPTY_STATE, revision: port, topology: parseTopology(document(port), 'test') });
  const told = new Map();
  const revisionOf = (port: number, changes: Partial<ControlState> = {}): number =>
    parseAssignment(new AssignmentPlan({ ...state(port), ...changes }, AGENTS, told).text('a'), 'test').revision;
  t.is(revisionOf(1), 1);
  // as revision 2 is of another group
  t.is(revisionOf(1, { revision: 2 }), 1);
  t.is(revisionOf(3), 3);
});

test('each thing that an agent is told makes an ETag of its own', (t) => {
  const etags = ['', 'logstore: flows', 'logstore: flows, traffic-type: Drop', 'logstore: flows, window: 60s', '10.0.0.2', 'sg-1], agent-id: a, vm-id: i', 'port-range: 81/81'].map((given) => {
    const old = given.startsWith('logstore') ? 'logstore: flows' : given.startsWith('10') ? '10.0.0.1' : given.startsWith('sg-1]') ? 'sg-1], agent-id: a' : 'port-range: 80/80';
    return new AssignmentPlan({ ...EMPTY_STATE, topology: parseTopology(document(80).replace(given === '' ? '' : old, given), 'test') }, AGENTS).etag('a');
  });
  t.is(etags[0], etags[1]);
  t.is(new Set(etags).size, etags.length - 1);
});

test('names that are special elsewhere are names here', (t) => {
  const text = document(80).replaceAll('sg-1', '__proto__').replaceAll('eni-1', 'constructor').replaceAll('vsw-1', 'toString');
  const [[, { watch, topology }]] = assignments({ ...EMPTY_STATE, topology: parseTopology(text, 'test') }) as [[string, Assignment]];
  t.deepEqual([...watch], [['constructor', 'All']]);
  t.is(topology.securityGroups[0]!.securityGroupId, '__proto__');
  t.deepEqual(topology.enis[1], { ...topology.enis[0]!, eniId: 'members of __proto__', vswitchId: null, vpcId: null, agentId: null });
});

function document(port: number): string {
  return `
vpcs: [{vpc-id: vpc-1}]
vswitches: [{vswitch-id: vsw-1, vpc-id: vpc-1}]
security-groups:
  - security-group-id: sg-1
    rules: [{rule-id: r-1, direction: ingress, policy: accept, protocol: tcp, port-range: ${port}/${port}, cidr: 0.0.0.0/0}]
enis: [{eni-id: eni-1, vswitch-id: vsw-1, addresses: [10.0.0.1], security-groups: [sg-1], agent-id: a}]
logstores: [{name: flows}]
flow-logs: [{flow-log-id: fl-1, resource-type: VPC, resource-id: vpc-1, logstore: flows}]
`;
}
