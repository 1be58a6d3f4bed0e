/** Signing in with a browser: what the cookie is, what it lets in, and what it does not. */
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import test from 'ava';
import { SESSION_LIFETIME_MS, Sessions } from '../../../aggregator/api/sessions.ts';
import { makeToken } from '../../../aggregator/control/token-text.ts';
import { Authority } from '../certificates.ts';
import { runCollector, temporaryDirectory, type RunningCollector } from '../collector-fixture.ts';

interface Answer { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string }

/** With headers that fetch does not let one set. */
function ask({ url }: Pick<RunningCollector, 'url'>, method: string, path: string, headers: Record<string, string> = {}, ca?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = (ca === undefined ? httpRequest : httpsRequest)(url + path, { method, headers, ca }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; }).on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    sent.once('error', reject).end();
  });
}

async function signedIn(collector: RunningCollector, token = collector.adminToken): Promise<string> {
  const { status, headers } = await ask(collector, 'POST', '/v1/session', { authorization: `Bearer ${token}` });
  if (status !== 201) throw new Error(`signing in: ${status}`);
  return headers['set-cookie']![0]!.split(';')[0]!;
}

const OWN = { 'sec-fetch-site': 'same-origin', 'weir-console': '1' };

test('a token is exchanged for a cookie that scripts and other sites do not get, and that holds nothing of it', async (t) => {
  const collector = await runCollector(t);
  const { status, headers, text } = await ask(collector, 'POST', '/v1/session', { authorization: `Bearer ${collector.adminToken}` });
  t.is(status, 201);
  t.regex(headers['set-cookie']![0]!, new RegExp(`^weir-session-${new URL(collector.url).port}=[\\w-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict$`));
  t.like(JSON.parse(text), { session: { scope: 'admin', name: 'first admin', logstores: null } });
  t.false((text + headers['set-cookie']!.join('')).includes(collector.adminToken.slice(12, 36)));
  const cookie = headers['set-cookie']![0]!.split(';')[0]!;
  const logs = await ask(collector, 'GET', '/v1/flow-logs', { cookie });
  t.is(logs.status, 200);
  t.is(logs.headers['cache-control'], 'no-store');
  t.like(JSON.parse((await ask(collector, 'GET', '/v1/session', { cookie })).text), { session: { scope: 'admin' } });
  t.deepEqual(JSON.parse((await ask(collector, 'GET', '/v1/session')).text), { session: null });
});

test('with TLS the cookie never leaves in clear, and no other host of the domain can set it', async (t) => {
  const authority = new Authority(temporaryDirectory(t), 'authority');
  const collector = await runCollector(t, { tls: { ...authority.issue('collector'), clientCa: null } });
  const ca = readFileSync(authority.cert, 'utf8');
  const { headers } = await ask(collector, 'POST', '/v1/session', { authorization: `Bearer ${collector.adminToken}` }, ca);
  t.regex(headers['set-cookie']![0]!, /^__Host-weir-session-\d+=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/);
  t.is((await ask(collector, 'PUT', '/v1/authorization', { cookie: headers['set-cookie']![0]!.split(';')[0]!, 'weir-console': '1', 'origin': collector.url }, ca)).status, 200);
});

test('with a cookie nothing is changed but by the console of the same origin', async (t) => {
  const collector = await runCollector(t);
  const cookie = await signedIn(collector);
  const own = collector.url;
  const authorize = async (headers: Record<string, string>): Promise<number> => (await ask(collector, 'PUT', '/v1/authorization', { cookie, ...headers })).status;
  t.is(await authorize({}), 403);
  t.is(await authorize({ 'weir-console': '1' }), 403);
  t.is(await authorize({ origin: own }), 403);
  t.is(await authorize({ 'sec-fetch-site': 'same-origin' }), 403);
  t.is(await authorize({ ...OWN, 'sec-fetch-site': 'same-site' }), 403);
  t.is(await authorize({ ...OWN, 'sec-fetch-site': 'cross-site' }), 403);
  t.is(await authorize({ ...OWN, 'sec-fetch-site': 'none' }), 403);
  t.is(await authorize({ 'weir-console': '1', 'origin': 'http://evil.example' }), 403);
  t.is(await authorize({ 'weir-console': '1', 'origin': 'null' }), 403);
  t.like(await collector.json('/v1/authorization'), { authorized: false });
  t.is(await authorize({ 'weir-console': '1', 'origin': own }), 200);
  t.is(await authorize(OWN), 200);
  // reading: not for pages of another port on this host; an address that someone types is all right
  for (const [site, status] of [['same-origin', 200], ['none', 200], ['same-site', 403], ['cross-site', 403]] as const) {
    t.is((await ask(collector, 'GET', '/v1/flow-logs', { cookie, 'sec-fetch-site': site })).status, status, site);
  }
});

