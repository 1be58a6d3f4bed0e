import { connect } from 'node:net';
import { Writable } from 'node:stream';
import test from 'ava';
import winston from 'winston';
import { makeToken } from '../../../aggregator/control/token-text.ts';
import { client, runCollector, type RunningCollector } from '../collector-fixture.ts';

/**
 * Every route, and what it answers to whom. `ok`: not refused for the token's sake (the requests are empty, so it may be
 * 400, 404 and the like). Tokens that are malformed, unknown, revoked or expired get what no token gets. `other` is a
 * query token that is limited to another LogStore than the one asked for.
 *
 * Who adds a route adds a line.
 */
const TABLE = `
                                        none ingest query other admin enrol
GET    /healthz                         ok   ok     ok    ok    ok    ok
GET    /readyz                          ok   ok     ok    ok    ok    ok
GET    /v1/openapi.json                 ok   ok     ok    ok    ok    ok
GET    /*                               ok   ok     ok    ok    ok    ok
GET    /v1/session                      ok   ok     ok    ok    ok    ok
POST   /v1/session                      401  403    ok    ok    ok    403
DELETE /v1/session                      401  403    ok    ok    ok    403
GET    /metrics                         401  403    ok    403   ok    403
POST   /v1/batches                      401  ok     403   403   ok    403
GET    /v1/batches                      401  ok     403   403   ok    403
POST   /v1/agents/enrol                 401  403    403   403   403   ok
GET    /v1/agents/self/assignment       401  ok     403   403   ok    403
POST   /v1/agents/self/report           401  ok     403   403   ok    403
GET    /v1/agents                       401  403    403   403   ok    403
GET    /v1/agents/:id                   401  403    403   403   ok    403
POST   /v1/agents/:id/revoke            401  403    403   403   ok    403
GET    /v1/logstores                    401  403    ok    ok    ok    403
GET    /v1/completeness                 401  403    ok    404   ok    403
GET    /v1/logstores/:name/query        401  403    ok    404   ok    403
POST   /v1/logstores/:name/query        401  403    ok    404   ok    403
GET    /v1/logstores/:name/histogram    401  403    ok    404   ok    403
POST   /v1/logstores/:name/histogram    401  403    ok    404   ok    403
GET    /v1/logstores/:name              401  403    ok    404   ok    403
GET    /v1/storage                      401  403    403   403   ok    403
GET    /v1/usage                        401  403    ok    ok    ok    403
POST   /v1/logstores                    401  403    403   403   ok    403
PATCH  /v1/logstores/:name              401  403    403   403   ok    403
DELETE /v1/logstores/:name              401  403    403   403   ok    403
POST   /v1/publish                      401  403    403   403   ok    403
GET    /v1/saved-queries                401  403    ok    ok    ok    403
POST   /v1/saved-queries                401  403    403   403   ok    403
PUT    /v1/saved-queries/:id            401  403    403   403   ok    403
DELETE /v1/saved-queries/:id            401  403    403   403   ok    403
GET    /v1/flow-logs                    401  403    ok    ok    ok    403
GET    /v1/flow-logs/:id                401  403    ok    404   ok    403
GET    /v1/flow-logs/:id/enis           401  403    ok    404   ok    403
POST   /v1/flow-logs                    401  403    403   403   ok    403
PATCH  /v1/flow-logs/:id                401  403    403   403   ok    403
POST   /v1/flow-logs/:id/enable         401  403    403   403   ok    403
POST   /v1/flow-logs/:id/disable        401  403    403   403   ok    403
DELETE /v1/flow-logs/:id                401  403    403   403   ok    403
GET    /v1/authorization                401  403    ok    ok    ok    403
PUT    /v1/authorization                401  403    403   403   ok    403
DELETE /v1/authorization                401  403    403   403   ok    403
GET    /v1/inventory                    401  403    403   403   ok    403
PUT    /v1/inventory                    401  403    403   403   ok    403
GET    /v1/vpcs                         401  403    403   403   ok    403
GET    /v1/vpcs/:id                     401  403    403   403   ok    403
PUT    /v1/vpcs/:id                     401  403    403   403   ok    403
DELETE /v1/vpcs/:id                     401  403    403   403   ok    403
GET    /v1/vswitches                    401  403    403   403   ok    403
GET    /v1/vswitches/:id                401  403    403   403   ok    403
PUT    /v1/vswitches/:id                401  403    403   403   ok    403
DELETE /v1/vswitches/:id                401  403    403   403   ok    403
GET    /v1/prefix-lists                 401  403    403   403   ok    403
GET    /v1/prefix-lists/:id             401  403    403   403   ok    403
PUT    /v1/prefix-lists/:id             401  403    403   403   ok    403
DELETE /v1/prefix-lists/:id             401  403    403   403   ok    403
GET    /v1/security-groups              401  403    403   403   ok    403
GET    /v1/security-groups/:id          401  403    403   403   ok    403
PUT    /v1/security-groups/:id          401  403    403   403   ok    403
DELETE /v1/security-groups/:id          401  403    403   403   ok    403
GET    /v1/enis                         401  403    403   403   ok    403
GET    /v1/enis/:id                     401  403    403   403   ok    403
PUT    /v1/enis/:id                     401  403    403   403   ok    403
DELETE /v1/enis/:id                     401  403    403   403   ok    403
GET    /v1/rule-sets                    401  403    403   403   ok    403
GET    /v1/rule-sets/diff               401  403    403   403   ok    403
GET    /v1/rule-sets/:revision          401  403    403   403   ok    403
GET    /v1/audit                        401  403    403   403   ok    403
POST   /v1/tokens                       401  403    403   403   ok    403
GET    /v1/tokens                       401  403    403   403   ok    403
GET    /v1/tokens/:id                   401  403    403   403   ok    403
POST   /v1/tokens/:id/rotate            401  403    403   403   ok    403
DELETE /v1/tokens/:id                   401  403    403   403   ok    403
`;

