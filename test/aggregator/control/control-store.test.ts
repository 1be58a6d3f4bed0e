import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { EMPTY_STATE } from '../../../aggregator/control/control-state.ts';
import { ControlStore } from '../../../aggregator/control/control-store.ts';
import { followFlowLogs } from '../../../aggregator/control/coverage.ts';
import { topologyWithDocument } from '../../../aggregator/control/document-process.ts';
import { createFlowLog } from '../../../aggregator/control/flow-logs.ts';
import { applyDocument, deleteResource, putResource } from '../../../aggregator/control/inventory.ts';
import { resourceKind } from '../../../aggregator/control/resource-kinds.ts';
import { saveQuery } from '../../../aggregator/control/saved-queries.ts';
import { readState, stateText } from '../../../aggregator/control/state-file.ts';
import { topologyDelta, withDelta } from '../../../aggregator/control/topology-delta.ts';
import { topologyDocument } from '../../../shared/topology/export.ts';
import { ConfigurationError } from '../../../shared/topology/document.ts';
import { parseTopology } from '../../../shared/topology/parse.ts';
import { topologies } from '../../shared/topology/arbitrary-topology.ts';
import { temporaryDirectory } from '../collector-fixture.ts';
import { ACTOR, INVENTORY, SETTINGS, apply, openStore, readyStore, reopened } from './control-fixture.ts';

const GIVEN = { 'name': 'all', 'resource-type': 'VPC', 'resource-id': 'vpc-1', 'logstore': 'flows' };
const repeatable = (key: string, fingerprint = 'f') => ({ key, fingerprint });

test('what is applied is there, once, and after a restart; the same again is no change', async (t) => {
  const store = await openStore(t);
  const changes = await apply(store, INVENTORY);
  t.deepEqual(changes.map(({ kind, id }) => `${kind} ${id}`), [
    'account 1', 'vpc vpc-1', 'vpc vpc-2', 'vswitch vsw-1', 'vswitch vsw-2', 'prefix-list pl-1', 'security-group sg-1', 'eni eni-1', 'eni eni-2', 'eni eni-3', 'logstore flows', 'logstore other',
  ]);
  const { state } = store;
  t.like(state, { change: 1, revision: 1 });
  t.deepEqual([...state.dates.keys()].length, 12);
  for (const prune of [false, true]) t.deepEqual(await apply(store, INVENTORY, prune), []);
  t.is(store.state, state);
  t.is(store.audit.read(Infinity, 10).entries.length, 1);
  t.deepEqual(await reopened(t, store), state);
});

test('a dry run tells the same and changes nothing', async (t) => {
  const store = await readyStore(t);
  const { state } = store;
  const entries = store.audit.read(Infinity, 100).entries.length;
  const files = () => readdirSync(store.directory, { recursive: true }).sort();
  const before = files();
  const document = { text: 'enis: [{eni-id: eni-1, vswitch-id: vsw-1, addresses: [10.0.0.7]}]', source: 'f', prune: true, statePath: store.path };
  const told = await store.preview(applyDocument(document, SETTINGS));
  t.is(store.state, state);
  t.deepEqual(files(), before);
  t.is(store.audit.read(Infinity, 100).entries.length, entries);
  t.deepEqual(told.map(({ kind, id, after }) => [kind, id, after === null]), [['eni', 'eni-1', false], ['eni', 'eni-2', true], ['eni', 'eni-3', true]]);
  t.deepEqual(await store.change(ACTOR, 'apply', applyDocument(document, SETTINGS)), told);
});

