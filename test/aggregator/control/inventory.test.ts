import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { runCollector } from '../collector-fixture.ts';

const DOCUMENT = (port: string, name = 'web') => `
account-id: "1"
region: r
vpcs: [{vpc-id: vpc-1, name: v, cidrs: [10.0.0.0/8]}]
vswitches: [{vswitch-id: vsw-1, name: s, vpc-id: vpc-1, cidr: 10.0.0.0/24}]
security-groups:
  - security-group-id: sg-1
    name: ${name}
    type: basic
    rules:
      - {rule-id: r1, direction: ingress, policy: accept, protocol: tcp, port-range: ${port}, cidr: 0.0.0.0/0, priority: 1}
enis: [{eni-id: eni-1, vm-id: vm-1, vswitch-id: vsw-1, security-groups: [sg-1]}]
`;

test('applied, read back, kept over a restart; a change of the rules is a new revision', async (t) => {
  const collector = await runCollector(t);
  t.is((await collector.request('/v1/inventory')).status, 404);
  const put = async (body: string) => (await collector.request('/v1/inventory', { method: 'PUT', body })).json() as Promise<Record<string, unknown>>;
  t.like(await put(DOCUMENT('80/80')), { revision: 1, changed: true });
  t.like(await put(DOCUMENT('80/80')), { revision: 1, changed: false });
  t.like(await put(`${DOCUMENT('80/80')}# a remark\n`), { revision: 1, changed: true });
  t.like(await put(DOCUMENT('443/443')), { revision: 2, changed: true });
  await collector.stop();
  const again = await runCollector(t, { data: collector.data });
  const answer = await again.request('/v1/inventory');
  t.is(await answer.text(), DOCUMENT('443/443'));
  t.is(answer.headers.get('weir-revision'), '2');
  t.deepEqual(readdirSync(join(collector.data, 'control', 'rule-sets')), ['00000001.json', '00000002.json']);
});

test('a document with mistakes changes nothing and is told all of them', async (t) => {
  const collector = await runCollector(t);
  await collector.request('/v1/inventory', { method: 'PUT', body: DOCUMENT('80/80') });
  const wrong = DOCUMENT('80/99999').replace('vpc-id: vpc-1, cidr', 'vpc-id: vpc-9, cidr');
  const answer = await collector.request('/v1/inventory', { method: 'PUT', body: wrong, headers: { 'weir-source': 'vpc.yaml' } });
  const problem = (await answer.json()) as { detail: string; errors: { line: number; path: string }[] };
  t.is(answer.status, 422);
  t.true(problem.errors.length >= 2, problem.detail);
  t.regex(problem.detail, /^vpc\.yaml:\d+: /);
  t.is(await (await collector.request('/v1/inventory')).text(), DOCUMENT('80/80'));
});
