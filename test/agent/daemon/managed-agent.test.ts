/** An agent that its collector manages, in a namespace of its own, under real traffic. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { AgentStatus } from '../../../agent/daemon/agent-status.ts';
import type { AssignmentDocument } from '../../../shared/assignment.ts';
import { temporaryDirectory } from '../../aggregator/collector-fixture.ts';
import { ControlServer } from '../assignment/control-server.ts';
import { AgentProcess, HERE, pairOfMachines, type Pair } from './agent-process.ts';

const AGENT = 'host-1';
const METRICS = '127.0.0.1:9790';

interface Site extends Pair {
  readonly server: ControlServer;
  readonly folder: string;
  readonly enrolTokenFile: string;
  start(): AgentProcess;
}

/** A collector on the agent's own loopback, and a configuration that says no more than where it is. */
async function makeSite(t: ExecutionContext): Promise<Site> {
  const pair = pairOfMachines(t);
  const folder = temporaryDirectory(t);
  const server = await pair.here.within(() => ControlServer.start(t));
  const enrolTokenFile = join(folder, 'enrol-token');
  writeFileSync(enrolTokenFile, server.makeOneTimeToken());
  const config = join(folder, 'agent.yaml');
  writeFileSync(config, `agent-id: ${AGENT}\ncollector: {url: "${server.url}", enrol-token-file: enrol-token}\nstate-directory: state\nmetrics: {listen: "${METRICS}"}\n`);
  return { ...pair, server, folder, enrolTokenFile, start: () => new AgentProcess(t, ['agent', '--config', config], pair.here) };
}

/** The ENI of this host in one group. */
function assignmentOf(revision: number, rules: readonly object[], changes: Partial<AssignmentDocument> = {}): AssignmentDocument {
  return {
    'agent-id': AGENT, revision, 'window': 1, 'members': { 'sg-1': [HERE.ip] }, 'watch': { 'eni-here': 'All' },
    'topology': {
      'account-id': 'test', 'region': 'lab', 'security-groups': [{ 'security-group-id': 'sg-1', rules }],
      'enis': [{ 'eni-id': 'eni-here', 'mac': HERE.mac, 'addresses': [HERE.ip], 'security-groups': ['sg-1'] }],
    },
    ...changes,
  };
}

const ACCEPT_PING = { 'rule-id': 'ping', 'direction': 'ingress', 'policy': 'accept', 'protocol': 'icmp', 'port-range': '-1/-1', 'cidr': '0.0.0.0/0', 'priority': 1 };

function statusOf({ here }: Site): AgentStatus {
  return JSON.parse(here.run('curl', '-s', `http://${METRICS}/status`)) as AgentStatus;
}

test.serial('enrols, records what it is assigned, follows each change, and does without the collector', async (t) => {
  const site = await makeSite(t);
  const { server, here, there } = site;
  const agent = site.start();
  await agent.says(/there is no assignment yet/);
  await agent.says(/enrolled as host-1/);
  t.is(agent.stderr.match(/no assignment yet/g)?.length, 1);
  await server.until(() => server.reports.length > 0, 'first report');
  t.like(server.reports[0], { revision: 0, assignment: null, enis: [] });
  t.true(server.reports[0]!.interfaces.some(({ name, mac, up }) => name === HERE.interface && mac === HERE.mac && up));

  const etag = server.assign(assignmentOf(5, [ACCEPT_PING]));
  await agent.says(/capturing on eth0 for eni-here/);
  await server.until(() => server.reports.at(-1)?.enis[0]?.state === 'capturing', 'report of the capture');
  t.like(server.reports.at(-1), { revision: 5, assignment: etag, enis: [{ 'eni-id': 'eni-here', 'state': 'capturing' }] });
  const ping = (): string => there.run('ping', '-q', '-c', '5', '-i', '0.002', HERE.ip);
  ping();
  await server.until(() => server.rows.some(({ action, revision }) => action === 'ACCEPT' && revision === 5), 'accepted rows');
  t.true(server.rows.every(({ eniId, windowSeconds }) => eniId === 'eni-here' && windowSeconds === 1));
  t.true(server.batchHeaders.every((headers) => headers['weir-logstore'] === '-'));
  t.true(server.seals.every(({ accountId, region }) => accountId === 'test' && region === 'lab'));

  // a change of rules, and an ENI that is not here
  server.assign(assignmentOf(6, [], {
    watch: { 'eni-here': 'All', 'eni-lost': 'Drop' },
    topology: { ...assignmentOf(6, []).topology, enis: [
      { 'eni-id': 'eni-here', 'mac': HERE.mac, 'addresses': [HERE.ip], 'security-groups': ['sg-1'] }, { 'eni-id': 'eni-lost', 'interface': 'tap9' }] },
  }));
  await server.until(() => server.reports.at(-1)?.revision === 6, 'report of revision 6');
  t.deepEqual(server.reports.at(-1)!.enis, [
    { 'eni-id': 'eni-here', 'state': 'capturing' }, { 'eni-id': 'eni-lost', 'state': 'missing', 'reason': 'there is no interface tap9' }]);
  ping();
  await server.until(() => server.rows.some(({ action, revision }) => action === 'REJECT' && revision === 6), 'rejected rows');
  t.like(statusOf(site), { revision: 6, windowSeconds: 1, managed: { phase: 'assigned', problem: null } });
  t.regex(here.run(process.execPath, '--import', 'tsx', 'weir.ts', 'top', '--interval', '0.2'), /revision 6, windows of 1 s[^]*managed: assignment [0-9a-f]{8}, last answer \d+ s ago/);
  const metrics = here.run('curl', '-s', `http://${METRICS}/metrics`);
  t.regex(metrics, /^weir_assignment_revision 6$/m);
  t.regex(metrics, /^weir_assignments_total\{result="taken"\} 2$/m);
  t.regex(metrics, /^weir_collector_contact_age_seconds \d/m);

  // nobody answers, and the host starts anew
  await server.stop();
  await agent.end('SIGKILL');
  const next = site.start();
  await next.says(/capturing on eth0 for eni-here/);
  ping();
  await next.says(/ECONNREFUSED.*the last assignment stays in force/);
  t.is(statusOf(site).managed?.phase, 'assigned');
  const shipped = server.rows.length;
  await here.within(() => server.restart());
  await server.until(() => server.rows.slice(shipped).some(({ revision }) => revision === 6), 'rows from meanwhile');
  await server.until(() => server.reports.at(-1)?.revision === 6, 'report of the new process');
  t.is((await next.end()).code, 0);
  t.is(server.count('POST /v1/agents/enrol'), 1);
  t.is(statSync(join(site.folder, 'state')).mode & 0o777, 0o700);
});

