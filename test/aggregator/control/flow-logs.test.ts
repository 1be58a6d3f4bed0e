import test, { type ExecutionContext } from 'ava';
import { Problem } from '../../../aggregator/api/problem.ts';
import { authorize, authorizationView, withdrawAuthorization } from '../../../aggregator/control/authorizations.ts';
import type { ControlState } from '../../../aggregator/control/control-state.ts';
import type { Work } from '../../../aggregator/control/control-store.ts';
import { createFlowLog, deleteFlowLog, flowLogView, updateFlowLog } from '../../../aggregator/control/flow-logs.ts';
import { deleteResource, putResource } from '../../../aggregator/control/inventory.ts';
import { createLogStore, deleteLogStore, logStoresDropped, updateLogStore } from '../../../aggregator/control/logstore-changes.ts';
import { resourceKind, type Resource } from '../../../aggregator/control/resource-kinds.ts';
import { ACTOR, INVENTORY, SETTINGS, apply, openStore, readyStore, reopened, type OpenStore } from './control-fixture.ts';

const ON_VPC = { 'name': 'all', 'resource-type': 'VPC', 'resource-id': 'vpc-1', 'logstore': 'flows' };

const change = <T>(store: OpenStore, work: Work<T>): Promise<T> => store.change(ACTOR, 'test', work);
const create = (store: OpenStore, given: Resource = {}) => change(store, createFlowLog({ ...ON_VPC, ...given }, SETTINGS));

/** What is refused leaves the state the same object, and no trace. */
async function refused(t: ExecutionContext, store: OpenStore, work: Work<unknown>, status: number, detail: RegExp, type?: string): Promise<Problem> {
  const { state } = store;
  const entries = store.audit.read(Infinity, 1000).entries.length;
  const problem = await t.throwsAsync<Problem>(change(store, work));
  t.is(problem!.status, status);
  t.regex(problem!.message, detail);
  if (type !== undefined) t.is(problem!.members['type'], `urn:weir:problem:${type}`);
  t.is(store.state, state);
  t.is(store.audit.read(Infinity, 1000).entries.length, entries);
  return problem!;
}

const openSpans = ({ coverage }: ControlState) => coverage.filter(({ untilMs }) => untilMs === null).map(({ flowLogId, trafficType, logStore, windowSeconds }) => [flowLogId, trafficType, logStore, windowSeconds]);

test('created, changed, disabled, enabled, deleted: kept over a restart, and covered for the time that it was active', async (t) => {
  const store = await readyStore(t);
  const created = await create(store, { 'traffic-type': 'Drop', 'window': '60s', 'description': 'd' });
  const id = created['flow-log-id'];
  t.regex(id, /^fl-[0-9a-f]{16}$/);
  t.like(created, { 'name': 'all', 'status': 'Active', 'traffic-type': 'Drop', 'window': '60s', 'analysis-report': false, 'region': 'r', 'enis': 2, 'description': 'd' });
  t.is(created['created'], created['updated']);
  t.deepEqual(openSpans(store.state), [[id, 'Drop', 'flows', 60]]);
  t.deepEqual((await reopened(t, store)).coverage, store.state.coverage);

  const updated = await change(store, updateFlowLog(id, { 'traffic-type': 'All', 'logstore': 'other' }, SETTINGS));
  t.like(updated, { 'flow-log-id': id, 'name': 'all', 'window': '60s', 'traffic-type': 'All', 'logstore': 'other' });
  t.deepEqual(openSpans(store.state), [[id, 'All', 'other', 60]]);
  t.is(await change(store, updateFlowLog(id, { status: 'Inactive' }, SETTINGS)).then((view) => view['status']), 'Inactive');
  t.deepEqual(openSpans(store.state), []);
  const before = store.state;
  await change(store, updateFlowLog(id, { status: 'Inactive' }, SETTINGS));
  t.is(store.state, before);
  await change(store, updateFlowLog(id, { status: 'Active' }, SETTINGS));
  await change(store, deleteFlowLog(id, SETTINGS));
  t.deepEqual(openSpans(store.state), []);
  t.deepEqual(store.state.topology.flowLogs, []);
  t.deepEqual(await reopened(t, store), store.state);
  const told = store.audit.read(Infinity, 5).entries.map(({ changes }) => changes.map(({ kind, before: was, after }) => [kind, was?.['status'] ?? null, after?.['status'] ?? null]));
  t.deepEqual(told, [[['flow-log', 'Active', null]], [['flow-log', 'Inactive', 'Active']], [['flow-log', 'Active', 'Inactive']], [['flow-log', 'Active', 'Active']], [['flow-log', null, 'Active']]]);
});

test('an ENI that joins later is covered by itself', async (t) => {
  const store = await readyStore(t);
  const { 'flow-log-id': id } = await create(store);
  await change(store, putResource(resourceKind('enis'), 'eni-9', { 'vswitch-id': 'vsw-1', 'addresses': ['10.0.0.9'] }, SETTINGS));
  t.is(flowLogView(store.state, store.state.topology.flowLogs.find(({ flowLogId }) => flowLogId === id)!)['enis'], 3);
});

