import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { parse } from 'yaml';
import { parseAssignment } from '../../../shared/assignment.ts';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordsOf, sampleRow, sealOf } from '../../shared/wire/wire-samples.ts';
import { client, runCollector, type RunningCollector } from '../collector-fixture.ts';
import { INVENTORY } from '../control/control-fixture.ts';

type Document = Record<string, unknown>;
interface Answer { readonly status: number; readonly headers: Headers; readonly document: Document }

type Requester = Pick<RunningCollector, 'request'>;

async function call(to: Requester, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const content = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': typeof body === 'string' ? 'application/yaml' : 'application/json' } };
  const response = await to.request(path, { method, ...content, headers: { ...content.headers, ...headers } });
  const text = await response.text();
  return { status: response.status, headers: response.headers, document: text === '' ? {} : parse(text) as Document };
}

const ON_VPC = { 'name': 'all', 'resource-type': 'VPC', 'resource-id': 'vpc-1', 'logstore': 'flows' };

async function ready(t: ExecutionContext): Promise<RunningCollector> {
  const collector = await runCollector(t);
  await call(collector, 'PUT', '/v1/inventory', INVENTORY);
  await call(collector, 'PUT', '/v1/authorization');
  return collector;
}

function isProblem(t: ExecutionContext, { status, headers, document }: Answer, expected: number, detail: RegExp): void {
  t.is(headers.get('content-type'), 'application/problem+json');
  t.like(document, { status, title: document['title'] });
  t.is(status, expected, String(document['detail']));
  t.regex(String(document['detail']), detail);
}

test('the inventory is applied, shown as it can be applied again, tried dry, pruned, and kept over a restart', async (t) => {
  const collector = await runCollector(t);
  const applied = await call(collector, 'PUT', '/v1/inventory', INVENTORY);
  t.like(applied.document, { 'revision': 1, 'changed': true, 'dry-run': false });
  t.is((applied.document['changes'] as unknown[]).length, 12);
  t.like((await call(collector, 'PUT', '/v1/inventory', INVENTORY)).document, { revision: 1, changed: false, changes: [] });
  const yaml = await (await collector.request('/v1/inventory')).text();
  t.like((await call(collector, 'PUT', '/v1/inventory?prune=true', yaml)).document, { changed: false });
  const json = await collector.request('/v1/inventory?format=json');
  t.is(json.headers.get('weir-revision'), '1');
  t.deepEqual(await json.json(), parse(yaml));
  const smaller = 'enis: [{eni-id: eni-3, vswitch-id: vsw-2, addresses: [10.0.0.3], agent-id: host-1}]';
  const dry = await call(collector, 'PUT', '/v1/inventory?prune=true&dry-run=true', smaller);
  t.like(dry.document, { 'dry-run': true, 'changed': true, 'revision': 1 });
  t.deepEqual((await call(collector, 'PUT', '/v1/inventory?prune=true', smaller)).document['changes'], dry.document['changes']);
  await collector.stop();
  const again = await runCollector(t, { data: collector.data });
  t.deepEqual(((await call(again, 'GET', '/v1/inventory')).document['enis'] as Document[]).map((eni) => eni['eni-id']), ['eni-3']);
});

test('a document with mistakes changes nothing and is told all of them', async (t) => {
  const collector = await ready(t);
  const before = await (await collector.request('/v1/inventory')).text();
  const answer = await call(collector, 'PUT', '/v1/inventory', INVENTORY.replace('80/80', '80/99999').replace('vsw-1, vpc-id: vpc-1', 'vsw-1, vpc-id: vpc-9'), { 'weir-source': 'vpc.yaml' });
  isProblem(t, answer, 422, /^vpc\.yaml:\d+: /);
  t.true((answer.document['errors'] as Document[]).length >= 2);
  isProblem(t, await call(collector, 'PUT', '/v1/inventory', '# nothing'), 422, /must be a mapping/);
  isProblem(t, await call(collector, 'PUT', '/v1/inventory'), 422, /must be a mapping/);
  t.is(await (await collector.request('/v1/inventory')).text(), before);
});