test('a resource that is made what it is already changes nothing; dates tell when it last became another', async (t) => {
  const store = await readyStore(t);
  const { state } = store;
  const put = (vm: string) => store.change(ACTOR, 'eni.put', putResource(resourceKind('enis'), 'eni-3', { 'vswitch-id': 'vsw-2', 'addresses': ['10.0.0.3'], 'agent-id': 'host-1', ...(vm && { 'vm-id': vm }) }, SETTINGS));
  t.deepEqual(await put(''), { isNew: false });
  t.is(store.state, state);
  await put('i-1');
  t.is(store.state.revision, state.revision);
  t.deepEqual(store.state.dates.get('eni eni-3')!.created, state.dates.get('eni eni-3')!.created);
  t.is(store.state.dates.get('eni eni-2'), state.dates.get('eni eni-2'));
  await store.change(ACTOR, 'eni.delete', deleteResource(resourceKind('enis'), 'eni-3', SETTINGS));
  t.false(store.state.dates.has('eni eni-3'));
});

test('every change has its entry before it, and changes are made one after the other', async (t) => {
  const store = await readyStore(t);
  const seen: number[] = [];
  store.onChange(({ change }) => {
    t.is(store.audit.lastChange, change);
    t.deepEqual(readState(store.path), store.state);
    seen.push(change);
  });
  const { change } = store.state;
  await Promise.all(Array.from({ length: 10 }, (_, i) => store.change(ACTOR, 'eni.put', putResource(resourceKind('enis'), `eni-x${i}`, { addresses: [`10.9.0.${i}`] }, SETTINGS))));
  t.deepEqual(seen, Array.from({ length: 10 }, (_, i) => change + 1 + i));
});

test('the same request with the same key gets the answer of the first one, also after a restart', async (t) => {
  const store = await readyStore(t);
  const create = (on: ControlStore, key: string, fingerprint?: string, tokenId = 'tok-1') => on.change({ ...ACTOR, tokenId }, 'flow-log.create', createFlowLog(GIVEN, SETTINGS), repeatable(key, fingerprint));
  const [first, second] = await Promise.all([create(store, 'k'), create(store, 'k')]);
  t.deepEqual(second, first);
  const again = await openStore(t, store.directory);
  t.deepEqual(await create(again, 'k'), first);
  t.is(again.state.topology.flowLogs.length, 1);
  await t.throwsAsync(create(again, 'k', 'other'), { message: /the Idempotency-Key was used for another request before; use a new one/ });
  // another key is another request, and so is the key of another token
  await t.throwsAsync(create(again, 'k2'), { message: /has the name "all" already/ });
  await t.throwsAsync(create(again, 'k', 'f', 'tok-2'), { message: /has the name "all" already/ });
  // a refusal is not kept: the next time it may do
  await t.throwsAsync(create(again, 'k2'), { message: /has the name "all" already/ });
  t.is(again.state.answers.length, 1);
});

test('answers are forgotten after a day, and kept for a thousand requests', async (t) => {
  const store = await readyStore(t);
  const old = { key: 'old', tokenId: 'tok-1', fingerprint: 'another', body: null, atMs: Date.now() - 24 * 3600 * 1000 };
  const many = Array.from({ length: 1000 }, (_, i) => ({ ...old, key: `k${i}`, atMs: Date.now() }));
  await store.close();
  writeFileSync(store.path, stateText({ ...store.state, answers: [old, ...many] }));
  const again = await openStore(t, store.directory);
  await again.change(ACTOR, 'flow-log.create', createFlowLog(GIVEN, SETTINGS), repeatable('old'));
  t.deepEqual([again.state.answers.length, again.state.answers[0]!.key, again.state.answers.at(-1)!.key], [1000, 'k1', 'old']);
});

test('what throws changes nothing, and the next change is made', async (t) => {
  const store = await readyStore(t);
  const { state } = store;
  await t.throwsAsync(store.change(ACTOR, 'x', () => { throw new Error('no'); }), { message: 'no' });
  await t.throwsAsync(store.change(ACTOR, 'x', async () => Promise.reject(new Error('no'))), { message: 'no' });
  t.is(store.state, state);
  await apply(store, 'vpcs: [{vpc-id: vpc-9}]');
  t.is(store.state.change, state.change + 1);
});

