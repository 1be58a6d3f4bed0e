import test from 'ava';
import { call, INVENTORY, operate } from './weir-program.ts';

interface FlowLog { readonly 'flow-log-id': string; readonly 'name': string; readonly 'status': string; readonly 'enis': number }

const ON_VPC = ['--resource-type', 'vpc', '--resource-id', 'vpc-lab'];

test('the life of a flow log', async (t) => {
  const operated = await operate(t);
  await call(operated, 'PUT', '/v1/inventory', INVENTORY);
  await call(operated, 'POST', '/v1/logstores', { name: 'drops' });
  t.deepEqual(await operated.weir('authorize'), { code: 0, stdout: '', stderr: 'weir: flow logs of account 1234567890123456 may write to LogStores\n' });
  const made = await operated.weir('flow-log', 'create', '--name', 'vpc drops', ...ON_VPC, '--traffic-type', 'drop', '--logstore', 'drops', '--window', '1m', '--description', 'what is refused');
  t.is(made.code, 0);
  t.regex(made.stdout, /^fl-[0-9a-f]{16}\n$/);
  t.is(made.stderr, 'weir: vpc drops is Active: Drop of VPC vpc-lab, 2 ENIs, into drops every 60s\n');
  const id = made.stdout.trim();

  const [listed, shown, none] = await Promise.all([operated.weir('flow-log', 'ls', '--status', 'active'), operated.weir('flow-log', 'show', 'vpc drops'), operated.weir('flow-log', 'list', '--logstore', 'others')]);
  t.is(listed.stdout, `id                   name       status  resource     traffic  logstore  window  enis\n${id}  vpc drops  Active  VPC vpc-lab  Drop     drops     60s        2\n`);
  t.is(listed.stderr, 'weir: 1 of 10 flow logs\n');
  t.regex(shown.stdout, new RegExp(`^flow-log-id      ${id}\nname             vpc drops\ndescription      what is refused\nresource-type    VPC\n[^]*\nstatus           Active\n`));
  t.regex(shown.stdout, /\neni +agent +state +because\neni-db +- +no agent +no agent reports an interface with the MAC address 02:00:00:20:01:11\neni-web /);
  t.is(none.stdout, '');

  const [updated, stored] = [await operated.weir('flow-log', 'update', 'vpc drops', '--name', 'refused', '--window', '5m', '--description', ''), await call<FlowLog>(operated, 'GET', `/v1/flow-logs/${id}`)];
  t.is(updated.stderr, `weir: ${id} (refused) is changed\n`);
  t.like(stored, { 'name': 'refused', 'window': '300s', 'description': '', 'traffic-type': 'Drop' });
  t.is((await operated.weir('flow-log', 'disable', 'refused')).stderr, `weir: ${id} (refused) is Inactive\n`);
  t.like((await operated.objects<FlowLog>('flow-log', 'show', id, '--json'))[0], { 'flow-log-id': id, 'status': 'Inactive', 'enis': 2 });
  t.like((await operated.objects<FlowLog>('flow-log', 'enable', id, '--json'))[0], { 'flow-log-id': id, 'status': 'Active' });
  t.is((await operated.weir('flow-log', 'delete', id)).stderr, `weir: ${id} (refused) is deleted; its records stay in drops\n`);
  t.deepEqual(await operated.objects('flow-log', 'list', '--json'), []);
  t.deepEqual(await operated.objects('authorize', '--withdraw', '--json'), [{ 'account-id': '1234567890123456', 'authorized': false, 'created': null, 'by': null }]);
});