test('a long list is written in parts that make one', async (t) => {
  const collector = await runCollector(t);
  const enis = Array.from({ length: 250 }, (_, i) => ({ 'eni-id': `eni-${i}`, 'addresses': [`10.0.${i}.1`], 'security-groups': [] }));
  await call(collector, 'PUT', '/v1/inventory', { enis });
  t.deepEqual((await call(collector, 'GET', '/v1/inventory')).document, { 'vpcs': [], 'vswitches': [], 'security-groups': [], 'prefix-lists': [], enis, 'flow-logs': [], 'logstores': [] });
});

test('resources one by one: made, changed, listed in pages, deleted', async (t) => {
  const collector = await ready(t);
  const eni = { 'vswitch-id': 'vsw-1', 'addresses': ['10.0.0.9'] };
  const made = await call(collector, 'PUT', '/v1/enis/eni-9', eni);
  t.is(made.status, 201);
  t.like(made.document, { 'eni-id': 'eni-9', 'assigned-to': null, 'recording': null });
  t.regex(String(made.document['unassigned-because']), /could be anywhere/);
  const same = await call(collector, 'PUT', '/v1/enis/eni-9', eni);
  t.deepEqual([same.status, same.document], [200, made.document]);
  t.deepEqual((await call(collector, 'GET', '/v1/enis/eni-9')).document, made.document);
  const first = await call(collector, 'GET', '/v1/enis?limit=3');
  const second = await call(collector, 'GET', `/v1/enis?limit=3&cursor=${String(first.document['next'])}`);
  t.deepEqual([...first.document['enis'] as Document[], ...second.document['enis'] as Document[]].map((one) => one['eni-id']), ['eni-1', 'eni-2', 'eni-3', 'eni-9']);
  t.is(second.document['next'], null);
  t.is((await call(collector, 'DELETE', '/v1/enis/eni-9')).status, 204);
  isProblem(t, await call(collector, 'GET', '/v1/enis/eni-9'), 404, /there is no eni "eni-9"/);
  isProblem(t, await call(collector, 'DELETE', '/v1/enis/eni-9'), 404, /there is no eni "eni-9"/);
  isProblem(t, await call(collector, 'DELETE', '/v1/vpcs/vpc-1'), 409, /still referred to by vswitch vsw-1/);
  isProblem(t, await call(collector, 'PUT', '/v1/enis/eni-9', { vswitch: 'vsw-1' }), 400, /there is no parameter "vswitch" here/);
  isProblem(t, await call(collector, 'PUT', '/v1/enis/eni-9', { 'vswitch-id': 'vsw-9' }), 422, /^vswitch-id: there is no vswitch "vsw-9"/);
  isProblem(t, await call(collector, 'PUT', '/v1/enis/a%20b', {}), 422, /^eni-id: "a b" is not an id/);
  for (const id of ['__proto__', 'constructor', 'toString']) {
    isProblem(t, await call(collector, 'GET', `/v1/enis/${id}`), 404, /there is no eni/);
    t.is((await call(collector, 'PUT', `/v1/enis/${id}`, { addresses: [`10.1.0.${id.length}`] })).status, 201);
    t.is((await call(collector, 'PUT', `/v1/security-groups/${id}`, {})).status, 201);
    t.is((await call(collector, 'PUT', `/v1/enis/${id}`, { 'addresses': [`10.1.0.${id.length}`], 'security-groups': [id] })).status, 200);
    t.regex(String((await call(collector, 'GET', `/v1/enis/${id}`)).document['created']), /^20\d\d-/);
  }
  t.deepEqual(((await call(collector, 'GET', '/v1/rule-sets/diff?from=1&to=7')).document['changes'] as Document[]).map(({ kind, id }) => [kind, id]), [
    ['security-group', '__proto__'], ['security-group', 'constructor'], ['security-group', 'toString'], ['eni', '__proto__'], ['eni', 'constructor'], ['eni', 'toString'],
  ]);
});