/** Without these the requests would be refused for what they lack, before anyone looks at the LogStore. */
const PLACES: Readonly<Record<string, string>> = {
  'GET /v1/completeness': '/v1/completeness?logstore=mine',
  'GET /v1/logstores/:name': '/v1/logstores/mine',
  'GET /v1/logstores/:name/query': '/v1/logstores/mine/query',
  'POST /v1/logstores/:name/query': '/v1/logstores/mine/query',
  'GET /v1/logstores/:name/histogram': '/v1/logstores/mine/histogram',
  'POST /v1/logstores/:name/histogram': '/v1/logstores/mine/histogram',
};
const BAD_TOKENS = ['malformed', 'unknown', 'revoked', 'expired'] as const;
const JSON_TYPE = { 'content-type': 'application/json' };

interface Line { readonly method: string; readonly url: string; readonly expected: ReadonlyMap<string, string> }

function readTable(): Line[] {
  const [head, ...rows] = TABLE.trim().split('\n').map((line) => line.trim().split(/\s+/));
  return rows.map(([method, url, ...cells]) => ({
    method: method!, url: url!, expected: new Map([...cells.map((cell, i) => [head![i]!, cell] as const), ...BAD_TOKENS.map((role) => [role, cells[0]!] as const)]),
  }));
}

async function makeTokens(collector: RunningCollector): Promise<Map<string, string>> {
  const make = async (body: object) => collector.json<{ id: string; token: string }>('/v1/tokens', { method: 'POST', body: JSON.stringify(body), headers: JSON_TYPE });
  const revoked = await make({ scope: 'admin' });
  await collector.request(`/v1/tokens/${revoked.id}`, { method: 'DELETE' });
  return new Map([
    ['none', ''],
    ['malformed', `${makeToken('admin').slice(0, -1)}x`],
    ['unknown', makeToken('admin')],
    ['revoked', revoked.token],
    ['expired', (await make({ scope: 'admin', expires: '1ms' })).token],
    ['ingest', (await make({ 'scope': 'ingest', 'agent-id': 'agent-1' })).token],
    ['query', (await make({ scope: 'query' })).token],
    ['other', (await make({ scope: 'query', logstores: ['other'] })).token],
    ['enrol', (await make({ scope: 'enrol' })).token],
    // the one that changes things goes last
    ['admin', collector.adminToken],
  ]);
}

