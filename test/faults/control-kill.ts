/** A collector that is killed in the midst of changes of its control state: there is the state before or the one after, never another. */
import { isDeepStrictEqual } from 'node:util';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AuditLog } from '../../aggregator/control/audit-log.ts';
import type { ControlState } from '../../aggregator/control/control-state.ts';
import type { Outcome, Work } from '../../aggregator/control/control-store.ts';
import { createFlowLog, deleteFlowLog, updateFlowLog } from '../../aggregator/control/flow-logs.ts';
import { applyDocument, deleteResource, putResource } from '../../aggregator/control/inventory.ts';
import { resourceKind } from '../../aggregator/control/resource-kinds.ts';
import { RuleRevisions } from '../../aggregator/control/rule-revisions.ts';
import { partChanges, ruleSetOf } from '../../aggregator/control/rule-set.ts';
import { readState } from '../../aggregator/control/state-file.ts';
import { EMPTY_TOPOLOGY } from '../../shared/topology/topology.ts';
import { seededRandom } from '../../bench/random.ts';
import { client } from '../aggregator/collector-fixture.ts';

const PROGRAM = fileURLToPath(new URL('../aggregator/faults/collector-process.ts', import.meta.url));
const SETTINGS = { flowLogQuota: 10 };
const ENIS = resourceKind('enis');
/** Changes that are answered before the one that is cut off: one at least. */
const MAX_ANSWERED = 3;
/** The longest that a kill waits after a change was sent, as a part of what those before took. */
const LONGEST_PART = 1.3;
const LONGEST_START_MS = 2500;

export interface ControlKillOutcome {
  kills: number;
  /** The change that was cut off was not made. */
  before: number;
  /** It was, and nobody was told. */
  after: number;
  /** It was answered before the kill. */
  answered: number;
  duringStart: number;
  changes: number;
}

/** The same change, as a request and as what it is to do. */
interface Change {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly work: Work<unknown>;
  /** Of a flow log that is created. */
  readonly key: string | null;
}

interface Running { readonly child: ChildProcess; readonly api: ReturnType<typeof client> }

type Random = () => number;

