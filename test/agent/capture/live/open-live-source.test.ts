/** Which source is opened, and what is said where there is none. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { compileFilter } from '../../../../agent/capture/live/bpf-filter.ts';
import { captureProgram, DROP_ALL } from '../../../../agent/capture/live/capture-filter.ts';
import { combinedFilter } from '../../../../agent/capture/live/cap-source.ts';
import { shippingEndpoints } from '../../../../agent/capture/live/open-live-source.ts';
import { isCapTested } from './built-cap.ts';

const program = fileURLToPath(new URL('open-interface.ts', import.meta.url));
const hiding = fileURLToPath(new URL('hidden-packages.cjs', import.meta.url));

interface Circumstances {
  readonly hidden?: string;
  readonly uid?: number;
}

/** What the program says, in a process of its own. */
async function opening(name: string, capture: string, { hidden = '', uid }: Circumstances = {}): Promise<string[]> {
  const child = spawn(process.execPath, ['--import=tsx', program, name, capture], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HIDDEN_PACKAGES: hidden, NODE_OPTIONS: `--require ${hiding}` },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  return (await text(child.stdout)).trim().split('\n');
}

test('af_packet and auto are AF_PACKET where it exists', async (t) => {
  t.deepEqual(await opening('lo', 'af_packet'), ['AfPacketSource', 'AfPacketSource']);
  t.deepEqual(await opening('lo', 'auto'), ['AfPacketSource', 'AfPacketSource']);
});

if (isCapTested()) test('cap states its limits, once', async (t) => {
  const lines = await opening('lo', 'cap');
  t.regex(lines[0]!, /^warning: capture with cap: .*drops are not known/);
  t.deepEqual(lines.slice(1), ['CapSource', 'CapSource']);
});

test('without koffi: af_packet is an error, auto falls back to cap and says why', async (t) => {
  const [error] = await opening('lo', 'af_packet', { hidden: 'koffi' });
  t.regex(error!, /^78 CONFIGURATION capture on AF_PACKET needs the package koffi, .*npm install koffi, or capture with cap/);
  if (!isCapTested()) return;
  const lines = await opening('lo', 'auto', { hidden: 'koffi' });
  t.regex(lines[0]!, /^warning: .*koffi.*falling back to cap/);
  t.regex(lines[1]!, /^warning: capture with cap:/);
  t.deepEqual(lines.slice(2), ['CapSource', 'CapSource']);
});

test('without cap the error names the command that builds it', async (t) => {
  const [error] = await opening('lo', 'cap', { hidden: 'cap' });
  t.regex(error!, /^78 CONFIGURATION the package cap is not installed or not built .*npm rebuild cap --ignore-scripts=false/);
});

for (const capture of ['af_packet', 'auto', ...(isCapTested() ? ['cap'] : [])]) {
  test(`${capture} without the capability names the command that grants it`, async (t) => {
    const lines = await opening('lo', capture, { uid: 65_534 });
    t.regex(lines.at(-1)!, /^77 PERMISSION capture on lo needs the capability CAP_NET_RAW\. .*sudo setcap cap_net_raw\+ep \//);
    t.is(lines.length, 1);
  });
}

const target = { interface: null, linkType: 1, snapLengthBytes: 100 };

test('without libpcap a filter is an error that names the package', (t) => {
  t.throws(() => compileFilter('tcp', target, ['libnot-there.so']), { code: 'CONFIGURATION', message: /apt install libpcap0\.8/ });
});

test('a filter can be checked without an interface', (t) => {
  const compiled = compileFilter('tcp port 80', target);
  t.deepEqual(compiled.map(({ operand }) => operand).filter((operand) => operand === 100), [100]);
  t.throws(() => compileFilter('tcp prot 80', target), { code: 'USAGE', message: /^the filter "tcp prot 80" does not compile: .*; see man pcap-filter$/ });
});

test('a filter that is longer than the kernel takes is refused', (t) => {
  const user = Array.from({ length: 4096 }, () => DROP_ALL[0]!);
  const filter = { hasLinkHeader: true, shipping: null, user, snapLengthBytes: 100 };
  t.is(captureProgram({ ...filter, isLoopback: false }).length, 4096);
  t.throws(() => captureProgram({ ...filter, isLoopback: true }), { code: 'CONFIGURATION', message: /compiles to 41\d\d instructions/ });
});

test('the collector is known by all its addresses', async (t) => {
  const endpoints = await shippingEndpoints(new URL('http://localhost:8790'));
  t.true(endpoints!.collectorAddresses.includes('127.0.0.1'));
  t.true(endpoints!.localAddresses.includes('127.0.0.1'));
  t.is(endpoints!.port, 8790);
  t.is((await shippingEndpoints(new URL('https://[::1]')))!.port, 443);
  t.is(await shippingEndpoints(new URL('http://no.such.name.invalid')), null);
  t.is(combinedFilter('tcp', { collectorAddresses: ['fe80::1%eth0', '10.0.0.1'], port: 7, localAddresses: ['10.0.0.2'] }),
    '(tcp) and not (tcp port 7 and (host fe80::1 or host 10.0.0.1) and (host 10.0.0.2))');
});
