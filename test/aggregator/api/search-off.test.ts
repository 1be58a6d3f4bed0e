import test from 'ava';
import { runCollector } from '../collector-fixture.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

test('a LogStore is asked once search is on, by itself or by an analysis report', async (t) => {
  const collector = await runCollector(t);
  const send = async (method: string, path: string, body: unknown): Promise<number> =>
    (await collector.request(path, { method, body: JSON.stringify(body), headers: JSON_TYPE })).status;
  t.is(await send('PUT', '/v1/inventory', { vpcs: [{ 'vpc-id': 'vpc-1' }], logstores: [{ name: 'flows' }, { name: 'other' }] }), 200);
  for (const path of ['/v1/logstores/flows/query', '/v1/logstores/flows/histogram']) {
    const refused = await collector.request(path);
    t.is(refused.status, 409);
    t.like(await refused.json(), { type: 'urn:weir:problem:search-off', detail: 'search of the LogStore flows is off; a flow log with an analysis report turns it on, or weir logstore update flows --search on' });
  }
  t.is(await send('PUT', '/v1/authorization', {}), 200);
  t.is(await send('POST', '/v1/flow-logs', { 'name': 'all', 'resource-type': 'VPC', 'resource-id': 'vpc-1', 'logstore': 'flows', 'analysis-report': true }), 201);
  t.is((await collector.request('/v1/logstores/flows/query')).status, 200);
  t.is((await collector.request('/v1/logstores/other/query')).status, 409);
  t.is(await send('PATCH', '/v1/logstores/other', { search: true }), 200);
  t.is((await collector.request('/v1/logstores/other/query')).status, 200);
  t.is((await collector.request('/v1/logstores/none/query')).status, 404);
});
