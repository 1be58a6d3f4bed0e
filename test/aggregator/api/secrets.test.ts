/** Tokens are in requests, and in one file: not in logs, addresses, answers, arguments, other files, or what a crash leaves. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import test from 'ava';
import winston from 'winston';
import { encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordsOf, sampleRow, sealOf } from '../../shared/wire/wire-samples.ts';
import fc from 'fast-check';
import { client, runCollector, temporaryDirectory } from '../collector-fixture.ts';
import { batchHead, firstAnswer, HostileClient } from '../hostile-client.ts';
import { WEIR_WORDS } from '../commands/weir-program.ts';

const TOKEN = /weir_(?:ingest|query|admin|enrol)_[\w-]{16,}/;
const BATCH = encodeColumnar([recordsOf(fc.sample(sampleRow, { numRuns: 5, seed: 2 }))], [sealOf()], CONTEXT);
const isLinux = process.platform === 'linux';

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

test.serial('no token in any log line or answer, wherever it is put by mistake', async (t) => {
  const lines: string[] = [];
  const stream = new Writable({ write: (chunk, _encoding, done) => { lines.push(String(chunk)); done(); } });
  const log = winston.createLogger({ level: 'silly', format: winston.format.json(), transports: [new winston.transports.Stream({ stream })] });
  const collector = await runCollector(t, { log });
  const { adminToken: token, request } = collector;
  const asJson = { 'content-type': 'application/json' };
  const answers: Response[] = [
    await request(`/v1/logstores/${token}/query`), await request(`/v1/logstores/default/query?query=${token}`), await request(`/v1/nothing/${token}?token=${token}`),
    await request(`/v1/logstores/default/query?${token}=1`), await request('/v1/logstores/default/query', { method: 'POST', headers: asJson, body: `{"query":"eni-id:${token} | SELECT ${token}"}` }),
    await request('/v1/logstores/default/query', { method: 'POST', headers: asJson, body: `{"query":"* | SELECT error('${token}')"}` }),
    await request('/v1/tokens', { method: 'POST', headers: asJson, body: `{"scope":"${token}"}` }), await request('/v1/tokens', { method: 'POST', headers: asJson, body: token }),
    await request(`/v1/tokens/${token}`, { method: 'DELETE' }), await request('/v1/inventory', { method: 'PUT', headers: { 'content-type': 'application/yaml' }, body: `account-id: ${token}\nvpcs: ${token}` }),
    await fetch(`${collector.url}/v1/logstores?token=${token}x`, { headers: { authorization: `Bearer ${token}x` } }),
  ];
  for (const answer of answers) {
    const text = await answer.text();
    t.notRegex(text, TOKEN, answer.url.replace(token, '…'));
    t.true(answer.status >= 400, `${answer.status} ${text}`);
  }
  for (const headers of [{ 'weir-agent-id': token }, { 'weir-epoch': token }, { 'weir-logstore': token }, { 'content-type': token }, { 'content-encoding': token }]) {
    const { document } = await collector.send({ body: BATCH, sequence: 1, headers });
    t.notRegex(JSON.stringify(document), TOKEN);
  }
  const hostile = new HostileClient(collector.url);
  t.teardown(() => hostile.close());
  const socket = await hostile.open();
  const answer = firstAnswer(socket);
  socket.write(batchHead(token, { 'Content-Length': token }));
  t.notRegex(await answer, TOKEN);
  await collector.send({ body: BATCH, sequence: 1 });
  await collector.flush();
  await collector.stop();
  t.notRegex(lines.join(''), TOKEN);
});

test.serial('a collector as a user starts it: files for its user alone, no token in arguments, environment of children, or files but one; no core dump', async (t) => {
  const directory = temporaryDirectory(t);
  const data = join(directory, 'data');
  const [program, ...words] = WEIR_WORDS;
  // a shell that would let everybody read, and have core dumps as large as they come
  const child = spawn('/bin/sh', ['-c', `umask 000; ulimit -c unlimited 2>/dev/null; exec "$0" "$@"`, program!, ...words, 'collector', '--data', data, '--listen', '127.0.0.1:0'],
    { env: { PATH: process.env['PATH'], WEIR_TOKEN: 'weir_admin_not-for-children-000000' }, stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  let log = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      const match = /collector on (http:\S+),/.exec(log);
      if (match) resolve(match[1]!);
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${log}`)));
  });
  const token = readFileSync(join(data, 'admin-token'), 'utf8').trim();
  const collector = client(url, token);
  t.is((await collector.send({ body: BATCH, sequence: 1 })).status, 200);
  t.is((await collector.request('/v1/publish', { method: 'POST' })).status, 200);
  t.is((await collector.request('/v1/logstores/default/query?query=*')).status, 200);
  t.is((await collector.request('/v1/tokens', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"scope":"query"}' })).status, 201);
  for (const path of [data, ...filesOf(data)]) t.is(statSync(path).mode & 0o077, 0, path);
  t.true(filesOf(data).some((path) => path.endsWith('.parquet')));
  t.deepEqual(filesOf(data).filter((path) => TOKEN.test(readFileSync(path, 'latin1'))), [join(data, 'admin-token')]);
  if (isLinux) {
    const processes = [child.pid!, ...childrenOf(child.pid!)];
    t.true(processes.length > 2);
    for (const pid of processes) {
      t.notRegex(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), TOKEN);
      t.regex(readFileSync(`/proc/${pid}/limits`, 'utf8'), /^Max core file size\s+0\s/m);
      if (pid !== child.pid) t.notRegex(readFileSync(`/proc/${pid}/environ`, 'latin1'), TOKEN);
    }
  }
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
  t.notRegex(log, TOKEN);
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter((text) => text !== '').map(Number);
}
