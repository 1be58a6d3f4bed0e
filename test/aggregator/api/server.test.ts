import { statSync } from 'node:fs';
import test from 'ava';
import fastify from 'fastify';
import { join } from 'node:path';
import { requireTokens, withScope } from '../../../aggregator/api/authorization.ts';
import { Tokens } from '../../../aggregator/control/tokens.ts';
import { startCollector } from '../../../aggregator/main.ts';
import { runCollector, SILENT, temporaryDirectory } from '../collector-fixture.ts';

test('a route without a scope keeps the server from starting', async (t) => {
  const directory = temporaryDirectory(t);
  const app = fastify();
  requireTokens(app, await Tokens.open(directory, join(directory, 'admin-token')), () => {});
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