test('flow logs: each refusal its status and what to do; a request that comes again makes one', async (t) => {
  const collector = await runCollector(t);
  await call(collector, 'PUT', '/v1/inventory', INVENTORY);
  const create = (given: Document, headers: Record<string, string> = {}) => call(collector, 'POST', '/v1/flow-logs', { ...ON_VPC, ...given }, headers);
  isProblem(t, await create({}), 403, /weir authorize/);
  t.like((await call(collector, 'PUT', '/v1/authorization')).document, { authorized: true });
  const key = { 'idempotency-key': 'k-1' };
  const [first, second] = [await create({}, key), await create({}, key)];
  t.is(first.status, 201);
  t.deepEqual([second.status, second.document], [201, first.document]);
  const id = String(first.document['flow-log-id']);
  t.is(second.headers.get('location'), `/v1/flow-logs/${id}`);
  isProblem(t, await create({ name: 'b' }, key), 422, /Idempotency-Key was used for another request/);
  isProblem(t, await create({}, { 'idempotency-key': 'a b' }), 400, /Idempotency-Key must be 1 to 128/);
  isProblem(t, await create({}), 409, /has the name "all" already/);
  isProblem(t, await create({ 'name': 'b', 'resource-type': 'ENI', 'resource-id': 'eni-x' }), 422, /^resource-id: there is no eni "eni-x"/);
  isProblem(t, await create({ name: 'b', logstore: 'nowhere' }), 422, /create it: weir logstore create/);
  isProblem(t, await create({ name: 'b', status: 'Active' }), 400, /there is no parameter "status" here/);
  for (let i = 2; i <= 10; i++) t.is((await create({ name: `n${i}` })).status, 201);
  isProblem(t, await create({ name: 'n11' }), 409, /there may be 10 flow logs/);
  const listed = await call(collector, 'GET', '/v1/flow-logs');
  t.like(listed.document, { quota: 10, used: 10 });
  t.is((listed.document['flow-logs'] as unknown[]).length, 10);
  t.like((await call(collector, 'POST', `/v1/flow-logs/${id}/disable`)).document, { status: 'Inactive' });
  t.deepEqual(((await call(collector, 'GET', '/v1/flow-logs?status=Inactive')).document['flow-logs'] as Document[]).map((one) => one['flow-log-id']), [id]);
  t.like((await call(collector, 'POST', `/v1/flow-logs/${id}/enable`)).document, { status: 'Active' });
  t.like((await call(collector, 'PATCH', `/v1/flow-logs/${id}`, { 'traffic-type': 'Drop' })).document, { 'traffic-type': 'Drop', 'name': 'all' });
  isProblem(t, await call(collector, 'PATCH', `/v1/flow-logs/${id}`, {}), 400, /./);
  t.is((await call(collector, 'DELETE', `/v1/flow-logs/${id}`)).status, 204);
  isProblem(t, await call(collector, 'DELETE', `/v1/flow-logs/${id}`), 404, /there is no flow log/);
  t.is((await call(collector, 'DELETE', '/v1/authorization')).status, 204);
  const audit = await call(collector, 'GET', '/v1/audit?limit=4');
  t.deepEqual((audit.document['entries'] as Document[]).map(({ action }) => action), ['authorization.withdraw', 'flow-log.delete', 'flow-log.update', 'flow-log.enable']);
  const older = await call(collector, 'GET', `/v1/audit?limit=1000&cursor=${String(audit.document['next'])}`);
  t.is(older.document['next'], null);
  t.like((older.document['entries'] as Document[])[0], { 'action': 'flow-log.disable', 'token-name': 'first admin' });
  isProblem(t, await call(collector, 'GET', '/v1/audit?cursor=x'), 400, /the cursor "x" is none/);
});

