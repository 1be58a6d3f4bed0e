import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, openSync, closeSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import test from 'ava';

import { openCaptureFile, openCaptureInput, openCaptureStream } from '../../../agent/capture/capture-file.ts';
import { WeirError } from '../../../shared/errors.ts';
import { PacketBatch } from '../../../shared/packet-batch.ts';
import { concatBytes } from '../../frames/ethernet.ts';
import { tcpFrame } from '../../frames/frames.ts';
import { pcapFile, pcapHeader } from '../../frames/pcap-file.ts';
import { pcapngFile } from '../../frames/pcapng-file.ts';
import { PiecewiseInput } from '../../frames/piecewise-input.ts';
import { readRows } from './captured-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-capture-'));
test.after.always(() => rmSync(folder, { recursive: true }));

const frames = Array.from({ length: 2000 }, (_, index) =>
  tcpFrame({ src: '10.0.0.1', dst: '10.0.0.2', srcPort: 1024 + index, payload: index }));
const hex = frames.map((frame) => Buffer.from(frame).toString('hex'));

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

for (const [name, bytes] of [
  ['plain.pcap', pcapFile(frames)],
  ['plain.pcapng', pcapngFile(frames)],
  ['one.pcap.gz', gzipSync(pcapFile(frames))],
  ['one.pcapng.gz', gzipSync(pcapngFile(frames))],
  ['padded.pcap.gz', concatBytes(gzipSync(pcapFile(frames)), new Uint8Array(1000))],
  ['members.pcap.gz', concatBytes(gzipSync(pcapFile(frames.slice(0, 1000))), gzipSync(pcapFile(frames.slice(1000)).subarray(24)))],
] as const) {
  test(`a file is read whatever its name says: ${name}`, async (t) => {
    const source = await openCaptureFile(file(name.replace(/[.]/g, '_'), bytes));
    t.deepEqual((await readRows(source)).map((row) => row.hex), hex);
    t.is(source.damage, null);
  });
}

for (const [title, bytes, message] of [
  ['text', Buffer.from('GET / HTTP/1.1\r\n'), /begins with 47 45 54 20 2f 20 48 54\. Weir reads pcap .* pcapng, plain or gzip/],
  ['two bytes', Buffer.from([0xd4, 0xc3]), /begins with d4 c3\./],
  ['zstd', Buffer.from('28b52ffd24', 'hex'), /zstd-compressed; try: zstd -dc FILE \| weir replay -/],
  ['text in gzip', gzipSync('not a capture'), /\(inflated\) is not a capture file: it begins with 6e 6f/],
  ['gzip in gzip', gzipSync(gzipSync(pcapHeader())), /\(inflated\) is not a capture file: it begins with 1f 8b/],
  ['a broken gzip', Buffer.from('1f8b080000000000ffff', 'hex'), /cannot be read: the gzip data are damaged/],
  ['nothing', new Uint8Array(0), /is empty/],
] as const) {
  test(`no capture: ${title}`, async (t) => {
    const path = file(title.replaceAll(' ', '-'), bytes);
    const error = await t.throwsAsync(openCaptureFile(path), { instanceOf: WeirError, code: 'CAPTURE_FORMAT' });
    t.true(error!.message.startsWith(path));
    t.regex(error!.message, message);
  });
}

test('no capture: a missing file, a directory', async (t) => {
  await t.throwsAsync(openCaptureFile(join(folder, 'none.pcap')), {
    instanceOf: WeirError, code: 'CAPTURE_FORMAT', message: /none\.pcap does not exist/,
  });
  mkdirSync(join(folder, 'captures'));
  await t.throwsAsync(openCaptureFile(join(folder, 'captures')), {
    instanceOf: WeirError, code: 'CAPTURE_FORMAT', message: /captures is a directory/,
  });
});

const summary = fileURLToPath(new URL('capture-summary.ts', import.meta.url));

function summarize(path: string, stdin: 'pipe' | number, uid?: number) {
  return spawn(process.execPath, ['--import=tsx', summary, path], {
    stdio: [stdin, 'pipe', 'inherit'], ...(uid === undefined ? {} : { uid }),
  });
}

test('a file that must not be read is a matter of permission', async (t) => {
  const path = file('secret.pcap', pcapFile(frames));
  chmodSync(path, 0);
  if (process.getuid!() !== 0) {
    await t.throwsAsync(openCaptureFile(path), { instanceOf: WeirError, code: 'PERMISSION', message: /secret\.pcap/ });
    return;
  }
  chmodSync(folder, 0o755); // root reads everything, so another user has to try
  const child = summarize(path, 'pipe', 65534);
  t.regex(await text(child.stdout!), /^PERMISSION .*secret\.pcap must not be read/);
});

