import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import test from 'ava';
import fastify from 'fastify';
import { join } from 'node:path';
import { requireTokens, withScope } from '../../../aggregator/api/authorization.ts';
import { collectRoutes } from '../../../aggregator/api/openapi.ts';
import { Sessions } from '../../../aggregator/api/sessions.ts';
import { Tokens } from '../../../aggregator/control/tokens.ts';
import { startCollector } from '../../../aggregator/main.ts';
import { runCollector, SILENT, temporaryDirectory } from '../collector-fixture.ts';

test('a route without a scope keeps the server from starting', async (t) => {
  const directory = temporaryDirectory(t);
  const app = fastify();
  const tokens = await Tokens.open(directory, join(directory, 'admin-token'), { append: async () => {} });
  requireTokens(app, tokens, new Sessions(), collectRoutes(app), () => {});
  withScope(app, 'query', (child) => void child.get('/scoped', async () => 'x'));
  app.get('/open', async () => 'x');
  await t.throwsAsync(async () => app.ready(), { message: /routes without a scope: GET \/open/ });
});

test('health is for everyone, metrics are not', async (t) => {
  const collector = await runCollector(t);
  t.is((await fetch(`${collector.url}/healthz`)).status, 200);
  t.is((await fetch(`${collector.url}/readyz`)).status, 200);
  t.is((await fetch(`${collector.url}/metrics`)).status, 401);
  const text = await (await collector.request('/metrics')).text();
  for (const name of ['weir_batches_total', 'weir_journal_sync_seconds_bucket', 'weir_pending_windows 0', 'weir_refused_tokens_total 1']) t.true(text.includes(name), name);
});

test('what does not exist is a problem document too', async (t) => {
  const collector = await runCollector(t);
  const answer = await collector.request('/v1/nothing');
  t.is(answer.status, 404);
  t.is(answer.headers.get('content-type'), 'application/problem+json');
  t.like(await answer.json(), { status: 404, title: 'Not Found' });
  const wrong = await collector.request('/v1/tokens', { method: 'POST', body: '{"scope":"root"}', headers: { 'content-type': 'application/json' } });
  t.is(wrong.status, 400);
  t.like(await wrong.json(), { detail: 'scope must be one of ingest, query, admin, enrol' });
});

test('a misspelt parameter is told, not passed over', async (t) => {
  const collector = await runCollector(t);
  t.like(await collector.json('/v1/completeness?logstore=default&form=1'), { status: 400, detail: 'there is no parameter "form" here' });
  const query = { method: 'POST', body: '{"query":"*","form":"-1h"}', headers: { 'content-type': 'application/json' } };
  t.like(await collector.json('/v1/logstores/default/query', query), { status: 400, detail: 'there is no parameter "form" here' });
});

test('what no route sees is answered by a problem document too', async (t) => {
  const { url } = await runCollector(t);
  const port = Number(new URL(url).port);
  const answers: [request: string, status: number][] = [
    ['GET /v1/% HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['BREW /v1/batches HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    [`GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(60_000)}\r\n\r\n`, 431],
    ['\x16\x03\x01\x02\x00\x01\x00\x01', 400],
  ];
  for (const [request, status] of answers) {
    const answer = await rawAnswer(port, request);
    t.regex(answer, new RegExp(`^HTTP/1.1 ${status} `), request.slice(0, 40));
    t.regex(answer, /content-type: application\/problem\+json/i);
    t.like(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)), { status });
  }
});

test('what queries write for a moment lies in the data directory', async (t) => {
  const collector = await runCollector(t);
  t.true(readdirSync(join(collector.data, 'tmp')).some((name) => name.startsWith('weir-query-')));
});

test('a data directory has one collector, and is closed to others', async (t) => {
  const collector = await runCollector(t);
  t.is(statSync(collector.data).mode & 0o777, 0o700);
  await t.throwsAsync(startCollector({ data: collector.data, host: '127.0.0.1', port: 0, log: SILENT }), { message: /another collector runs on/ });
  await collector.stop();
  const next = await startCollector({ data: collector.data, host: '127.0.0.1', port: 0, log: SILENT });
  await next.stop();
});

test('a port in use is said, and leaves nothing behind', async (t) => {
  const collector = await runCollector(t);
  const data = join(temporaryDirectory(t), 'data');
  const port = Number(new URL(collector.url).port);
  await t.throwsAsync(startCollector({ data, host: '127.0.0.1', port, log: SILENT }), { message: /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/ });
  const next = await startCollector({ data, host: '127.0.0.1', port: 0, log: SILENT });
  await next.stop();
});

test('a request that never ends does not keep the collector from stopping', async (t) => {
  const collector = await runCollector(t, { stopGraceMs: 200 });
  const socket = connect(Number(new URL(collector.url).port), '127.0.0.1');
  const closed = once(socket, 'close');
  socket.on('error', () => {}).write(`POST /v1/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${collector.adminToken}\r\nweir-agent-id: slow\r\n`
    + 'weir-epoch: 1\r\nweir-sequence: 1\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000\r\n\r\n{');
  await collector.json('/v1/logstores');
  await collector.stop();
  await closed;
  t.pass();
});

async function rawAnswer(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let answer = '';
  socket.on('data', (text: string) => {
    answer += text;
    const bodyAt = answer.indexOf('\r\n\r\n') + 4;
    if (answer.length - bodyAt >= Number(/content-length: (\d+)/i.exec(answer)?.[1])) socket.destroy();
  });
  socket.write(request);
  await once(socket, 'close');
  return answer;
}