test('a disk that refuses: STORAGE, nothing changed, the entry undone; then it works again', async (t) => {
  const store = await readyStore(t);
  const { state } = store;
  for (const path of [join(store.directory, 'state.json.new'), join(store.directory, 'rule-sets', '00000002.json.new')]) {
    mkdirSync(path);
    await t.throwsAsync(apply(store, INVENTORY.replace('80/80', '81/81')), { code: 'STORAGE', message: /the control state could not be written, so nothing was changed: EISDIR/ });
    t.is(store.state, state);
    t.is(store.audit.read(Infinity, 1).entries[0]!.action, 'undone');
    t.deepEqual(await reopened(t, store), state);
    rmSync(path, { recursive: true });
  }
  await apply(store, INVENTORY.replace('80/80', '81/81'));
  t.like(store.state, { change: state.change + 1, revision: 2 });
  t.is((await store.revisions.history(Infinity, 9)).length, 2);
});

test('a crash between entry and change: the next start says that it was not made', async (t) => {
  const store = await readyStore(t);
  const { state } = store;
  await store.audit.append(ACTOR, 'eni.put', [], state.change + 1);
  await store.close();
  const again = await openStore(t, store.directory);
  t.deepEqual(again.state, state);
  t.like(again.audit.read(Infinity, 1).entries[0], { action: 'undone', undoes: 3, remark: 'entry 3: the collector ended before the change was made' });
  await again.close();
  const third = await openStore(t, store.directory);
  t.is(third.audit.read(Infinity, 9).entries.length, 4);
});

test('a state that was moved away: numbers go on behind those that were used', async (t) => {
  const store = await readyStore(t);
  await apply(store, INVENTORY.replace('80/80', '81/81'));
  await store.close();
  renameSync(store.path, `${store.path}.old`);
  const anew = await openStore(t, store.directory);
  t.like(anew.state, { ...EMPTY_STATE, dates: anew.state.dates, change: 3, revision: 2 });
  await apply(anew, INVENTORY);
  t.is(anew.state.revision, 3);
  t.is(anew.audit.read(Infinity, 1).entries[0]!.action, 'inventory.apply');
  t.deepEqual((await anew.revisions.history(Infinity, 9)).map(({ revision }) => revision), [3, 2, 1]);
  t.deepEqual((await anew.revisions.read(2)).securityGroups, (await store.revisions.read(2)).securityGroups);
});

for (const content of ['', 'null', '[]', '{}', '{"change":1,"revision":1,"topology":{},"dates":{}}', '{"change":1,']) {
  test(`a state file that holds ${JSON.stringify(content)} is told, with the way out`, async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, 'state.json'), content);
    await t.throwsAsync(ControlStore.open(directory), { code: 'CONFIGURATION', message: /state\.json cannot be read: .*; restore it from a backup, or move it away/ });
    t.is(readFileSync(join(directory, 'state.json'), 'utf8'), content);
  });
}

test('a state is read back as it was written, a resource a line', (t) => {
  const directory = temporaryDirectory(t);
  fc.assert(fc.property(topologies(), (topology) => {
    const state = {
      ...EMPTY_STATE, change: 7, revision: 3, topology, coverage: followFlowLogs([], topology.flowLogs, 5), droppedLogStores: ['a'],
      dates: new Map([['eni __proto__', { created: 'c', updated: 'u' }]]), authorizations: [{ accountId: '1', created: 'c', by: 't' }],
    };
    const text = stateText(state);
    writeFileSync(join(directory, 'state.json'), text);
    t.deepEqual(readState(join(directory, 'state.json')), state);
    for (const eni of topology.enis) t.true(text.split('\n').some((line) => line.replace(/,$/, '') === JSON.stringify(eni)));
  }), { numRuns: 60 });
});

