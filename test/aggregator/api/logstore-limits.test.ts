import test from 'ava';
import fc from 'fast-check';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordsOf, sampleRow, sealOf } from '../../shared/wire/wire-samples.ts';
import { client, runCollector, type RunningCollector } from '../collector-fixture.ts';

/** None so much like another that one would be proposed for it. */
const STORES = ['archive7', 'web-frontend', 'quarantine'] as const;
const NOWHERE = 'somewhere-else';
const ABSENT = 'x_9';
const JSON_TYPE = { 'content-type': 'application/json' };

/** Routes about one LogStore. */
const ABOUT_ONE: readonly ((name: string) => [path: string, init?: RequestInit])[] = [
  (name) => [`/v1/logstores/${name}`],
  (name) => [`/v1/logstores/${name}/query`],
  (name) => [`/v1/logstores/${name}/query`, { method: 'POST', body: '{"query":"* | SELECT count(*)"}', headers: JSON_TYPE }],
  (name) => [`/v1/logstores/${name}/histogram?buckets=2`],
  (name) => [`/v1/logstores/${name}/histogram`, { method: 'POST', body: '{"buckets":2}', headers: JSON_TYPE }],
];
const COMPLETENESS = (name: string): [string] => [`/v1/completeness?logstore=${name}`];

/** Three LogStores with data, a flow log and a saved query each. */
async function fill(collector: RunningCollector): Promise<void> {
  const post = async (path: string, body: unknown, method = 'POST') => {
    const response = await collector.request(path, { method, body: JSON.stringify(body), headers: JSON_TYPE });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  };
  await collector.request('/v1/authorization', { method: 'PUT' });
  await post('/v1/inventory', {
    'logstores': STORES.map((name) => ({ name, search: true })),
    'vpcs': [{ 'vpc-id': 'vpc-1' }], 'vswitches': [{ 'vswitch-id': 'vsw-1', 'vpc-id': 'vpc-1' }],
    'enis': [{ 'eni-id': 'eni-x', 'vswitch-id': 'vsw-1' }],
  }, 'PUT');
  const body = encodeColumnar([recordsOf(fc.sample(sampleRow, { numRuns: 5, seed: 7 }))], CONTEXT.enis.map(({ eniId }) => sealOf({ eniId })), CONTEXT);
  for (const [i, name] of STORES.entries()) {
    await post('/v1/flow-logs', { 'name': `log of ${name}`, 'resource-type': 'VPC', 'resource-id': 'vpc-1', 'logstore': name });
    await post('/v1/saved-queries', { name: `query of ${name}`, logstore: name, query: '*' });
    const { status } = await collector.send({ body, sequence: i + 1, headers: { 'weir-logstore': name } });
    if (status !== 200) throw new Error(`batch: ${status}`);
  }
  await collector.flush();
}

test('a query token sees its LogStores and no trace of others, whichever they are', async (t) => {
  t.timeout(300_000);
  const collector = await runCollector(t);
  await fill(collector);
  const lists = collector.routes.filter(({ method, url, scope }) => method === 'GET' && (scope === 'query' || scope === 'public') && !url.includes(':')).map(({ url }) => url);
  t.true(lists.length >= 8);

  await fc.assert(fc.asyncProperty(fc.subarray([...STORES, NOWHERE], { minLength: 1 }), async (own) => {
    const { token } = await collector.json<{ token: string }>('/v1/tokens', { method: 'POST', body: JSON.stringify({ scope: 'query', logstores: own }), headers: JSON_TYPE });
    const { request, json } = client(collector.url, token);
    const hidden = STORES.filter((name) => !own.includes(name));
    const visible = STORES.filter((name) => own.includes(name));

    const { logstores } = await json<{ logstores: { name: string }[] }>('/v1/logstores');
    t.deepEqual(logstores.map(({ name }) => name), visible.toSorted());
    for (const url of lists) {
      const text = await (await request(url)).text();
      for (const name of hidden) t.false(text.includes(name), `${url} tells of ${name}: ${text.slice(0, 300)}`);
    }
    for (const name of [...STORES, NOWHERE]) {
      const isSeen = (visible as readonly string[]).includes(name);
      for (const place of [...ABOUT_ONE, ...(own.includes(NOWHERE) && name === NOWHERE ? [] : [COMPLETENESS])]) {
        const [path, init] = place(name);
        const response = await request(path, init);
        const text = await response.text();
        t.is(response.status, isSeen ? 200 : 404, `${path}: ${text}`);
        for (const other of hidden) if (other !== name) t.false(text.includes(other), `${path} tells of ${other}: ${text.slice(0, 300)}`);
        if (isSeen) continue;
        const [elsewhere, same] = place(ABSENT);
        const absent = await (await request(elsewhere, same)).text();
        t.is(text.replaceAll(name, ABSENT), absent, 'what is hidden and what is not there look the same');
      }
    }
  }), { numRuns: 6 });
});