test('standard input: a pipe in pieces, and a redirected file', async (t) => {
  const bytes = pcapngFile(frames);
  const piped = summarize('-', 'pipe');
  Readable.from([bytes.subarray(0, 5), bytes.subarray(5, 70_001), bytes.subarray(70_001)]).pipe(piped.stdin!);
  const expected = JSON.stringify({ packets: frames.length, bytes: hex.join('').length / 2, damage: null });
  t.is(await text(piped.stdout!), `${expected}\n`);

  const descriptor = openSync(file('redirected', gzipSync(bytes)), 'r');
  const redirected = summarize('-', descriptor);
  t.is(await text(redirected.stdout!), `${expected}\n`);
  closeSync(descriptor);
});

test('packets of a live stream arrive before the stream ends', async (t) => {
  const stream = new PassThrough();
  const bytes = pcapFile(frames.slice(0, 3));
  const second = pcapFile(frames.slice(0, 2)).length;
  stream.write(bytes.subarray(0, second + 10));
  const source = await openCaptureStream(stream, 'live');
  const batch = new PacketBatch();
  t.true(await source.fill(batch));
  t.is(batch.count, 2);
  const third = source.fill(batch);
  stream.write(bytes.subarray(second + 10));
  stream.write(bytes.subarray(24, 50)); // the beginning of a record that never gets whole
  t.true(await third);
  t.is(batch.count, 1);
  const waiting = source.fill(batch);
  await source.close();
  t.false(await waiting);
  t.is(source.damage, null);
});

test('a named pipe is read, and can be closed while nothing comes', async (t) => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const opening = openCaptureFile(path);
  const writer = await open(path, 'w');
  await writer.write(pcapFile(frames.slice(0, 4)));
  const source = await opening;
  const batch = new PacketBatch();
  t.true(await source.fill(batch));
  t.is(batch.count, 4);
  const waiting = source.fill(batch);
  await source.close();
  t.false(await waiting);
  await writer.close();
});

test('a stream that fails gives what came before, and the reason', async (t) => {
  const bytes = pcapFile(frames.slice(0, 3));
  const stream = Readable.from((async function* () {
    yield bytes;
    await new Promise((resolve) => setImmediate(resolve));
    throw new Error('the cable was cut');
  })());
  const source = await openCaptureStream(stream, 'stream');
  t.is((await readRows(source)).length, 3);
  t.deepEqual(source.damage, { offset: bytes.length, reason: 'the cable was cut' });
});

test('the end of truncated gzip data does not overtake what a slow reader has not taken', async (t) => {
  const random = Array.from({ length: 100 }, () => randomBytes(200));
  const compressed = gzipSync(pcapFile(random));
  const input = new PiecewiseInput(compressed.subarray(0, -8), [2000]);
  const source = await openCaptureInput(input, 'slow', { readBytes: 300 });
  for (let round = 0; round < 500; round++) await new Promise((resolve) => setImmediate(resolve));
  t.is((await readRows(source)).length, 100);
  t.regex(source.damage!.reason, /gzip data are damaged \(unexpected end of file\)/);
});

test('gzip data that are damaged give packets and the reason', async (t) => {
  const random = Array.from({ length: 3000 }, (_, index) => Uint8Array.from({ length: 200 }, (_byte, at) => (index * at * 7919) >>> 3));
  const compressed = gzipSync(pcapFile(random));
  const whole = await readRows(await openCaptureFile(file('sound.gz', compressed)));
  for (const [title, change] of [
    ['a wrong checksum', (bytes: Uint8Array) => bytes.fill(0xff, bytes.length - 8, bytes.length - 4)],
    ['a wrong block', (bytes: Uint8Array) => bytes.fill(0xff, bytes.length - 5000, bytes.length - 4000)],
  ] as const) {
    const copy = new Uint8Array(compressed);
    change(copy);
    const source = await openCaptureFile(file(title, copy));
    const rows = await readRows(source);
    t.true(rows.length > 2000 && rows.length <= 3000, `${title}: ${rows.length}`);
    t.deepEqual(rows.slice(0, 2000), whole.slice(0, 2000));
    t.not(source.damage, null, title);
  }
});
