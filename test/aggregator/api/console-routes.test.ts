/** How the console's files are served; what is in them is shown by test/browser. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import fastify, { type FastifyInstance } from 'fastify';
import { consoleRoutes } from '../../../aggregator/api/console-routes.ts';
import { temporaryDirectory } from '../collector-fixture.ts';

const SCRIPT = 'console.log(1);'.repeat(100);

function built(t: ExecutionContext): FastifyInstance {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'assets'));
  writeFileSync(join(directory, 'index.html'), '<!doctype html>');
  writeFileSync(join(directory, 'secret.txt'), 'x');
  const script = join(directory, 'assets/index-abc.js');
  writeFileSync(script, SCRIPT);
  writeFileSync(`${script}.br`, brotliCompressSync(SCRIPT));
  writeFileSync(`${script}.gz`, gzipSync(SCRIPT));
  const app = fastify();
  consoleRoutes(app, directory);
  t.teardown(() => app.close());
  return app;
}

test('the page stands under the address of each page, closed to everything that is not its own', async (t) => {
  const app = built(t);
  for (const url of ['/', '/flow-logs', '/flow-logs/fl-1?q=%2F', '/network/security-groups/sg%2F1', '/explorer']) {
    const { statusCode, headers, body } = await app.inject({ url });
    t.is(statusCode, 200, url);
    t.is(body, '<!doctype html>', url);
    t.is(headers['cache-control'], 'no-cache');
    const policy = String(headers['content-security-policy']);
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'"]) t.true(policy.includes(part), part);
    t.notRegex(policy, /unsafe|https?:|\*/);
    t.is(headers['referrer-policy'], 'no-referrer');
  }
});

test('files of the build are sent compressed, and kept by browsers', async (t) => {
  const app = built(t);
  const get = (headers: Record<string, string>, url = '/assets/index-abc.js') => app.inject({ url, headers });
  const plain = await get({});
  t.is(plain.body, SCRIPT);
  t.is(plain.headers['content-encoding'], undefined);
  t.regex(String(plain.headers['content-type']), /^text\/javascript/);
  t.is(plain.headers['cache-control'], 'public, max-age=31536000, immutable');
  t.is(plain.headers['vary'], 'accept-encoding');
  t.is((await get({ 'accept-encoding': 'gzip, deflate, br, zstd' })).headers['content-encoding'], 'br');
  t.is((await get({ 'accept-encoding': 'gzip;q=0.5, br;q=0' })).headers['content-encoding'], 'gzip');
  t.deepEqual((await get({ 'accept-encoding': 'br' })).rawPayload, brotliCompressSync(SCRIPT));
  t.is((await get({ 'accept-encoding': 'br' }, '/')).headers['content-encoding'], undefined);
  t.is((await get({ 'if-none-match': String(plain.headers['etag']) })).statusCode, 304);
});

test('nothing else is served', async (t) => {
  const app = built(t);
  for (const url of ['/secret.txt', '/assets/nothing.js', '/assets/../index.html', '/assets/%2e%2e/secret.txt', '/index.html', '/v1/nothing', '/favicon.ico', '/assets/index-abc.js.br']) {
    t.is((await app.inject({ url })).statusCode, 404, url);
  }
});

test('where it is not built, it says how to build it', async (t) => {
  const app = fastify();
  t.teardown(() => app.close());
  consoleRoutes(app, join(temporaryDirectory(t), 'nothing'));
  const { statusCode, headers, body } = await app.inject({ url: '/' });
  t.is(statusCode, 404);
  t.regex(String(headers['content-type']), /^text\/plain/);
  t.regex(body, /npm run build/);
});