test('an analysis report goes on and off with its flag', async (t) => {
  const operated = await operate(t);
  await call(operated, 'PUT', '/v1/inventory', INVENTORY);
  await call(operated, 'PUT', '/v1/authorization');
  await call(operated, 'POST', '/v1/logstores', { name: 'all' });
  const searched = async () => (await call<{ search: boolean }>(operated, 'GET', '/v1/logstores/all')).search;
  const reports = async () => (await call<{ 'saved-queries': unknown[] }>(operated, 'GET', '/v1/saved-queries'))['saved-queries'].length;
  const [{ 'flow-log-id': id, ...made }] = await operated.objects<FlowLog & { window: string }>('flow-log', 'create', '--resource-type', 'ENI', '--resource-id', 'eni-web', '--logstore', 'all', '--analysis-report', '--json') as [FlowLog & { window: string }];
  t.like(made, { 'name': id, 'window': '600s', 'traffic-type': 'All', 'analysis-report': true });
  t.true(await searched());
  t.true(await reports() > 5);
  const second = await operated.weir('flow-log', 'create', ...ON_VPC, '--logstore', 'all', '--analysis-report');
  t.is(second.code, 1);
  t.regex(second.stderr, /LogStore all has its analysis report already/);
  t.is((await operated.weir('flow-log', 'update', id, '--no-analysis-report')).code, 0);
  t.is(await reports(), 0);
});

test('each refusal says what to do, has its exit code, and leaves nothing behind', async (t) => {
  const operated = await operate(t, { flowLogQuota: 1 });
  const create = (...words: string[]) => operated.weir('flow-log', 'create', ...words);
  await call(operated, 'PUT', '/v1/inventory', INVENTORY);
  await call(operated, 'POST', '/v1/logstores', { name: 'all' });
  const unauthorized = await create(...ON_VPC, '--logstore', 'all');
  t.is(unauthorized.code, 77);
  t.regex(unauthorized.stderr, /has not allowed flow logs to write to LogStores; weir authorize /);
  await call(operated, 'PUT', '/v1/authorization');
  await call(operated, 'POST', '/v1/flow-logs', { 'name': 'first', 'resource-type': 'VPC', 'resource-id': 'vpc-lab', 'logstore': 'all' });
  const { id, token } = await call<{ id: string; token: string }>(operated, 'POST', '/v1/tokens', { scope: 'query' });
  const given = { environment: { WEIR_TOKEN: token, WEIR_TOKEN_FILE: '' } };
  const refusals = await Promise.all([
    create(...ON_VPC, '--logstore', 'all'), create(...ON_VPC, '--logstore', 'al'), create('--resource-type', 'ENI', '--resource-id', 'eni-wep', '--logstore', 'all'),
    operated.weir('flow-log', 'update', 'first', '--logstore', 'nowhere'), operated.weir('flow-log', 'disable', 'second'),
    operated.weirGiven(given, 'flow-log', 'disable', 'first'), operated.weirGiven(given, 'flow-log', 'list'),
  ]);
  t.deepEqual(refusals.map(({ code }) => code), [1, 1, 1, 1, 1, 77, 0]);
  t.regex(refusals[0]!.stderr, /there may be 1 flow logs in a region, and there are 1; delete one, or/);
  t.regex(refusals[1]!.stderr, /there is no LogStore "al"; there are all; or create it: weir logstore create/);
  t.is(refusals[2]!.stderr, 'weir: resource-id: there is no eni "eni-wep"; did you mean eni-web?\n');
  t.is(refusals[4]!.stderr, 'weir: there is no flow log "second"; weir flow-log list shows those that there are\n');
  t.regex(refusals[5]!.stderr, /needs a token with the scope admin; yours has the scope query/);
  t.regex(refusals[6]!.stdout, / first +Active /);
  await call(operated, 'DELETE', `/v1/tokens/${id}`);

  const wrong = await Promise.all([
    operated.weirGiven(given, 'flow-log', 'list'),
    create('--resource-type', 'subnet', '--resource-id', 'vsw-front', '--logstore', 'all'), create(...ON_VPC, '--logstore', 'all', '--window', '7m'),
    operated.weir('flow-log', 'update', 'first'), operated.weir('flow-log'),
  ]);
  t.deepEqual(wrong.map(({ code }) => code), [77, 2, 2, 2, 2]);
  t.regex(wrong[1]!.stderr, /Choices: "ENI", "VSwitch", "VPC"/);
  t.regex(wrong[2]!.stderr, /--window is "7m"; 1m, 5m and 10m are possible/);
  t.regex(wrong[4]!.stderr, /name what to do: create, list, show, update, enable, disable or delete/);
  const { 'flow-logs': left } = await call<{ 'flow-logs': FlowLog[] }>(operated, 'GET', '/v1/flow-logs');
  t.deepEqual(left.map(({ name, status }) => [name, status]), [['first', 'Active']]);
});