test('a session may what its token may, for as long as that is valid, and ends by itself', async (t) => {
  const collector = await runCollector(t);
  const make = (body: object) => collector.json<{ id: string; token: string }>('/v1/tokens', { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  const query = await make({ scope: 'query', logstores: ['mine'] });
  const cookie = await signedIn(collector, query.token);
  t.is((await ask(collector, 'GET', '/v1/flow-logs', { cookie })).status, 200);
  t.is((await ask(collector, 'GET', '/v1/enis', { cookie })).status, 403);
  t.is((await ask(collector, 'GET', '/v1/logstores/other', { cookie })).status, 404);
  t.is((await ask(collector, 'PUT', '/v1/authorization', { cookie, ...OWN })).status, 403);
  // a session begins no other one: it would never end
  t.is((await ask(collector, 'POST', '/v1/session', { cookie, ...OWN })).status, 400);
  // a token in the header goes before it
  t.is((await ask(collector, 'GET', '/v1/enis', { cookie, authorization: `Bearer ${collector.adminToken}` })).status, 200);
  t.is((await ask(collector, 'GET', '/v1/flow-logs', { cookie, authorization: `Bearer ${makeToken('admin')}` })).status, 401);
  await collector.request(`/v1/tokens/${query.id}`, { method: 'DELETE' });
  const revoked = await ask(collector, 'GET', '/v1/flow-logs', { cookie });
  t.is(revoked.status, 401);
  t.regex(revoked.text, /revoked/);
  t.deepEqual(JSON.parse((await ask(collector, 'GET', '/v1/session', { cookie })).text), { session: null });

  const admin = await signedIn(collector);
  const out = await ask(collector, 'DELETE', '/v1/session', { cookie: admin, ...OWN });
  t.is(out.status, 204);
  t.regex(out.headers['set-cookie']![0]!, /=; .*Max-Age=0/);
  t.is((await ask(collector, 'GET', '/v1/flow-logs', { cookie: admin })).status, 401);
  // signing in once more ends the session that the browser had
  const first = await signedIn(collector);
  await ask(collector, 'POST', '/v1/session', { authorization: `Bearer ${collector.adminToken}`, cookie: first });
  t.is((await ask(collector, 'GET', '/v1/flow-logs', { cookie: first })).status, 401);
  for (const scope of ['ingest', 'enrol'] as const) {
    const { token } = await make(scope === 'ingest' ? { scope, 'agent-id': 'a' } : { scope });
    t.is((await ask(collector, 'POST', '/v1/session', { authorization: `Bearer ${token}` })).status, 403, scope);
  }
});

test('sessions end after 12 hours, and there are never very many', (t) => {
  let now = 1_000_000;
  const sessions = new Sessions(() => now);
  const first = sessions.open('tok-1');
  now += SESSION_LIFETIME_MS - 1;
  t.is(sessions.find(first.id)?.tokenId, 'tok-1');
  now += 1;
  t.is(sessions.find(first.id), null);
  const kept = Array.from({ length: 1500 }, (_, at) => sessions.open(`tok-${at}`));
  t.is(kept.filter(({ id }) => sessions.find(id)).length, 1000);
  t.is(sessions.find(kept.at(-1)!.id)?.tokenId, 'tok-1499');
  t.is(sessions.find('nobody'), null);
});