test('revisions of the rules: told newest first, in pages, with what became different', async (t) => {
  const collector = await ready(t);
  await call(collector, 'PUT', '/v1/inventory', INVENTORY.replace('80/80', '81/81'));
  await call(collector, 'PUT', '/v1/inventory', INVENTORY.replace('80/80', '82/82'));
  const first = await call(collector, 'GET', '/v1/rule-sets?limit=2');
  t.deepEqual([(first.document['rule-sets'] as Document[]).map(({ revision, rules, members }) => [revision, rules, members]), first.document['next']], [[[3, 2, 2], [2, 2, 2]], '2']);
  t.like((await call(collector, 'GET', '/v1/rule-sets?cursor=2')).document, { 'rule-sets': [{ 'revision': 1, 'security-groups': 1, 'prefix-lists': 1 }], 'next': null });
  const diff = await call(collector, 'GET', '/v1/rule-sets/diff?from=1&to=3');
  t.like(diff.document, { changes: [{ kind: 'rule', id: 'sg-1', item: 'r-1', before: { 'port-range': '80/80' }, after: { 'port-range': '82/82' } }] });
  t.like((await call(collector, 'GET', '/v1/rule-sets/1')).document, { revision: 1, enis: [{ 'eni-id': 'eni-1', 'security-groups': ['sg-1'] }, { 'eni-id': 'eni-2' }] });
  isProblem(t, await call(collector, 'GET', '/v1/rule-sets/4'), 404, /there is no revision 4 of the rules; there are 1 to 3/);
  isProblem(t, await call(collector, 'GET', '/v1/rule-sets/diff?from=1&to=9'), 404, /there is no revision 9/);
  isProblem(t, await call(collector, 'GET', '/v1/rule-sets/0'), 400, /must be >= 1/);
});

test('an agent enrols, follows its assignment, reports, and is revoked', async (t) => {
  const collector = await ready(t);
  const { token: oneTime } = (await call(collector, 'POST', '/v1/tokens', { scope: 'enrol' })).document as { token: string };
  const enrolled = await call(client(collector.url, oneTime), 'POST', '/v1/agents/enrol', { 'agent-id': 'host-1', 'host': 'h', 'version': '1' });
  t.is(enrolled.status, 201);
  const { token: stranger } = (await call(collector, 'POST', '/v1/tokens', { scope: 'enrol' })).document as { token: string };
  isProblem(t, await call(client(collector.url, stranger), 'POST', '/v1/agents/enrol', { 'agent-id': 'host-1', 'host': 'x', 'version': '1' }), 409, /there is an agent host-1 with a token of its own/);
  const agent = client(collector.url, String(enrolled.document['token']));
  const self = { 'weir-agent-id': 'host-1' };
  const ask = (headers: Record<string, string> = {}, wait = 0) => agent.request(`/v1/agents/self/assignment?wait=${wait}`, { headers: { ...self, ...headers } });
  const first = await ask();
  const etag = first.headers.get('etag')!;
  t.is(parseAssignment(await first.text(), 'test').watch.size, 0);
  t.is((await ask({ 'if-none-match': etag })).status, 304);
  t.is((await ask({ 'if-none-match': `W/${etag}` })).status, 304);
  const waiting = ask({ 'if-none-match': etag }, 50);
  const report = { host: 'h', version: '1', started: '2026-01-01T00:00:00Z', interfaces: [{ name: 'tap7', mac: '02-00-00-00-00-0A', up: true }], revision: 0, assignment: etag, enis: [] };
  t.is((await call(agent, 'POST', '/v1/agents/self/report', report, self)).status, 204);
  t.like((await call(collector, 'GET', '/v1/agents/host-1')).document, { 'status': 'Active', 'up-to-date': true, 'interfaces': [{ mac: '02:00:00:00:00:0a' }] });
  await call(collector, 'POST', '/v1/flow-logs', { ...ON_VPC, 'traffic-type': 'Drop' });
  const second = await waiting;
  t.is(second.status, 200);
  const assignment = parseAssignment(await second.text(), 'test');
  t.deepEqual([[...assignment.watch], assignment.revision], [[['eni-1', 'Drop']], 1]);
  t.like((await call(collector, 'GET', '/v1/enis/eni-1')).document, { 'assigned-to': 'host-1', 'recording': { 'traffic-type': 'Drop', 'window': '600s' } });
  t.like((await call(collector, 'GET', '/v1/agents')).document, { agents: [{ 'agent-id': 'host-1', 'up-to-date': false, 'enis': [{ 'eni-id': 'eni-1', 'recorded': true }, { 'eni-id': 'eni-3', 'recorded': false }] }], next: null });

  isProblem(t, await call(agent, 'GET', '/v1/agents/self/assignment'), 400, /header weir-agent-id must name the agent/);
  isProblem(t, await call(agent, 'GET', '/v1/agents/self/assignment', undefined, { 'weir-agent-id': '!roll' }), 400, /header weir-agent-id must name the agent/);
  isProblem(t, await call(agent, 'GET', '/v1/agents/self/assignment', undefined, { 'weir-agent-id': 'host-2' }), 403, /the token belongs to the agent host-1/);
  isProblem(t, await call(collector, 'POST', '/v1/agents/host-9/revoke'), 404, /there is no agent "host-9"/);
  const left = ask({ 'if-none-match': second.headers.get('etag')! }, 50);
  t.like((await call(collector, 'POST', '/v1/agents/host-1/revoke')).document, { 'status': 'Revoked', 'tokens-revoked': 1 });
  t.is((await left).status, 401);
  t.is((await ask()).status, 401);
  t.like((await call(collector, 'GET', '/v1/enis/eni-1')).document, { 'assigned-to': null });
  // once more is no other
  const entries = (await call(collector, 'GET', '/v1/audit')).document['entries'] as Document[];
  t.is((await call(collector, 'POST', '/v1/agents/host-1/revoke')).status, 200);
  t.is(((await call(collector, 'GET', '/v1/audit')).document['entries'] as Document[]).length, entries.length);
  // an admin token speaks for agents, but not for one that was revoked
  isProblem(t, await call(collector, 'POST', '/v1/agents/self/report', report, self), 401, /the agent host-1 was revoked/);
});