function capturingLog(lines: string[]): winston.Logger {
  const stream = new Writable({ write: (chunk: Buffer, _encoding, done) => { lines.push(chunk.toString()); done(); } });
  return winston.createLogger({ level: 'silly', format: winston.format.json(), transports: [new winston.transports.Stream({ stream })] });
}

test('every route answers every kind of token as the table says, and no answer or log shows a token', async (t) => {
  t.timeout(300_000);
  const said: string[] = [];
  const collector = await runCollector(t, { log: capturingLog(said) });
  for (const name of ['mine', 'other']) {
    t.is((await collector.request('/v1/logstores', { method: 'POST', body: JSON.stringify({ name }), headers: JSON_TYPE })).status, 201);
  }
  const table = readTable();
  const registered = collector.routes.filter(({ method }) => method !== 'HEAD').map(({ method, url }) => `${method} ${url}`);
  const lines = table.map(({ method, url }) => `${method} ${url}`);
  t.is(new Set(lines).size, lines.length);
  t.deepEqual(registered.filter((route) => !lines.includes(route)), [], 'routes without a line in the table');
  t.deepEqual(lines.filter((line) => !registered.includes(line)), [], 'lines without a route');

  const tokens = await makeTokens(collector);
  for (const [role, token] of tokens) {
    for (const { method, url, expected } of table) {
      const place = PLACES[`${method} ${url}`];
      const body = place !== undefined && method === 'POST' ? { body: '{}' } : {};
      for (const verb of method === 'GET' ? ['GET', 'HEAD'] : [method]) {
        const response = await fetch(collector.url + (place ?? url.replace(/:\w+/, 'nothing')), {
          method: verb, ...body,
          headers: { 'weir-agent-id': 'agent-1', ...('body' in body ? JSON_TYPE : {}), ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
        });
        const text = await response.text();
        said.push(JSON.stringify([...response.headers]), text);
        const label = `${verb} ${url} with ${role}: ${response.status} ${text.slice(0, 200)}`;
        const cell = expected.get(role)!;
        if (cell === 'ok') t.true(response.status < 500 && response.status !== 401 && response.status !== 403, label);
        else t.is(response.status, Number(cell), label);
        if (cell === '401') t.is(response.headers.get('www-authenticate'), 'Bearer', label);
        if (cell === '403' && verb !== 'HEAD') t.regex(text, /needs a token with the scope (ingest|query|admin|enrol)/, label);
      }
    }
  }
  await collector.stop();
  const everything = said.join('\n');
  for (const [role, token] of tokens) {
    if (token !== '') t.false(everything.includes(token.slice(12, 36)), `the ${role} token is told`);
  }
});

test('who has no token is told so before a byte of the body is sent', async (t) => {
  const collector = await runCollector(t);
  const { port } = new URL(collector.url);
  for (const { method, url } of readTable().filter((line) => line.method !== 'GET')) {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8').once('error', reject);
      socket.once('data', (text: string) => {
        socket.destroy();
        resolve(text);
      });
      socket.write(`${method} ${url.replace(/:\w+/, 'x')} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n`);
    });
    t.regex(answer, /^HTTP\/1\.1 401 /, `${method} ${url}`);
  }
});

test('a token in the wrong place is not repeated', async (t) => {
  const said: string[] = [];
  const collector = await runCollector(t, { log: capturingLog(said) });
  const token = makeToken('admin');
  const { request } = client(collector.url, collector.adminToken);
  for (const path of [`/v1/nothing?token=${token}`, `/v1/tokens?cursor=${token}`, `/v1/tokens/${token}`, `/healthz?access_token=${token}`]) {
    for (const method of ['GET', 'DELETE', 'POST']) {
      const response = await request(path, { method });
      const answer = JSON.stringify([...response.headers]) + await response.text();
      t.false(answer.includes(token.slice(12, 36)), `${method} ${path}: ${answer}`);
    }
  }
  const basic = await fetch(`${collector.url}/v1/tokens`, { headers: { authorization: `Basic ${Buffer.from(`admin:${token}`).toString('base64')}` } });
  t.is(basic.status, 401);
  said.push(await basic.text());
  await collector.stop();
  t.false(said.join('\n').includes(token.slice(12, 36)));
});
