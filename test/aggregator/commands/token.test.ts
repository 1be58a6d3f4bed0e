import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Authority } from '../certificates.ts';
import { runCollector, temporaryDirectory } from '../collector-fixture.ts';

const WEIR = ['--import=tsx', fileURLToPath(new URL('../../../weir.ts', import.meta.url))];

interface Ended { code: number; stdout: string; stderr: string }

function weir(environment: Record<string, string>, ...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...WEIR, ...words], { env: { PATH: process.env['PATH'], ...environment } }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

test('tokens are made, listed, rotated and revoked', async (t) => {
  const collector = await runCollector(t);
  const token = (...words: string[]) => weir({ WEIR_COLLECTOR: collector.url, WEIR_TOKEN: collector.adminToken }, 'token', ...words);

  const made = await token('create', '--scope', 'query', '--logstore', 'flows', '--logstore', 'web', '--expires', '30d', '--name', 'grafana');
  t.is(made.code, 0);
  t.regex(made.stdout, /^weir_query_\S+\n$/);
  const [id] = /tok-\w+/.exec(made.stderr)!;
  t.regex(made.stderr, /: query, logstores flows, web, expires 20\S+Z; keep it now, it is not shown again\n$/);
  const [other, refused, rotated] = await Promise.all([
    token('create', '--scope', 'ingest', '--agent-id', 'host-1', '--json'),
    weir({ WEIR_COLLECTOR: collector.url, WEIR_TOKEN: made.stdout.trim() }, 'token', 'list'),
    token('rotate', id, '--overlap', '2h'),
  ]);
  const ingest = JSON.parse(other.stdout) as { id: string };
  t.like(ingest, { 'scope': 'ingest', 'agent-id': 'host-1', 'expires': null });
  t.is(refused.code, 77);
  t.regex(rotated.stderr, new RegExp(`takes the place of ${id}: query, logstores flows, web`));

  const listed = await token('list');
  t.regex(listed.stdout, /^id +scope +limits +created +expires +last used +name\n/);
  t.is(listed.stdout.trimEnd().split('\n').length, 5);
  t.regex(listed.stdout, new RegExp(`${id} +query +logstores flows, web +\\S+Z +\\S+Z +- +grafana`));
  t.regex(listed.stdout, /^tok-\w+ +admin +no limits +\S+Z +- +\S+Z +first admin$/m);
  t.regex(listed.stdout, new RegExp(`${ingest.id} +ingest +agent host-1 +\\S+Z +- +-`));

  const [revoked, mistaken, absent] = await Promise.all([token('revoke', ingest.id), token('revoke', collector.adminToken), token('revoke', 'tok-0')]);
  t.true(revoked.stderr.endsWith(`${ingest.id} is revoked\n`));
  t.is(mistaken.code, 2);
  t.false(mistaken.stderr.includes(collector.adminToken.slice(12, 30)));
  t.is(absent.code, 1);
  t.regex(absent.stderr, /there is no token with this id; weir token list shows/);
  const lines = (await token('list', '--json')).stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  t.deepEqual(lines.map(({ scope }) => scope), ['admin', 'query', 'query']);
});

async function startProcess(t: ExecutionContext, ...words: string[]): Promise<{ pid: number; url: string; line(pattern: RegExp): Promise<string> }> {
  const child = spawn(process.execPath, [...WEIR, 'collector', '--listen', '127.0.0.1:0', ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(async () => {
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  const seen: string[] = [];
  const lines = createInterface({ input: child.stderr });
  lines.on('line', (line) => seen.push(line));
  const line = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const at = seen.findIndex((one) => pattern.test(one));
      if (at >= 0) return seen.splice(at, 1)[0]!;
      await once(lines, 'line');
    }
  };
  const url = /https:\/\/127\.0\.0\.1:\d+/.exec(await line(/collector on/))![0];
  return { pid: child.pid!, url, line };
}

test('a collector with TLS and client certificates, and what clients are told who lack something', async (t) => {
  const directory = temporaryDirectory(t);
  const authority = new Authority(directory, 'authority');
  const served = authority.issue('collector');
  const own = authority.issue('client');
  const data = join(directory, 'data');
  const collector = await startProcess(t, '--data', data, '--tls-cert', served.cert, '--tls-key', served.key, '--tls-client-ca', authority.cert);
  const environment = { WEIR_COLLECTOR: collector.url, WEIR_TOKEN_FILE: join(data, 'admin-token') };
  const trusting = { ...environment, WEIR_CA: authority.cert };

  const [byFlags, byVariables, stranger, nameless, clear, halved, unreadable] = await Promise.all([
    weir(environment, 'token', 'list', '--ca', authority.cert, '--client-cert', own.cert, '--client-key', own.key),
    weir({ ...trusting, WEIR_CLIENT_CERT: own.cert, WEIR_CLIENT_KEY: own.key }, 'token', 'list'),
    weir(environment, 'token', 'list'),
    weir(trusting, 'token', 'list'),
    weir({ ...environment, WEIR_COLLECTOR: collector.url.replace('https:', 'http:') }, 'token', 'list'),
    weir(trusting, 'token', 'list', '--client-cert', own.cert),
    weir(environment, 'token', 'list', '--ca', join(directory, 'nowhere')),
  ]);
  t.regex(byFlags.stdout, /first admin/, byFlags.stderr);
  t.regex(byVariables.stdout, /first admin/, byVariables.stderr);
  t.regex(stranger.stderr, /no authority that is known here signed its certificate; --ca or WEIR_CA names one/);
  t.is(stranger.code, 1);
  t.regex(clear.stderr, /it closed the connection; it may speak TLS: is its URL https/);
  t.regex(nameless.stderr, /it closed the connection; it may want a certificate, which --client-cert and --client-key give|it wants a certificate of an authority/);
  t.is(halved.code, 2);
  t.is(unreadable.code, 78);

  const next = authority.issue('next');
  copyFileSync(next.cert, served.cert);
  copyFileSync(next.key, served.key);
  process.kill(collector.pid, 'SIGHUP');
  await collector.line(/SIGHUP: the certificate was read again and is valid until 20/);
  writeFileSync(served.cert, 'nonsense');
  process.kill(collector.pid, 'SIGHUP');
  await collector.line(/SIGHUP: the certificate before stays: --tls-cert .* holds no certificate/);
  t.regex((await weir(environment, 'token', 'list', '--ca', authority.cert, '--client-cert', own.cert, '--client-key', own.key)).stdout, /first admin/);
  t.false(readFileSync(served.cert, 'utf8').includes('BEGIN'));
});

test('a certificate without its key is a wrong command line', async (t) => {
  const { code, stderr } = await weir({}, 'collector', '--data', join(temporaryDirectory(t), 'data'), '--tls-cert', 'x');
  t.is(code, 2);
  t.regex(stderr, /tls-cert -> tls-key/);
});