for (const [what, given, status, detail, type] of [
  ['an unknown ENI', { 'resource-type': 'ENI', 'resource-id': 'eni-7' }, 422, /^resource-id: there is no eni "eni-7"; did you mean eni-1\?$/, undefined],
  ['an unknown VSwitch', { 'resource-type': 'VSwitch', 'resource-id': 'xyz' }, 422, /^resource-id: there is no vswitch "xyz"; create it first$/, undefined],
  ['an unknown VPC', { 'resource-id': 'net' }, 422, /^resource-id: there is no vpc "net"; create it first$/, undefined],
  ['an unknown kind', { 'resource-type': 'Host' }, 422, /^resource-type: "Host" is not one of ENI, VSwitch, VPC\n/, undefined],
  ['a special name', { 'resource-type': 'ENI', 'resource-id': '__proto__' }, 422, /there is no eni "__proto__"/, undefined],
  ['an unknown LogStore', { logstore: 'flow' }, 422, /there is no LogStore "flow"; there are flows, other; or create it: weir logstore create/, 'no-such-logstore'],
  ['a window that is none', { name: 'b', window: '90s' }, 422, /a window of 90 s; 60s, 300s and 600s are possible/, 'window'],
  ['traffic that is none', { 'traffic-type': 'Some' }, 422, /^traffic-type: "Some" is not one of All, Allow, Drop$/, undefined],
  ['a name that is taken', {}, 409, /flow log fl-\w+ has the name "all" already; give another name/, 'name-taken'],
  ['a second report', { 'name': 'b', 'analysis-report': true }, 409, /LogStore flows has its analysis report already, by flow log fl-\w+ \(all\); create this one without/, 'report-exists'],
] as const) {
  test(`refused: ${what}`, async (t) => {
    const store = await readyStore(t);
    await create(store, { 'analysis-report': true });
    await refused(t, store, createFlowLog({ ...ON_VPC, ...given }, SETTINGS), status, detail, type);
  });
}

test('refused: the eleventh, until one is deleted', async (t) => {
  const store = await readyStore(t);
  for (let i = 1; i <= 10; i++) await create(store, { name: `n${i}` });
  const eleventh = createFlowLog({ ...ON_VPC, name: 'n11' }, SETTINGS);
  t.is((await refused(t, store, eleventh, 409, /there may be 10 flow logs in a region, and there are 10; delete one, or start the collector with a higher --flow-log-quota/, 'flow-log-quota')).members['quota'], 10);
  await t.throwsAsync(apply(store, 'flow-logs: [{flow-log-id: fl-11, resource-type: VPC, resource-id: vpc-1, logstore: flows}]'), { message: /there may be 10/ });
  // changing one is none more
  await change(store, updateFlowLog(store.state.topology.flowLogs[0]!.flowLogId, { description: 'x' }, SETTINGS));
  await change(store, deleteFlowLog(store.state.topology.flowLogs[0]!.flowLogId, SETTINGS));
  await change(store, eleventh);
  t.is(store.state.topology.flowLogs.length, 10);
});

test('refused without the account\'s permission, once per account, also for one that gets its name later', async (t) => {
  const store = await openStore(t);
  await apply(store, INVENTORY);
  const work = createFlowLog(ON_VPC, SETTINGS);
  await refused(t, store, work, 403, /account 1 has not allowed flow logs to write to LogStores; weir authorize \(PUT \/v1\/authorization\) does, once/, 'not-authorized');
  await t.throwsAsync(apply(store, 'flow-logs: [{flow-log-id: fl-1, resource-type: VPC, resource-id: vpc-1, logstore: flows}]'), { message: /has not allowed/ });
  t.like(await change(store, authorize(ACTOR)), { 'account-id': '1', 'authorized': true, 'by': 'tok-1' });
  const { state } = store;
  t.like(await change(store, authorize(ACTOR)), { authorized: true });
  t.is(store.state, state);
  const { 'flow-log-id': id } = await change(store, work);
  await change(store, withdrawAuthorization);
  await refused(t, store, createFlowLog({ ...ON_VPC, name: 'b' }, SETTINGS), 403, /has not allowed/);
  // those that there are go on
  await change(store, updateFlowLog(id, { window: '60s' }, SETTINGS));

  const nameless = await openStore(t);
  await change(nameless, authorize(ACTOR));
  t.is(authorizationView(nameless.state)['account-id'], 'default');
  await apply(nameless, INVENTORY);
  t.like(authorizationView(nameless.state), { 'account-id': '1', 'authorized': true });
  // another account has to say so itself
  await apply(nameless, 'account-id: "2"');
  t.is(authorizationView(nameless.state)['authorized'], false);
});

