import test from 'ava';
import { call, INVENTORY, operate } from './weir-program.ts';

test('shows what changes, a line a resource, and the second time that nothing does', async (t) => {
  const operated = await operate(t);
  const file = operated.file('vpc.yaml', INVENTORY);
  const dry = await operated.weir('apply', '-f', file, '--dry-run');
  t.is(dry.code, 0);
  t.is(dry.stderr, 'weir: dry run, nothing was changed: would be 6 created, 1 changed\n');
  const first = await operated.weir('apply', '-f', file);
  t.is(first.stdout, [
    '~ account 1234567890123456 (account-id - → 1234567890123456; region - → lab-1)', '+ vpc vpc-lab', '+ vswitch vsw-front', '+ prefix-list pl-office',
    '+ security-group sg-front', '+ eni eni-web', '+ eni eni-db', '',
  ].join('\n'));
  t.is(dry.stdout, first.stdout);
  t.is(first.stderr, 'weir: 6 created, 1 changed; rule-set revision 1\n');
  const second = await operated.weirGiven({ input: INVENTORY }, 'apply', '-f', '-');
  t.deepEqual(second, { code: 0, stdout: '', stderr: 'weir: nothing to change; rule-set revision 1\n' });

  const changed = operated.file('changed.yaml', INVENTORY.replace('80/80', '443/443').replace('203.0.113.0/24', '203.0.114.0/24').replace(/ {2}- \{ eni-id: eni-db.*\n/, ''));
  const pruned = await operated.weir('apply', '-f', changed, '--prune', '--json');
  t.is(pruned.stderr, '');
  const answer = JSON.parse(pruned.stdout) as { revision: number; changes: { kind: string; id: string; after: unknown }[] };
  t.is(answer.revision, 2);
  t.deepEqual(answer.changes.map(({ kind, id, after }) => [kind, id, after === null]), [['prefix-list', 'pl-office', false], ['security-group', 'sg-front', false], ['eni', 'eni-db', true]]);
  const [back, inventory] = [await operated.weir('apply', '-f', file), await operated.weir('inventory')];
  t.is(back.stdout, '~ prefix-list pl-office (entries +203.0.113.0/24 -203.0.114.0/24)\n~ security-group sg-front (rule r-http: port-range 443/443 → 80/80)\n+ eni eni-db\n');
  t.is((await operated.weirGiven({ input: inventory.stdout }, 'apply', '-f', '-', '--prune')).stderr, 'weir: nothing to change; rule-set revision 3\n');
  t.deepEqual(JSON.parse((await operated.weir('inventory', '--json')).stdout), await call(operated, 'GET', '/v1/inventory?format=json'));
});

test('tells every mistake with its line, exits with 78, and changes nothing', async (t) => {
  const operated = await operate(t);
  const wrong = operated.file('wrong.yaml', INVENTORY.replace('sg-front]', 'sg-nix]').replace('80/80', '80').replace('vpc-id: vpc-lab, cidr:', 'vpc-id: vpc-lap, cidr:'));
  const refused = await operated.weir('apply', '-f', wrong);
  t.is(refused.code, 78);
  t.is(refused.stdout, '');
  t.is(refused.stderr, [
    `weir: ${wrong}:6: vswitches[0].vpc-id: there is no vpc "vpc-lap"; did you mean vpc-lab?`,
    `${wrong}:12: security-groups[0].rules[0].port-range: "80" is not a port range such as 22/22 or 8000/8999 (first/last, 0 to 65535), or -1/-1 where ports do not apply`,
    `${wrong}:15: enis[0].security-groups: there is no security-group "sg-nix"; define it in this document`, '',
  ].join('\n'));
  const many = operated.file('many.yaml', `enis:\n${'  - { eni-id: "a b" }\n'.repeat(2000)}`);
  const [hopeless, noYaml, absent, empty] = await Promise.all([
    operated.weir('apply', '-f', many), operated.weir('apply', '-f', operated.file('no.yaml', '{ not: [yaml')), operated.weir('apply', '-f', '/nowhere/vpc.yaml'),
    operated.weirGiven({ input: '' }, 'apply', '-f', '-'),
  ]);
  t.is(hopeless.code, 78);
  t.regex(hopeless.stderr, /many\.yaml:2: enis\[0\]\.eni-id: "a b" is not an id[^]*\nand 980 more\n$/);
  t.is(noYaml.code, 78);
  t.regex(noYaml.stderr, /no\.yaml:1: is not valid YAML/);
  t.is(absent.code, 78);
  t.regex(absent.stderr, /the inventory \/nowhere\/vpc\.yaml cannot be read/);
  t.is(empty.code, 78);
  t.deepEqual((await call<{ vpcs: unknown[] }>(operated, 'GET', '/v1/vpcs')).vpcs, []);
});

test('who may not, what is still in use, and flags that are wrong', async (t) => {
  const operated = await operate(t);
  await call(operated, 'PUT', '/v1/inventory', INVENTORY);
  const { token } = await call<{ token: string }>(operated, 'POST', '/v1/tokens', { scope: 'query' });
  const file = operated.file('vpc.yaml', INVENTORY);
  const [query, none, used, flowLog, flag] = await Promise.all([
    operated.weirGiven({ environment: { WEIR_TOKEN: token, WEIR_TOKEN_FILE: '' } }, 'apply', '-f', file),
    operated.weirGiven({ environment: { WEIR_TOKEN_FILE: '' } }, 'apply', '-f', file),
    operated.weirGiven({ input: 'vswitches: []\n' }, 'apply', '-f', '-', '--prune'),
    operated.weirGiven({ input: 'logstores: [{ name: all }]\nflow-logs: [{ flow-log-id: fl-1, resource-type: VPC, resource-id: vpc-lab, traffic-type: All, logstore: all }]\n' }, 'apply', '-f', '-'),
    operated.weir('apply', '-f', file, '--dryrun'),
  ]);
  t.is(query.code, 77);
  t.regex(query.stderr, /needs a token with the scope admin; yours has the scope query/);
  t.is(none.code, 77);
  t.regex(none.stderr, /no token.*--token-file/);
  t.is(used.code, 78);
  t.regex(used.stderr, /^weir: standard input:1: eni eni-web: vswitch-id: there is no vswitch "vsw-front"/);
  t.is(flowLog.code, 77);
  t.regex(flowLog.stderr, /weir authorize/);
  t.is(flag.code, 2);
});