test('a difference of two topologies makes the other of one, and keeps what is the same', (t) => {
  // as they are read, and not as they are drawn
  const plain = topologies(4).map((topology) => JSON.parse(JSON.stringify(topology)) as typeof topology);
  fc.assert(fc.property(plain, plain, (a, b) => {
    const delta = JSON.parse(JSON.stringify(topologyDelta(a, b)));
    const c = withDelta(a, delta);
    t.deepEqual(sortedTopology(c), sortedTopology(b));
    t.deepEqual(topologyDelta(c, b).lists, {});
    const same = withDelta(a, topologyDelta(a, structuredClone(a)));
    for (const kind of ['vpcs', 'vswitches', 'enis', 'securityGroups'] as const) t.is(same[kind], a[kind]);
  }), { numRuns: 100 });
});

function sortedTopology(topology: object): unknown {
  return Object.fromEntries(Object.entries(topology).map(([key, value]) => [key, Array.isArray(value) ? value.toSorted((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1)) : value]));
}

test('a large document is read by a process of its own, with the same result and the same refusals', async (t) => {
  const store = await readyStore(t);
  const enis = (address: string): string => Array.from({ length: 1200 }, (_, i) => `  - {eni-id: eni-${i}, vswitch-id: vsw-1, addresses: [${i === 700 ? address : `10.1.${i >> 8}.${i & 255}`}], security-groups: [sg-1]}`).join('\n');
  const text = `enis:\n${enis('10.1.2.188')}\n`;
  t.true(text.length > 64 * 1024);
  await apply(store, text);
  t.deepEqual(store.state.topology.enis.toSorted((a, b) => (a.eniId < b.eniId ? -1 : 1)), parseTopology(text, 'f', { base: store.state.topology, prune: false }).enis.toSorted((a, b) => (a.eniId < b.eniId ? -1 : 1)));
  const before = store.state;
  t.deepEqual(await apply(store, text), []);
  t.deepEqual((await apply(store, `enis:\n${enis('10.2.0.1')}\n`)).map(({ id }) => id), ['eni-700']);
  t.is(store.state.topology.enis[5], before.topology.enis[5]);
  const error = await t.throwsAsync<ConfigurationError>(apply(store, `enis:\n${enis('nowhere')}\n`));
  t.true(error instanceof ConfigurationError);
  t.regex(error!.message, /^f:702: enis\[700\]\.addresses\[0\]: "nowhere" is not an address/);
  t.is(error!.problems.length, 1);
  const job = { text, source: 'f', prune: false, statePath: join(store.directory, 'absent') };
  await t.throwsAsync(topologyWithDocument(before.topology, job), { code: 'STORAGE', message: /the document f could not be read: .*absent cannot be read: ENOENT/ });
});

test('a saved query is checked, changed in its place, and there are not too many', async (t) => {
  const store = await readyStore(t);
  const query = { name: 'n', description: '', logStore: 'flows', query: '*', chart: 'table', dashboard: null } as const;
  const checked: string[] = [];
  const saved = await store.change(ACTOR, 'x', saveQuery(null, query, ({ logStore }) => void checked.push(logStore)));
  t.regex(saved.id, /^sq-/);
  await store.change(ACTOR, 'x', saveQuery(saved.id, { ...query, name: 'm' }, () => {}));
  t.deepEqual(store.state.savedQueries, [{ ...saved, name: 'm' }]);
  t.deepEqual(checked, ['flows']);
  await t.throwsAsync(store.change(ACTOR, 'x', saveQuery('sq-none', query, () => {})), { message: /there is no saved query "sq-none"/ });
  const full = { ...store.state, savedQueries: Array.from({ length: 2000 }, (_, i) => ({ ...saved, id: `sq-${i}` })) };
  t.throws(() => saveQuery(null, query, () => {})(full), { message: /there are 2000 saved queries; delete some/ });
});

test('the inventory, as it is shown, is what it was', async (t) => {
  const store = await readyStore(t);
  const document = JSON.stringify(topologyDocument(store.state.topology));
  t.deepEqual(parseTopology(document, 'f'), store.state.topology);
});