test('a token for all agents speaks for none that was revoked, until one is made for that agent', async (t) => {
  const collector = await ready(t);
  const token = async (body: object): Promise<ReturnType<typeof client>> => client(collector.url, String((await call(collector, 'POST', '/v1/tokens', body)).document['token']));
  const anyAgent = await token({ 'scope': 'ingest', 'agent-id': '*' });
  const report = { host: 'h', version: '1', started: '2026-01-01T00:00:00Z', interfaces: [], revision: null, assignment: null, enis: [] };
  const reported = (agent: string): Promise<Answer> => call(anyAgent, 'POST', '/v1/agents/self/report', report, { 'weir-agent-id': agent });
  const sent = (by: ReturnType<typeof client>, agent: string): Promise<Answer> => call(by, 'POST', '/v1/batches', undefined, { 'content-type': 'application/x-ndjson', 'weir-agent-id': agent, 'weir-epoch': '1', 'weir-sequence': '1' });
  t.is((await reported('host-1')).status, 204);
  t.is((await sent(anyAgent, 'host-1')).status, 200);
  t.is((await call(collector, 'POST', '/v1/agents/host-1/revoke')).status, 200);
  const refusal = /the agent host-1 was revoked; to let it in again/;
  for (const by of [anyAgent, collector]) isProblem(t, await sent(by, 'host-1'), 401, refusal);
  isProblem(t, await reported('host-1'), 401, refusal);
  t.is((await sent(anyAgent, 'host-2')).status, 200);

  const own = await token({ 'scope': 'ingest', 'agent-id': 'host-1' });
  t.like((await call(collector, 'GET', '/v1/agents/host-1')).document, { status: 'Active' });
  const [last] = (await call(collector, 'GET', '/v1/audit')).document['entries'] as Document[];
  t.like(last, { action: 'agent.readmit', changes: [{ kind: 'agent', id: 'host-1', before: { status: 'Revoked' }, after: { status: 'Active' } }] });
  for (const by of [own, anyAgent]) t.is((await sent(by, 'host-1')).status, 200);
});

