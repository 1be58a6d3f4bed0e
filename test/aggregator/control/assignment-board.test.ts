import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { AgentRegistry, type AgentReport } from '../../../aggregator/control/agent-registry.ts';
import { AssignmentBoard } from '../../../aggregator/control/assignment-board.ts';
import { updateFlowLog } from '../../../aggregator/control/flow-logs.ts';
import { WatchSpans } from '../../../aggregator/control/watch-spans.ts';
import { ACTOR, INVENTORY, SETTINGS, apply, readyStore, type OpenStore } from './control-fixture.ts';

interface Open { readonly store: OpenStore; readonly agents: AgentRegistry; readonly board: AssignmentBoard; readonly spans: WatchSpans }

const FLOW_LOG = 'flow-logs: [{flow-log-id: fl-1, resource-type: VPC, resource-id: vpc-1, logstore: flows, window: 60s}]\n';

function unexpected(error: Error): void {
  throw error;
}

async function openBoard(t: ExecutionContext, inventory = `${INVENTORY}${FLOW_LOG}`): Promise<Open> {
  const store = await readyStore(t);
  await apply(store, inventory);
  const agents = AgentRegistry.open(store.directory, () => board.renewSoon(), unexpected);
  const spans = WatchSpans.open(store.directory, unexpected);
  const board = new AssignmentBoard(store, agents, spans);
  t.teardown(async () => {
    board.close();
    await agents.close();
    await spans.close();
  });
  for (const agentId of ['host-1', 'host-2']) await agents.enrol(agentId);
  await until(() => board.plan.places.get('eni-1')!.agentId === 'host-1');
  return { store, agents, board, spans };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5);
}

/** Who has been answered so far. */
function waiting(board: AssignmentBoard, agents: string[], signal: AbortSignal | null = null): Set<string> {
  const answered = new Set<string>();
  for (const agentId of agents) void board.changed(agentId, board.plan.etag(agentId), 60_000, signal ?? new AbortController().signal).then(() => answered.add(agentId));
  return answered;
}

const report = (interfaces: AgentReport['interfaces']): AgentReport => ({ host: 'h', version: '1', started: '', interfaces, revision: null, assignment: null, enis: [] });
const watched = ({ spans }: Open) => spans.list.filter(({ untilMs }) => untilMs === null).map(({ eniId, agentId, windowSeconds }) => `${eniId} ${agentId} ${windowSeconds}`).sort();

test('who waits is answered when its own assignment changes, and not when others\' do', async (t) => {
  const open = await openBoard(t);
  const { store, board } = open;
  t.deepEqual(watched(open), ['eni-1 host-1 60', 'eni-2 host-2 60']);
  const answered = waiting(board, ['host-1', 'host-2', 'host-3']);
  // an ENI, a group and rules that concern none of them
  await apply(store, 'security-groups: [{security-group-id: sg-9}]\nenis: [{eni-id: eni-9, vswitch-id: vsw-2, addresses: [10.9.9.9], security-groups: [sg-9]}]');
  const ofHost2 = INVENTORY.split('\n').find((line) => line.includes('eni-2'))!.replace('host-2', 'host-2, vm-id: i-2').replace('  - ', '');
  await apply(store, `enis: [${ofHost2}]`);
  await until(() => answered.size > 0);
  await sleep(20);
  t.deepEqual([...answered], ['host-2']);
  // rules of both
  await apply(store, INVENTORY.replace('80/80', '81/81').replace('host-2', 'host-2, vm-id: i-2'));
  await until(() => answered.has('host-1'));
  t.is(board.waiting, 1);
});

test('an answer is given at once where the ETag is another, where time is up, and where nobody listens any more', async (t) => {
  const { board } = await openBoard(t);
  const never = new AbortController();
  await board.changed('host-1', 'another', 60_000, never.signal);
  await board.changed('host-1', null, 60_000, never.signal);
  await board.changed('host-1', board.plan.etag('host-1'), 0, never.signal);
  await board.changed('host-1', board.plan.etag('host-1'), 20, never.signal);
  const gone = new AbortController();
  const answered = waiting(board, ['host-1', 'host-2'], gone.signal);
  t.is(board.waiting, 2);
  gone.abort();
  await until(() => answered.size === 2);
  t.is(board.waiting, 0);
  waiting(board, ['host-1']);
  board.close();
  t.is(board.waiting, 0);
  await board.changed('host-1', board.plan.etag('host-1'), 60_000, never.signal);
});

test('what agents report of their interfaces decides who has an ENI; a revoked one has none', async (t) => {
  const open = await openBoard(t);
  const { store, agents, board } = open;
  await apply(store, 'enis: [{eni-id: eni-1, vswitch-id: vsw-1, addresses: [10.0.0.1], interface: tap0}]');
  t.regex(board.plan.places.get('eni-1')!.reason!, /no agent reports an interface named tap0/);
  const answered = waiting(board, ['host-2']);
  agents.report('host-2', report([{ name: 'tap0', mac: null, up: true }]));
  await until(() => answered.size === 1);
  t.deepEqual(watched(open), ['eni-1 host-2 60', 'eni-2 host-2 60']);
  const { plan } = board;
  agents.report('host-2', report([{ name: 'tap0', mac: null, up: false }]));
  agents.seen('host-2');
  await sleep(100);
  t.is(board.plan, plan);
  await agents.setRevoked('host-2', true);
  await until(() => board.plan.places.get('eni-1')!.agentId === null);
  t.deepEqual(watched(open), []);
});

test('many who wait are all answered, and the spans are those of the last plan', async (t) => {
  const open = await openBoard(t);
  const { store, agents, board } = open;
  const many = Array.from({ length: 150 }, (_, i) => `m-${i}`);
  for (const agentId of many) agents.report(agentId, report([]));
  await apply(store, `enis:\n${many.map((agentId, i) => `  - {eni-id: x-${i}, vswitch-id: vsw-1, addresses: [10.7.0.${i}], security-groups: [sg-1], agent-id: ${agentId}}`).join('\n')}`);
  await until(() => many.every((agentId) => board.plan.enisAt(agentId).length === 1));
  const answered = waiting(board, many);
  // two changes at once: the second one while the first is told
  await Promise.all([
    store.change(ACTOR, 'x', updateFlowLog('fl-1', { window: '600s' }, SETTINGS)), store.change(ACTOR, 'x', updateFlowLog('fl-1', { window: '300s' }, SETTINGS)),
  ]);
  await until(() => answered.size === 150);
  t.true(watched(open).every((text) => text.endsWith(' 300')));
  t.is(watched(open).length, 152);
  await store.change(ACTOR, 'x', updateFlowLog('fl-1', { status: 'Inactive' }, SETTINGS));
  t.deepEqual(watched(open), []);
});
