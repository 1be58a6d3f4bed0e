/** An agent and the real collector, over mutual TLS: from the one-time token to the records, and to the end of both. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Authority } from '../../aggregator/certificates.ts';
import { temporaryDirectory } from '../../aggregator/collector-fixture.ts';
import { AgentProcess, HERE, pairOfMachines } from './agent-process.ts';

const URL = 'https://127.0.0.1:8790';
const PATIENCE_MS = 60_000;

/** One ENI on this host; all of its VSwitch is recorded, in windows of a second. */
function inventory(rules: readonly object[]): object {
  return {
    'account-id': 'test', 'vpcs': [{ 'vpc-id': 'vpc-1' }], 'vswitches': [{ 'vswitch-id': 'vsw-1', 'vpc-id': 'vpc-1', 'cidr': '10.9.0.0/24' }],
    'security-groups': [{ 'security-group-id': 'sg-1', rules }],
    'enis': [{ 'eni-id': 'eni-here', 'vswitch-id': 'vsw-1', 'mac': HERE.mac, 'addresses': [HERE.ip], 'security-groups': ['sg-1'] }],
    'logstores': [{ name: 'flows', search: true }],
    'flow-logs': [{ 'flow-log-id': 'fl-1', 'name': 'all', 'resource-type': 'VSwitch', 'resource-id': 'vsw-1', 'traffic-type': 'All', 'logstore': 'flows', 'window': '1s' }],
  };
}

const ACCEPT_PING = { 'rule-id': 'ping', 'direction': 'ingress', 'policy': 'accept', 'protocol': 'icmp', 'port-range': '-1/-1', 'cidr': '0.0.0.0/0', 'priority': 1 };

test('enrolled, assigned, recorded, revoked; neither needs the other to go on', async (t) => {
  const { here, there } = pairOfMachines(t);
  const folder = temporaryDirectory(t);
  const authority = new Authority(folder, 'authority');
  const [server, client] = [authority.issue('collector'), authority.issue('agent')];
  const startCollector = async (): Promise<AgentProcess> => {
    const collector = new AgentProcess(t, [
      'collector', '--data', join(folder, 'data'), '--listen', '127.0.0.1:8790', '--aggregation-delay', '2s',
      '--tls-cert', server.cert, '--tls-key', server.key, '--tls-client-ca', authority.cert,
    ], here);
    await collector.says(/collector on https/);
    return collector;
  };
  const collector = await startCollector();
  const admin = readFileSync(/the admin token is in ([^\s"]+)/.exec(collector.stderr)![1]!, 'utf8').trim();
  const ask = <T>(method: string, path: string, body?: object): T => {
    const words = body === undefined ? [] : ['-H', 'content-type: application/json', '-d', JSON.stringify(body)];
    const text = here.run('curl', '-sS', '--fail-with-body', '--cacert', authority.cert, '--cert', client.cert, '--key', client.key, '-X', method, '-H', `authorization: Bearer ${admin}`, ...words, `${URL}${path}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  };
  /** Packets in the records of a verdict and a revision, as far as they can be queried. */
  const recorded = (action: string, revision: number): number => {
    const { rows } = ask<{ rows: unknown[][] }>('POST', '/v1/logstores/flows/query', {
      query: `log-status:OK and action:${action} and ruleset-rev:${revision} | SELECT coalesce(sum(packets), 0)`, from: '-10m', to: 'now', format: 'json',
    });
    return Number(rows[0]![0]);
  };
  const until = async (holds: () => boolean, what: string): Promise<void> => {
    for (const limit = performance.now() + PATIENCE_MS; !holds(); await sleep(100)) {
      if (performance.now() > limit) throw new Error(`no ${what}; ${JSON.stringify(ask('GET', '/v1/agents'))}`);
    }
  };
  const ping = (): string => there.run('ping', '-q', '-c', '5', '-i', '0.002', HERE.ip);

  writeFileSync(join(folder, 'enrol-token'), ask<{ token: string }>('POST', '/v1/tokens', { 'scope': 'enrol', 'agent-id': 'host-1' }).token);
  const config = join(folder, 'agent.yaml');
  writeFileSync(config, `agent-id: host-1
collector: {url: "${URL}", enrol-token-file: enrol-token, ca: ${authority.cert}, client-cert: ${client.cert}, client-key: ${client.key}}
state-directory: state
`);
  const agent = new AgentProcess(t, ['agent', '--config', config], here);
  await agent.says(/enrolled as host-1/);
  ask('PUT', '/v1/inventory', { 'account-id': 'test' });
  ask('PUT', '/v1/authorization');
  ask('PUT', '/v1/inventory', inventory([ACCEPT_PING]));
  await agent.says(/capturing on eth0 for eni-here/);
  ping();
  await until(() => recorded('ACCEPT', 1) === 10, 'accepted records');

  ask('PUT', '/v1/inventory', inventory([]));
  await agent.says(/revision 2: 1 ENIs/);
  ping();
  await until(() => recorded('REJECT', 2) > 0, 'rejected records of the next revision');

  const before = recorded('REJECT', 2);
  await collector.end('SIGKILL');
  await agent.end('SIGKILL');
  const next = new AgentProcess(t, ['agent', '--config', config], here);
  await next.says(/capturing on eth0 for eni-here/);
  ping();
  const again = await startCollector();
  await until(() => recorded('REJECT', 2) > before, 'records from meanwhile');

  ask('POST', '/v1/agents/host-1/revoke');
  await next.says(/NOTHING IS WATCHED ANY MORE/);
  await next.says(/capture on eth0 has ended/);
  t.is((await next.end()).code, 0);
  t.is((await again.end()).code, 0);
});
