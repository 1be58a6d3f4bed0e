import { execFile, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WEB = 'samples/web/capture.pcapng';
const VLAN = 'samples/vlan/capture.pcap';
const WEB_PACKETS = 129;
const VLAN_PACKETS = 120;

const folder = mkdtempSync(join(tmpdir(), 'weir-command-'));
test.after.always(() => rmSync(folder, { recursive: true }));

interface Ended { code: number; stdout: string; stderr: string }

/** The command as a person starts it. */
function weir(args: string[], input?: string): Promise<Ended> {
  return new Promise((resolve) => {
    const child: ChildProcess = execFile(process.execPath, ['--import=tsx', 'weir.ts', ...args], {
      cwd: ROOT, env: { PATH: process.env['PATH'] }, timeout: 180_000,
    }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }));
    if (input === undefined) child.stdin!.end();
    else createReadStream(join(ROOT, input)).pipe(child.stdin!);
  });
}

function shell(script: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile('/bin/bash', ['--norc', '-c', `weir() { '${process.execPath}' --import=tsx weir.ts "$@"; }\n${script}`], {
      cwd: ROOT, env: { PATH: process.env['PATH'] }, timeout: 180_000,
    }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }));
  });
}

const packetsRead = ({ stderr }: Ended) => Number(/(\d+) packets read/.exec(stderr)?.[1]);

test('every file that is named is read, by position, with -r, and from standard input', async (t) => {
  t.is(packetsRead(await weir(['replay', WEB, VLAN])), WEB_PACKETS + VLAN_PACKETS);
  t.is(packetsRead(await weir(['replay', '-r', WEB, '-r', '-'], VLAN)), WEB_PACKETS + VLAN_PACKETS);
  t.is(packetsRead(await weir(['replay', '-'], VLAN)), VLAN_PACKETS);
});

test('pipes among several files are read once, and whole', async (t) => {
  t.is(packetsRead(await shell(`weir replay <(cat ${WEB}) <(cat ${VLAN})`)), WEB_PACKETS + VLAN_PACKETS);
});

test('of an option given twice, the last counts', async (t) => {
  const { code, stdout } = await weir(['replay', WEB, '-q', '-q', '-c', '50', '-c', '3', '--window', '1s', '--window', '600s', '--format', 'csv', '--format', 'json']);
  t.is(code, 0);
  t.is((JSON.parse(stdout) as { packets: number }).packets, 1);
});

test('a wrong command line is 2, a missing file 1, a bad document 78', async (t) => {
  const code = async (...args: string[]) => (await weir(args)).code;
  t.is(await code('repley', WEB), 2);
  t.is(await code('replay', WEB, '-c', 'many'), 2);
  t.is(await code('replay', join(folder, 'nothing')), 1);
  t.is(await code('replay', WEB, '--topology', join(folder, 'nothing')), 78);
  t.is(await code('collector', '--data', join(ROOT, 'package.json')), 1);
});

test('output that cannot be written is a failure, and is told', async (t) => {
  const full = await shell(`weir replay ${WEB} >/dev/full`);
  t.is(full.code, 1);
  t.regex(full.stderr, /^weir: standard output cannot be written, and is not whole: ENOSPC/);
  const seals = await weir(['replay', WEB, '--seals', '/dev/full']);
  t.is(seals.code, 1);
  t.regex(seals.stderr, /^weir: \/dev\/full cannot be written, and is not whole: ENOSPC/);
  const nowhere = await weir(['replay', WEB, '--seals', join(folder, 'no', 'seals')]);
  t.is(nowhere.code, 1);
  t.regex(nowhere.stderr, /^weir: .*no\/seals cannot be written: ENOENT/);
  t.is(nowhere.stdout, '', 'nothing is done before');
});

test('a reader that has seen enough is no failure', async (t) => {
  const { code, stdout } = await shell(`set -o pipefail; weir replay ${VLAN} ${WEB} ${VLAN} --window 1s --format json | head -1`);
  t.is(code, 0);
  t.is(stdout.trimEnd().split('\n').length, 1);
});

/** Something at an address that is no collector. */
async function impostor(answer: Parameters<typeof createServer>[1]): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => void answer!(request, response as never));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('records are shipped only when a collector has said so', async (t) => {
  const { server, url } = await impostor((_request, response) => void response.end('<html>welcome</html>'));
  const { code, stderr } = await weir(['replay', WEB, '--collector', url, '--retry-for', '0s']);
  t.is(code, 1);
  t.regex(stderr, /200 without an acknowledgement/);
  for (const args of [['query', 'default', '--json'], ['token', 'list']]) {
    const ended = await weir([...args, '--collector', url]);
    t.is(ended.code, 1, args.join(' '));
    t.regex(ended.stderr, /^weir: what answers at http:\/\/127\.0\.0\.1:\d+ is no Weir collector/, args.join(' '));
    t.is(ended.stdout, '');
  }
  server.close();
});

test('an answer that breaks off is a failure, and what was written is called not whole', async (t) => {
  const { server, url } = await impostor((_request, response) => {
    response.writeHead(200, { 'content-length': 1000, 'weir-rows': '2', 'weir-completeness': '{}' });
    response.write('{"a":1}\n', () => response.destroy());
  });
  const file = join(folder, 'answer.json');
  const { code, stderr } = await weir(['query', 'default', '--json', '--collector', url, '--output', file]);
  t.is(code, 1);
  t.regex(stderr, /^weir: the answer of the collector at .* broke off \(.*\): what was written is not whole\n$/);
  t.is(readFileSync(file, 'utf8'), '{"a":1}\n');
  server.close();
});