test('refused: what is not there; what others refer to is named', async (t) => {
  const store = await readyStore(t);
  const { 'flow-log-id': id } = await create(store);
  for (const work of [updateFlowLog('fl-x', {}, SETTINGS), deleteFlowLog('fl-x', SETTINGS), updateFlowLog('__proto__', {}, SETTINGS)]) await refused(t, store, work, 404, /there is no flow log "\w+/);
  await refused(t, store, updateFlowLog(id, { logstore: 'nowhere' }, SETTINGS), 422, /there is no LogStore "nowhere"/, 'no-such-logstore');
  const inUse = await refused(t, store, deleteResource(resourceKind('vpcs'), 'vpc-1', SETTINGS), 409, /vpc vpc-1 is still referred to by vswitch vsw-1: vpc-id; flow-log \w+-\w+: resource-id: change or delete those first/, 'in-use');
  t.deepEqual(inUse.members['references'], ['vswitch vsw-1: vpc-id', `flow-log ${id}: resource-id`]);
  await refused(t, store, deleteResource(resourceKind('enis'), 'eni-7', SETTINGS), 404, /there is no eni "eni-7"/);
  await refused(t, store, putResource(resourceKind('enis'), 'eni-1', { 'eni-id': 'eni-2' }, SETTINGS), 422, /eni-id is "eni-2", but the address names eni-1/);
});

test('a report turns on search and brings its queries; applying its document again changes nothing; it takes them along', async (t) => {
  const store = await readyStore(t);
  const document = `${INVENTORY}flow-logs: [{flow-log-id: fl-1, resource-type: VPC, resource-id: vpc-1, logstore: flows, analysis-report: true}]\n`;
  const search = () => store.state.topology.logStores.find(({ name }) => name === 'flows')!.search;
  await apply(store, document);
  t.true(search());
  t.true(store.state.savedQueries.length > 10);
  t.true(store.state.savedQueries.every(({ logStore }) => logStore === 'flows'));
  const { state } = store;
  t.deepEqual(await apply(store, document), []);
  t.deepEqual(await apply(store, document, true), []);
  t.is(store.state, state);
  await refused(t, store, updateLogStore('flows', { search: false }, SETTINGS), 409, /flow log fl-1 \(fl-1\) has its analysis report in flows, which needs search; turn the report off first/, 'in-use');
  await change(store, updateFlowLog('fl-1', { 'analysis-report': false }, SETTINGS));
  t.deepEqual(store.state.savedQueries, []);
  await change(store, updateLogStore('flows', { search: false }, SETTINGS));
  t.false(search());
});

test('LogStores: created, changed, deleted with what is theirs', async (t) => {
  const store = await readyStore(t);
  t.like(await change(store, createLogStore({ 'name': 'new', 'retention-days': 7 }, SETTINGS)), { 'name': 'new', 'retention-days': 7, 'search': false });
  await refused(t, store, createLogStore({ name: 'new' }, SETTINGS), 409, /there is a LogStore new already/, 'name-taken');
  await refused(t, store, createLogStore({ name: 'No Such' }, SETTINGS), 422, /^name: "No Such" is not a LogStore name/);
  t.like(await change(store, updateLogStore('new', { 'retention-days': null, 'retention-bytes': 5 }, SETTINGS)), { 'name': 'new', 'retention-bytes': 5 });
  await refused(t, store, updateLogStore('absent', { search: true }, SETTINGS), 404, /there is no LogStore "absent"/, 'unknown-logstore');
  await refused(t, store, deleteLogStore('absent', false, SETTINGS), 404, /there is no LogStore "absent"/, 'unknown-logstore');
  const { 'flow-log-id': id } = await create(store, { logstore: 'new' });
  await refused(t, store, deleteLogStore('new', true, SETTINGS), 409, /flow log \S+ \(all\) writes to new; delete it first, or give it another LogStore/, 'in-use');
  await change(store, updateFlowLog(id, { logstore: 'flows' }, SETTINGS));
  t.deepEqual(store.state.coverage.map(({ logStore }) => logStore), ['new', 'flows']);

  await change(store, deleteLogStore('new', true, SETTINGS));
  t.deepEqual([store.state.droppedLogStores, store.state.coverage.map(({ logStore }) => logStore)], [['new'], ['flows']]);
  // its data is still there: what is new under that name would go with it
  await refused(t, store, createLogStore({ name: 'new' }, SETTINGS), 409, /LogStore new is still being deleted; try again in a moment/, 'being-deleted');
  const { state } = store;
  await change(store, deleteLogStore('new', false, SETTINGS));
  t.is(store.state, state);
  await change(store, logStoresDropped(['new']));
  await change(store, createLogStore({ name: 'new' }, SETTINGS));
  // one that came to be by batches that named it
  await change(store, deleteLogStore('by-batches', true, SETTINGS));
  t.deepEqual(store.audit.read(Infinity, 1).entries[0]!.changes, [{ kind: 'logstore', id: 'by-batches', before: { name: 'by-batches' }, after: null }]);
});
