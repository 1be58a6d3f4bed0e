import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { AgentRegistry, type AgentReport, type KnownAgent } from '../../../aggregator/control/agent-registry.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

const REPORT: AgentReport = { host: 'h', version: '1', started: '', interfaces: [{ name: 'eth0', mac: null, up: true }], revision: 3, assignment: 'e', enis: [] };

function unexpected(error: Error): void {
  throw error;
}

test('who enrolled or was revoked is known after a crash; what was reported, after a stop', async (t) => {
  const directory = temporaryDirectory(t);
  const kept = () => JSON.parse(readFileSync(join(directory, 'agents.json'), 'utf8')) as KnownAgent[];
  let told = 0;
  const agents = AgentRegistry.open(directory, () => told++, unexpected);
  await Promise.all(['b', '__proto__', 'a'].map((id) => agents.enrol(id)));
  t.deepEqual(kept().map(({ agentId }) => agentId), ['__proto__', 'a', 'b']);
  await agents.setRevoked('b', true);
  t.deepEqual(kept().map(({ isRevoked }) => isRevoked), [false, false, true]);
  t.is(told, 4);
  agents.report('a', REPORT);
  t.is(told, 5);
  // not what decides about ENIs
  agents.report('a', { ...REPORT, revision: 4, interfaces: [{ name: 'eth0', mac: null, up: false }] });
  t.is(told, 5);
  agents.report('new', REPORT);
  t.is(told, 6);
  await agents.close();
  const again = AgentRegistry.open(directory, () => {}, unexpected);
  t.deepEqual(again.list(), agents.list());
  t.is(again.find('a')!.report!.revision, 4);
  t.is(again.find('nobody'), null);
  await again.enrol('b');
  t.false(again.find('b')!.isRevoked);
  t.is(again.find('b')!.created, agents.find('b')!.created);
  await again.close();
});

test('who was not heard of for three months is forgotten at a start, unless it was revoked', async (t) => {
  const directory = temporaryDirectory(t);
  const agent = (agentId: string, days: number, isRevoked = false): KnownAgent => ({ agentId, created: '', isRevoked, report: null, lastSeenMs: Date.now() - days * 24 * 3600 * 1000 });
  writeFileSync(join(directory, 'agents.json'), JSON.stringify([agent('old', 93), agent('away', 91), agent('banned', 93, true)]));
  t.deepEqual(AgentRegistry.open(directory, () => {}, unexpected).list().map(({ agentId }) => agentId), ['away', 'banned']);
});

test('a disk that refuses an enrolment is told to the one who enrols', async (t) => {
  const directory = temporaryDirectory(t);
  const agents = AgentRegistry.open(directory, () => {}, unexpected);
  mkdirSync(join(directory, 'agents.json.new'));
  await t.throwsAsync(agents.enrol('a'), { code: 'STORAGE', message: /agents\.json could not be written: EISDIR/ });
  rmSync(join(directory, 'agents.json.new'), { recursive: true });
  await agents.enrol('a');
  await agents.close();
  t.is(AgentRegistry.open(directory, () => {}, unexpected).list().length, 1);
});

test('a damaged file is told, kept aside, and begun anew', (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'agents.json'), '{}');
  const told: string[] = [];
  t.deepEqual(AgentRegistry.open(directory, () => {}, ({ message }) => void told.push(message)).list(), []);
  t.regex(told.join(), /agents\.json is damaged \(it holds no list\) and is begun anew; the old one is .*agents\.json\.damaged/);
  t.is(readFileSync(join(directory, 'agents.json.damaged'), 'utf8'), '{}');
});