test.serial('revoked: nothing is watched, which everybody is told; a new one-time token repairs it', async (t) => {
  const site = await makeSite(t);
  const { server, there } = site;
  server.assign(assignmentOf(1, [ACCEPT_PING]));
  const agent = site.start();
  await agent.says(/capturing on eth0/);
  server.revokeAll();
  await agent.says(/NOTHING IS WATCHED ANY MORE/);
  await agent.says(/capture on eth0 has ended/);
  await agent.until(() => statusOf(site).managed?.phase === 'revoked', 'status');
  t.regex(site.here.run('curl', '-s', `http://${METRICS}/metrics`), /^weir_agent_revoked 1$/m);
  const heard = agent.stderr.length;
  writeFileSync(site.enrolTokenFile, server.makeOneTimeToken());
  agent.child.kill('SIGHUP');
  await agent.says(/enrolled as host-1/, heard);
  await agent.says(/capturing on eth0/, heard);
  const before = server.rows.length;
  there.run('ping', '-q', '-c', '5', '-i', '0.002', HERE.ip);
  await server.until(() => server.rows.length > before, 'rows of the new credential');
  t.is((await agent.end()).code, 0);
});

test.serial('a damaged assignment on disk is left, and --check tells what the collector says', async (t) => {
  const site = await makeSite(t);
  const { server, here, folder } = site;
  const config = join(folder, 'agent.yaml');
  const check = async (): Promise<{ code: number | null; text: string }> => {
    const process = new AgentProcess(t, ['agent', '--config', config, '--check'], here);
    return { code: await process.exited, text: process.stdout + process.stderr };
  };
  const before = await check();
  t.is(before.code, 0, before.text);
  t.regex(before.text, /which manages it\n.*token +none yet: the agent will enrol with .*enrol-token\ncollector +http.* answers\nassignment none yet/s);
  t.is(server.count('POST /v1/agents/enrol'), 0, 'a check does not use the token up');

  server.assign(assignmentOf(3, [ACCEPT_PING]));
  const agent = site.start();
  await agent.says(/capturing on eth0/);
  await agent.end('SIGKILL');
  const after = await check();
  t.is(after.code, 0, after.text);
  t.regex(after.text, /windows of 1 s\nkept +the assignment of revision 3\ntoken +got by enrolment\n.*answers with the assignment of revision 3\neni +eni-here.*\n +where +eth0/);

  const path = join(folder, 'state', 'assignment.json');
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, 100));
  await server.stop();
  const away = await check();
  t.is(away.code, 78, away.text);
  t.regex(away.text, /fault +.*assignment\.json is damaged\nfault +no answer from the collector/);
  const next = site.start();
  await next.says(/the assignment that was kept is left: .*assignment\.json is damaged/);
  await next.says(/ECONNREFUSED.*nothing is watched meanwhile/);
});