test('LogStores and saved queries: made, changed, deleted with a confirmation', async (t) => {
  const collector = await ready(t);
  const made = await call(collector, 'POST', '/v1/logstores', { 'name': 'mine', 'retention-days': 3 });
  t.deepEqual([made.status, made.headers.get('location')], [201, '/v1/logstores/mine']);
  isProblem(t, await call(collector, 'POST', '/v1/logstores', { name: 'mine' }), 409, /there is a LogStore mine already/);
  t.like((await call(collector, 'PATCH', '/v1/logstores/mine', { search: true })).document, { 'search': true, 'retention-days': 3 });
  const query = { name: 'n', logstore: 'mine', query: '*' };
  const saved = await call(collector, 'POST', '/v1/saved-queries', query);
  t.is(saved.status, 201);
  const path = `/v1/saved-queries/${String(saved.document['id'])}`;
  t.like((await call(collector, 'PUT', path, { ...query, chart: 'pie' })).document, { chart: 'pie' });
  isProblem(t, await call(collector, 'PUT', path, { ...query, logstore: 'nowhere' }), 422, /there is no LogStore "nowhere"/);
  isProblem(t, await call(collector, 'POST', '/v1/saved-queries', { ...query, query: '(' }), 400, /./);
  isProblem(t, await call(collector, 'POST', '/v1/saved-queries', { ...query, query: 'x'.repeat(8193) }), 400, /must NOT have more than 8192 characters/);
  isProblem(t, await call(collector, 'DELETE', '/v1/logstores/mine'), 400, /all records in mine would be deleted: say so with \?confirm=mine/);
  isProblem(t, await call(collector, 'DELETE', '/v1/logstores/mine?confirm=other'), 400, /say so with/);
  t.is((await call(collector, 'DELETE', '/v1/logstores/mine?confirm=mine')).status, 204);
  isProblem(t, await call(collector, 'DELETE', '/v1/logstores/mine?confirm=mine'), 404, /there is no LogStore "mine"/);
  t.deepEqual((await call(collector, 'GET', '/v1/saved-queries')).document['saved-queries'], []);
  isProblem(t, await call(collector, 'DELETE', path), 404, /there is no saved query/);
  t.is((await call(collector, 'POST', '/v1/logstores', { name: 'mine' })).status, 201);
});

test('every query of an analysis report answers on a LogStore with data, and on one without', async (t) => {
  const collector = await ready(t);
  const { eniId } = CONTEXT.enis[0]!;
  await call(collector, 'PUT', '/v1/inventory', INVENTORY.replaceAll('eni-1', eniId));
  await call(collector, 'POST', '/v1/flow-logs', { ...ON_VPC, 'analysis-report': true });
  const { 'saved-queries': queries } = (await call(collector, 'GET', '/v1/saved-queries?logstore=flows')).document as { 'saved-queries': { name: string; query: string; dashboard: string }[] };
  t.deepEqual([...new Set(queries.map(({ dashboard }) => dashboard))], ['overview', 'rejections', 'top talkers']);
  const rowsOf = async (): Promise<number[]> => {
    const counts: number[] = [];
    for (const { name, query } of queries) {
      const answer = await call(collector, 'POST', '/v1/logstores/flows/query', { query });
      t.is(answer.status, 200, `${name}: ${String(answer.document['detail'])}`);
      counts.push((answer.document['rows'] as unknown[]).length);
    }
    return counts;
  };
  await rowsOf();
  const rows = fc.sample(sampleRow, { numRuns: 40, seed: 3 }).map((row) => ({ ...row, packets: 1 + row.packets % 1000, bytes: 100 + row.bytes % 10_000 }));
  const sent = await collector.send({ body: encodeColumnar([recordsOf(rows)], CONTEXT.enis.map((eni) => sealOf({ eniId: eni.eniId })), CONTEXT), sequence: 1, headers: { 'weir-logstore': 'flows' } });
  t.is(sent.status, 200);
  await collector.flush();
  t.true((await rowsOf()).every((count) => count > 0));
});
