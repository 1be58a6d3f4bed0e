import test from 'ava';
import { call, INVENTORY, operate, type Operated } from './weir-program.ts';

/** What an agent does that the collector manages, but for the watching. */
async function enrolAgent(operated: Operated, agentId: string, mac: string): Promise<string> {
  const { token: oneTime } = await call<{ token: string }>(operated, 'POST', '/v1/tokens', { 'scope': 'enrol', 'agent-id': agentId });
  const as = (token: string): Record<string, string> => ({ 'authorization': `Bearer ${token}`, 'weir-agent-id': agentId });
  const { token } = await call<{ token: string }>(operated, 'POST', '/v1/agents/enrol', { 'agent-id': agentId, 'host': `host of ${agentId}`, 'version': '0.1.0' }, as(oneTime));
  const report = {
    'host': `host of ${agentId}`, 'version': '0.1.0', 'started': '2026-01-02T03:04:05.678Z', 'interfaces': [{ name: 'tap0', mac, up: true }, { name: 'lo', mac: null, up: false }],
    'revision': 1, 'assignment': null, 'enis': [{ 'eni-id': 'eni-web', 'state': 'missing', 'reason': 'tap0 is down' }],
  };
  await call(operated, 'POST', '/v1/agents/self/report', report, as(token));
  return token;
}

test('who watches, what of it works, and the end of it', async (t) => {
  const operated = await operate(t);
  t.regex((await operated.weir('agents', 'list')).stderr, /there is no agent yet; weir token create --scope enrol/);
  await call(operated, 'PUT', '/v1/inventory', INVENTORY);
  await call(operated, 'PUT', '/v1/authorization');
  await call(operated, 'POST', '/v1/logstores', { name: 'all' });
  await call(operated, 'POST', '/v1/flow-logs', { 'name': 'web', 'resource-type': 'VPC', 'resource-id': 'vpc-lab', 'logstore': 'all' });
  const token = await enrolAgent(operated, 'host-1', '02:00:00:20:01:10');
  await enrolAgent(operated, 'host-2', '02:00:00:20:01:99');
  const [list, json, shown, flowLog] = await Promise.all([
    operated.weir('agents', 'ls'), operated.objects<Record<string, unknown>>('agents', 'list', '--json'), operated.weir('agents', 'show', 'host-1'), operated.weir('flow-log', 'show', 'web'),
  ]);
  t.regex(list.stdout, /^agent +status +host +version +last seen +revision +up to date +capturing\nhost-1 +Active +host of host-1 +0\.1\.0 +\S+Z +1 +no +0 of 1 ENI\nhost-2 +Active .* 0 of 0 ENIs\n$/);
  t.deepEqual(json.map((agent) => [agent['agent-id'], agent['status']]), [['host-1', 'Active'], ['host-2', 'Active']]);
  t.regex(shown.stdout, /^agent-id +host-1\nhost +host of host-1\n[^]*started +2026-01-02T03:04:05Z\n[^]*\n\neni +recorded +state +because\neni-web +yes +missing +tap0 is down\n\ninterface +mac +state\ntap0 +02:00:00:20:01:10 +up\nlo +- +down\n$/);
  t.regex(flowLog.stdout, /\neni-db +- +no agent +no agent reports [^\n]*\neni-web +host-1 +missing +tap0 is down\n$/);

  t.regex((await operated.weir('agents', 'revoke', 'host-1')).stderr, /^weir: host-1 is revoked/);
  t.is((await operated.collector.request('/v1/agents/self/assignment', { headers: { 'authorization': `Bearer ${token}`, 'weir-agent-id': 'host-1' } })).status, 401);
  t.like((await operated.objects('agents', 'show', 'host-1', '--json'))[0], { 'agent-id': 'host-1', 'status': 'Revoked', 'enis': [] });
  const refusals = await Promise.all([operated.weir('agents', 'revoke', 'host-9'), operated.weir('agents', 'show'), operated.weirGiven({ environment: { WEIR_TOKEN: token, WEIR_TOKEN_FILE: '' } }, 'agents', 'list')]);
  t.deepEqual(refusals.map(({ code }) => code), [1, 2, 77]);
  t.regex(refusals[0]!.stderr, /there is no agent "host-9"; weir agents list/);
});