export async function killDuringChanges(kills: number, seed: number, tell: (text: string) => void = () => {}): Promise<ControlKillOutcome> {
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'weir-control-kill-'));
  const outcome: ControlKillOutcome = { kills: 0, before: 0, after: 0, answered: 0, duringStart: 0, changes: 0 };
  let running: Running | null = null;
  try {
    running = await begin(folder);
    for (let kill = 1; kill <= kills; kill++) {
      running = await killOnce(folder, running, random, kill, outcome);
      if (kill % 20 === 0) tell(`${kill} kills: ${JSON.stringify(outcome)}`);
    }
    return outcome;
  } finally {
    running?.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function begin(folder: string): Promise<Running> {
  const running = await start(folder);
  const { status } = await running.api.request('/v1/authorization', { method: 'PUT' });
  if (status !== 200) throw new Error(`the account's permission: ${status}`);
  return running;
}

/** Some changes that are answered, one that is cut off, a new start, and the same change once more. */
async function killOnce(folder: string, running: Running, random: Random, round: number, outcome: ControlKillOutcome): Promise<Running> {
  let tookMs = 0;
  for (let left = 1 + Math.floor(random() * MAX_ANSWERED); left > 0; left--) {
    const change = drawChange(stateOf(folder), random, `${round}.${left}`);
    const expected = await after(stateOf(folder), change);
    const started = performance.now();
    const { status, text } = await send(running, change);
    tookMs = performance.now() - started;
    if (status >= 300) throw new Error(`${change.name}: ${status} ${text}`);
    mustBe(stateOf(folder), [expected], `${change.name} was answered`);
    outcome.changes++;
  }
  const before = stateOf(folder);
  const change = drawChange(before, random, `${round}`);
  const sent = send(running, change).catch(() => null);
  await sleep(random() * LONGEST_PART * tookMs);
  running.child.kill('SIGKILL');
  const [answer] = await Promise.all([sent, once(running.child, 'exit')]);
  const made = await after(before, change);
  const found = mustBe(stateOf(folder), answer === null ? [comparable(before), made] : [made], `${change.name} was ${answer === null ? 'cut off' : 'answered'}`);
  outcome.kills++;
  if (answer !== null) outcome.answered++;
  else if (found === 0) outcome.before++;
  else outcome.after++;
  if (random() < 0.25) {
    await killDuringStart(folder, random);
    outcome.duringStart++;
  }
  const next = await start(folder);
  mustBe(stateOf(folder), [comparable(before), made], `after ${change.name} and a new start`);
  await checkHistory(folder);
  await repeat(folder, next, change, made);
  return next;
}

/** The same request again: its flow log is there once, and what is made already is made no second time. */
async function repeat(folder: string, running: Running, change: Change, made: Comparable): Promise<void> {
  if (change.key === null && change.method === 'DELETE') return;
  const { status, text } = await send(running, change);
  if (status >= 300) throw new Error(`${change.name} once more: ${status} ${text}`);
  mustBe(stateOf(folder), [made], `${change.name} once more`);
}

/** Revisions and audit log say what has come to be: nothing more, nothing less. */
async function checkHistory(folder: string): Promise<void> {
  const { change, revision, topology } = stateOf(folder);
  const revisions = await RuleRevisions.open(join(folder, 'control', 'rule-sets'), revision, topology);
  if (revision > 0) {
    const { securityGroups, prefixLists, enis } = await revisions.read(revision);
    must(isDeepStrictEqual({ securityGroups, prefixLists, enis }, ruleSetOf(partChanges(EMPTY_TOPOLOGY, topology))), `revision ${revision} holds other rules than the state`);
    must((await revisions.history(Infinity, 10_000)).length === revision, `there are not ${revision} revisions`);
  }
  const audit = await AuditLog.open(join(folder, 'control', 'audit'));
  const { entries } = audit.read(Infinity, 100_000);
  await audit.close();
  const undone = new Set(entries.flatMap(({ undoes }) => undoes ?? []));
  const told = entries.filter(({ change: one, number }) => one !== null && !undone.has(number)).map((entry) => entry.change!);
  must(told.every((one, at) => one === change - at) && told.length === change, `the audit log tells of the changes ${told.slice(0, 5).join(', ')} …, and there were ${change}`);
}

/** What makes a state the same as another that came to be at another time. */
type Comparable = Record<string, unknown>;

function comparable({ change, revision, topology, coverage, authorizations, savedQueries, droppedLogStores, dates }: ControlState): Comparable {
  const names = new Map(topology.flowLogs.map(({ flowLogId, name }) => [flowLogId, name]));
  return {
    change, revision, droppedLogStores, savedQueries: savedQueries.map(({ id }) => id), authorizations: authorizations.map(({ accountId }) => accountId),
    topology: { ...topology, flowLogs: topology.flowLogs.map((flowLog) => ({ ...flowLog, flowLogId: flowLog.name })) },
    open: coverage.filter(({ untilMs }) => untilMs === null).map(({ fromMs: _from, ...span }) => ({ ...span, flowLogId: names.get(span.flowLogId) })),
    ended: coverage.filter(({ untilMs }) => untilMs !== null).length,
    dates: [...dates.keys()].map((key) => key.replace(/^flow-log (.*)$/, (_all, id: string) => `flow-log ${names.get(id)}`)),
  };
}

/** The state that the change makes; its number is the next one, unless nothing changes. */
async function after(before: ControlState, change: Change): Promise<Comparable> {
  const { state, changes }: Outcome<unknown> = await change.work(before, new Date());
  const isNews = changes.length > 0 || change.key !== null;
  const rules = partChanges(before.topology, state.topology).length > 0;
  return comparable({ ...state, change: before.change + (isNews ? 1 : 0), revision: before.revision + (rules ? 1 : 0) });
}

/** Which of the allowed ones it is. */
function mustBe(state: ControlState, allowed: readonly Comparable[], when: string): number {
  const found = comparable(state);
  const at = allowed.findIndex((one) => isDeepStrictEqual(one, found));
  must(at >= 0, `${when}: the state is\n${JSON.stringify(found)}\nand not\n${allowed.map((one) => JSON.stringify(one)).join('\nor\n')}`);
  return at;
}

function must(isSo: boolean, text: string): void {
  if (!isSo) throw new Error(text);
}

function stateOf(folder: string): ControlState {
  return readState(join(folder, 'control', 'state.json'));
}

async function start(folder: string): Promise<Running> {
  const child = spawn(process.execPath, ['--import=tsx', PROGRAM, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the collector did not start: exit code ${code}`))),
  ])) as [string];
  const { url, adminTokenFile } = JSON.parse(line) as { url: string; adminTokenFile: string };
  return { child, api: client(url, readFileSync(adminTokenFile, 'utf8').trim()) };
}

async function killDuringStart(folder: string, random: Random): Promise<void> {
  const child = spawn(process.execPath, ['--import=tsx', PROGRAM, folder], { stdio: 'ignore' });
  await sleep(random() * LONGEST_START_MS);
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function send({ api }: Running, { method, path, body, key }: Change): Promise<{ status: number; text: string }> {
  const response = await api.request(path, {
    method, ...(body === null ? {} : { body: JSON.stringify(body) }),
    headers: { ...(body === null ? {} : { 'content-type': 'application/json' }), ...(key === null ? {} : { 'idempotency-key': key }) },
  });
  return { status: response.status, text: await response.text() };
}

function drawChange(state: ControlState, random: Random, label: string): Change {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const { flowLogs, enis } = state.topology;
  const kind = random();
  if (state.topology.vpcs.length === 0 || kind < 0.35) return applied(random, label, state);
  if (kind < 0.6 && flowLogs.length < SETTINGS.flowLogQuota) return created(random, label);
  if (kind < 0.8 && flowLogs.length > 0) {
    const { flowLogId } = pick(flowLogs);
    const given = pick([{ 'traffic-type': pick(['All', 'Allow', 'Drop']), 'description': label }, { logstore: pick(['a', 'b']), description: label }, { name: `n-${label}`, window: pick(['60s', '600s']) }]);
    return { name: 'update', method: 'PATCH', path: `/v1/flow-logs/${flowLogId}`, body: given, work: updateFlowLog(flowLogId, given, SETTINGS), key: null };
  }
  if (kind < 0.9 && flowLogs.length > 0) {
    const { flowLogId } = pick(flowLogs);
    return { name: 'delete', method: 'DELETE', path: `/v1/flow-logs/${flowLogId}`, body: null, work: deleteFlowLog(flowLogId, SETTINGS), key: null };
  }
  const own = enis.filter(({ eniId }) => eniId.startsWith('eni-own'));
  if (kind < 0.95 && own.length > 0) {
    const { eniId } = pick(own);
    return { name: 'delete ENI', method: 'DELETE', path: `/v1/enis/${eniId}`, body: null, work: deleteResource(ENIS, eniId, SETTINGS), key: null };
  }
  const eniId = `eni-own-${label}`;
  const given = { 'vswitch-id': 'vsw-1', 'addresses': [`10.1.${Math.floor(random() * 250)}.${Math.floor(random() * 250)}`], 'security-groups': ['sg-1'], 'interface': eniId };
  return { name: 'put ENI', method: 'PUT', path: `/v1/enis/${eniId}`, body: given, work: putResource(ENIS, eniId, given, SETTINGS), key: null };
}

/** An inventory of new rules, and as many ENIs as the dice say; those that are left out go. */
function applied(random: Random, label: string, state: ControlState): Change {
  const port = 1 + Math.floor(random() * 60_000);
  const own = state.topology.enis.filter(({ eniId }) => eniId.startsWith('eni-own'));
  const document = {
    'account-id': 'default',
    'vpcs': [{ 'vpc-id': 'vpc-1', 'name': label }],
    'vswitches': [{ 'vswitch-id': 'vsw-1', 'vpc-id': 'vpc-1' }],
    'security-groups': [{
      'security-group-id': 'sg-1',
      'rules': [{ 'rule-id': `r-${label}`, 'direction': 'ingress', 'policy': 'accept', 'protocol': 'tcp', 'port-range': `${port}/${port}`, 'cidr': '0.0.0.0/0' }],
    }],
    'enis': [
      ...own.slice(0, 20).map((eni) => ({ 'eni-id': eni.eniId, 'vswitch-id': 'vsw-1', 'addresses': eni.addresses, 'security-groups': ['sg-1'], 'interface': eni.interface })),
      ...Array.from({ length: Math.floor(random() * 300) }, (_, i) => ({ 'eni-id': `eni-${i}`, 'vswitch-id': 'vsw-1', 'addresses': [`10.0.${i >> 8}.${i & 255}`], 'security-groups': ['sg-1'], 'interface': `tap${i}` })),
    ],
    'logstores': [{ name: 'a' }, { name: 'b' }],
  };
  const work = applyDocument({ text: JSON.stringify(document), source: 'inventory', prune: true, statePath: '' }, SETTINGS);
  return { name: 'apply', method: 'PUT', path: '/v1/inventory?prune=true', body: document, work, key: null };
}

function created(random: Random, label: string): Change {
  const given = { 'name': `n-${label}`, 'resource-type': 'VPC', 'resource-id': 'vpc-1', 'logstore': random() < 0.5 ? 'a' : 'b', 'traffic-type': random() < 0.5 ? 'All' : 'Drop' };
  return { name: 'create', method: 'POST', path: '/v1/flow-logs', body: given, work: createFlowLog(given, SETTINGS), key: `key-${label}` };
}

