import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { startCollector } from '../../aggregator/main.ts';
import { readTls } from '../../aggregator/tls.ts';
import { Authority } from './certificates.ts';
import { SILENT, runCollector, temporaryDirectory } from './collector-fixture.ts';

const CURL_NO_AUTHORITY = 60;

/** Exit code of curl, and the status of the answer. */
function curl(url: string, ...words: string[]): Promise<{ code: number; status: number }> {
  return new Promise((resolve) => {
    execFile('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '60', ...words, url], (error, stdout) => {
      resolve({ code: error ? Number(error.code) : 0, status: Number(stdout) });
    });
  });
}

function authorityFor(t: ExecutionContext): { directory: string; authority: Authority } {
  const directory = temporaryDirectory(t);
  return { directory, authority: new Authority(directory, 'authority') };
}

test('https: whoever trusts the authority, from TLS 1.2 on', async (t) => {
  const { authority } = authorityFor(t);
  const collector = await runCollector(t, { tls: { ...authority.issue('collector'), clientCa: null } });
  t.regex(collector.url, /^https:/);
  const url = `${collector.url}/healthz`;
  t.deepEqual(await curl(url, '--cacert', authority.cert), { code: 0, status: 200 });
  t.deepEqual(await curl(url, '--cacert', authority.cert, '--tlsv1.2', '--tls-max', '1.2'), { code: 0, status: 200 });
  t.is((await curl(url)).code, CURL_NO_AUTHORITY);
  t.not((await curl(url, '--cacert', authority.cert, '--tlsv1.0', '--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0')).code, 0);
  t.not((await curl(url.replace('https:', 'http:'))).code, 0);
});

test('mutual TLS: a certificate of the right authority, and a token besides', async (t) => {
  const { directory, authority } = authorityFor(t);
  const clients = new Authority(directory, 'clients');
  const collector = await runCollector(t, { tls: { ...authority.issue('collector'), clientCa: clients.cert } });
  const url = `${collector.url}/v1/tokens`;
  const ask = (...words: string[]) => curl(url, '--cacert', authority.cert, ...words);
  const shown = ({ cert, key }: { cert: string; key: string }) => ['--cert', cert, '--key', key];
  const bearer = ['-H', `Authorization: Bearer ${collector.adminToken}`];
  const own = clients.issue('client');
  t.not((await ask(...bearer)).code, 0, 'a token alone is not enough');
  t.not((await ask(...bearer, ...shown(authority.issue('other')))).code, 0, 'nor is a certificate of another authority');
  t.deepEqual(await ask(...shown(own)), { code: 0, status: 401 });
  t.deepEqual(await ask(...shown(own), ...bearer), { code: 0, status: 200 });
});

test('a certificate is replaced while connections stay; one that cannot be used changes nothing', async (t) => {
  const { directory, authority } = authorityFor(t);
  const files = { cert: join(directory, 'used.pem'), key: join(directory, 'used.key') };
  const use = (name: string): string => {
    const issued = authority.issue(name);
    copyFileSync(issued.cert, files.cert);
    copyFileSync(issued.key, files.key);
    return name;
  };
  use('first');
  const collector = await runCollector(t, { tls: { ...files, clientCa: null } });
  const port = Number(new URL(collector.url).port);
  const open = async (): Promise<TLSSocket> => {
    const socket = connect({ port, host: '127.0.0.1', ca: readFileSync(authority.cert) }).setEncoding('utf8');
    t.teardown(() => socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  };
  const subject = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;
  const ask = async (socket: TLSSocket): Promise<string> => {
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    return String(((await once(socket, 'data')) as [string])[0]).slice(0, 15);
  };
  const old = await open();
  t.is(subject(old), 'first');
  t.is(await ask(old), 'HTTP/1.1 200 OK');

  use('second');
  t.true(collector.reloadTls()! > new Date());
  t.is(subject(await open()), 'second');
  t.is(await ask(old), 'HTTP/1.1 200 OK', 'the connection of before goes on');

  for (const [content, message] of [['', /--tls-cert .* holds no certificate in PEM/], [readFileSync(authority.cert), /cannot be used together/]] as const) {
    writeFileSync(files.cert, content);
    t.throws(() => collector.reloadTls(), { message });
    t.is(subject(await open()), 'second');
  }
  t.is(await ask(old), 'HTTP/1.1 200 OK');
});

test('what cannot be used keeps the collector from starting', async (t) => {
  const { directory, authority } = authorityFor(t);
  const { cert, key } = authority.issue('collector');
  const empty = join(directory, 'empty.pem');
  writeFileSync(empty, '');
  for (const [files, message] of [
    [{ cert: empty, key, clientCa: null }, /--tls-cert .*empty\.pem holds no certificate in PEM/],
    [{ cert, key: empty, clientCa: null }, /cannot be used together/],
    [{ cert, key: authority.key, clientCa: null }, /cannot be used together/],
    [{ cert, key, clientCa: empty }, /--tls-client-ca .* holds no certificate/],
    [{ cert, key, clientCa: join(directory, 'nowhere') }, /--tls-client-ca .*nowhere cannot be read: ENOENT/],
  ] as const) {
    t.throws(() => readTls(files), { message, code: 'CONFIGURATION' });
  }
  const data = join(directory, 'data');
  const address = { data, host: '127.0.0.1', port: 0, log: SILENT };
  await t.throwsAsync(startCollector({ ...address, tls: { cert: empty, key, clientCa: null } }), { code: 'CONFIGURATION' });
  await (await startCollector({ ...address, tls: { cert, key, clientCa: null } })).stop();
});
