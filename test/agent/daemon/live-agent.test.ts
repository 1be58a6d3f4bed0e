/** The daemon under real traffic. */
import { once } from 'node:events';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { LinkCounters } from '../../../agent/capture/live/network-link.ts';
import { udpFrame } from '../../frames/frames.ts';
import { FrameSender } from '../../netns/frame-sender.ts';
import type { NetworkNamespace } from '../../netns/network-namespace.ts';
import { temporaryDirectory } from '../../aggregator/collector-fixture.ts';
import {
  ACCEPT_ICMP, AS_JSON, AgentProcess, ENDED_WITHIN_MS, HERE, THERE, acceptPort, pairOfMachines, rowsOf, topologyText, totals, type AgentRow,
} from './agent-process.ts';

const CAPTURING = /capturing on eth0/;

function flows(rows: readonly AgentRow[]): string[] {
  return rows.filter((row) => row['log-status'] === 'OK').map((row) => JSON.stringify([
    row['eni-id'], row.srcaddr, row.srcport, row.dstaddr, row.dstport, row.protocol, row.direction, row.packets, row.bytes, row.start,
    row.action, row['rule-id'], row['rule-reason'],
  ])).sort();
}

/** Asks until the server is there. */
async function served(ask: () => string): Promise<string> {
  for (const limit = performance.now() + 60_000; ; await sleep(200)) {
    try {
      return ask();
    } catch (error) {
      if (performance.now() > limit) throw error;
    }
  }
}

/** The counters when nothing has passed for two seconds; libpcap gets a block that is not full after one. */
async function untilSilent(namespace: NetworkNamespace): Promise<LinkCounters> {
  for (let before = await namespace.counters('eth0'); ;) {
    await sleep(2000);
    const now = await namespace.counters('eth0');
    if (now.rxPackets === before.rxPackets && now.txPackets === before.txPackets) return now;
    before = now;
  }
}

test.serial('real programs: rows equal those of tcpdump\'s file, totals equal the interface\'s counters', async (t) => {
  const folder = temporaryDirectory(t);
  const { here, there } = pairOfMachines(t);
  const topology = join(folder, 'topology.yaml');
  writeFileSync(topology, topologyText([ACCEPT_ICMP, acceptPort('tcp', 5201), acceptPort('udp', 5201), acceptPort('tcp', 8000), acceptPort('udp', 53)]));
  const capture = join(folder, 'capture.pcap');
  const tcpdump = here.spawn('tcpdump', ['-i', 'eth0', '-s', '256', '-B', '65536', '-U', '-Z', 'root', '-w', capture], { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => tcpdump.kill('SIGKILL'));
  await new Promise<void>((resolve) => tcpdump.stderr!.on('data', (text) => { if (/listening on/.test(String(text))) resolve(); }));
  const agent = new AgentProcess(t, ['agent', '-t', topology, '--window', '3600s', ...AS_JSON], here);
  await agent.says(CAPTURING);

  mkdirSync(join(folder, 'web'));
  writeFileSync(join(folder, 'web', 'page'), 'x'.repeat(300_000));
  const web = here.spawn('python3', ['-m', 'http.server', '8000', '--bind', HERE.ip, '--directory', join(folder, 'web')], { stdio: 'ignore' });
  const refusing = here.spawn('python3', ['-m', 'http.server', '8080', '--bind', HERE.ip, '--directory', join(folder, 'web')], { stdio: 'ignore' });
  const iperf = here.spawn('iperf3', ['-s', '-B', HERE.ip], { stdio: 'ignore' });
  const dns = here.spawn('dnsmasq', [
    '--keep-in-foreground', '--conf-file=/dev/null', '--user=root', '--pid-file=', '--no-resolv', '--no-hosts', '--bind-interfaces',
    `--listen-address=${HERE.ip}`, '--address=/weir.test/10.9.0.7',
  ], { stdio: 'ignore' });
  for (const child of [web, refusing, iperf, dns]) t.teardown(() => child.kill('SIGKILL'));
  for (const port of [8000, 8080]) {
    const url = `http://${HERE.ip}:${port}/page`;
    t.is(there.run('curl', '-s', '--retry', '20', '--retry-connrefused', '--retry-delay', '1', url).length, 300_000);
  }
  t.is((await served(() => there.run('dig', '+short', `@${HERE.ip}`, 'a.weir.test'))).trim(), '10.9.0.7');
  await served(() => there.run('iperf3', '-c', HERE.ip, '-t', '1', '-b', '200M'));
  there.run('iperf3', '-c', HERE.ip, '-u', '-t', '1', '-b', '20M', '-l', '1000');
  there.run('ping', '-c', '5', '-i', '0.1', HERE.ip);
  // they say good-bye to each other when they find the time for it
  for (const child of [web, refusing, iperf, dns]) {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  const counters = await untilSilent(here);
  tcpdump.kill('SIGTERM');
  await once(tcpdump, 'close');
  const { code, ms } = await agent.end();
  t.is(code, 0);
  t.true(ms < ENDED_WITHIN_MS, `stopped within ${ms} ms`);

  const { rows } = agent;
  const sum = totals(rows);
  t.is(sum.skipped, 0);
  t.is(sum.packets, counters.rxPackets + counters.txPackets);
  t.is(sum.bytes + 14 * sum.packets, counters.rxBytes + counters.txBytes);
  const replayed = spawnSync(process.execPath, ['--import', 'tsx', 'weir.ts', 'replay', capture, '-t', topology, '--window', '3600s', ...AS_JSON], { encoding: 'utf8', maxBuffer: 1e8 });
  t.deepEqual(flows(rows), flows(rowsOf(replayed.stdout)), replayed.stderr);
  const rejected = rows.filter((row) => row.action === 'REJECT');
  t.true(rejected.length > 0 && rejected.every((row) => row.dstport === 8080));
});

test.serial('an interface that is removed and comes back under traffic: nothing is lost that is not stated', async (t) => {
  const pair = pairOfMachines(t);
  const topology = join(temporaryDirectory(t), 'topology.yaml');
  writeFileSync(topology, topologyText([ACCEPT_ICMP]));
  const agent = new AgentProcess(t, ['agent', '-t', topology, '--window', '1s', ...AS_JSON], pair.here);
  await agent.says(CAPTURING);
  let passed = 0;
  for (let round = 0; round < 6; round++) {
    const heard = agent.stderr.length;
    if (round > 0) pair.plug();
    // the first ones pass before anybody can have noticed the interface
    pair.there.run('ping', '-q', '-c', '20', '-i', '0.002', HERE.ip);
    if (round > 0) await agent.says(CAPTURING, heard);
    pair.there.run('ping', '-q', '-c', '20', '-i', '0.002', HERE.ip);
    const { rxPackets, txPackets } = await pair.here.counters('eth0');
    passed += rxPackets + txPackets;
    pair.unplug();
    await agent.says(/capture on eth0 has ended/, heard);
  }
  t.is((await agent.end()).code, 0);
  const sum = totals(agent.rows);
  t.is(sum.packets + sum.skipped, passed, `${JSON.stringify(sum)} ${agent.stderr}`);
  t.true(sum.packets > passed / 3);
  t.false(sum.unknown);
});

test.serial('packets that pass before an interface is captured are stated to the packet', async (t) => {
  const pair = pairOfMachines(t);
  const topology = join(temporaryDirectory(t), 'topology.yaml');
  writeFileSync(topology, topologyText([ACCEPT_ICMP]));
  const agent = new AgentProcess(t, ['agent', '-t', topology, '--window', '1s', ...AS_JSON], pair.here);
  await agent.says(CAPTURING);
  for (let round = 0; round < 3; round++) {
    const heard = agent.stderr.length;
    pair.unplug();
    await agent.says(/capture on eth0 has ended/, heard);
    agent.child.kill('SIGSTOP');
    pair.plug();
    pair.there.run('ping', '-q', '-c', '20', '-i', '0.002', HERE.ip);
    agent.child.kill('SIGCONT');
    await agent.says(CAPTURING, heard);
    pair.there.run('ping', '-q', '-c', '30', '-i', '0.002', HERE.ip);
  }
  t.is((await agent.end()).code, 0);
  t.like(totals(agent.rows), { packets: 3 * 60, skipped: 3 * 40, unknown: false });
});

test.serial('a ring that is too small: sent = recorded + what the kernel dropped, to the packet', async (t) => {
  const folder = temporaryDirectory(t);
  const { here, there } = pairOfMachines(t);
  const config = join(folder, 'agent.yaml');
  writeFileSync(join(folder, 'topology.yaml'), topologyText([]));
  writeFileSync(config, 'topology: topology.yaml\nwindow: 1s\ncapture: {ring-bytes: 256KiB, block-timeout: 5ms}\noutput: {format: json, fields: all}\n');
  const agent = new AgentProcess(t, ['agent', '--config', config], here);
  await agent.says(CAPTURING);
  const sender = await FrameSender.open(there, THERE.interface);
  t.teardown(() => sender.close());
  const some = Array.from({ length: 500 }, (_, port) => udpFrame({ dstMac: HERE.mac, srcMac: THERE.mac, src: '10.9.0.1', dst: '10.9.0.99', srcPort: 1024 + port, dstPort: 9, payload: 10 }));
  let sent = 0;
  for (let round = 0; round < 3; round++) {
    agent.child.kill('SIGSTOP');
    for (let burst = 0; burst < 20; burst++) {
      sender.send(some);
      sent += some.length;
    }
    agent.child.kill('SIGCONT');
    await sleep(300);
  }
  t.is((await agent.end()).code, 0);
  const sum = totals(agent.rows);
  t.is(sum.packets + sum.skipped, sent);
  t.true(sum.skipped > 0 && sum.packets > 0, JSON.stringify(sum));
});

test.serial('an interface that is renamed, or goes down and up, goes on being captured', async (t) => {
  const { here, there } = pairOfMachines(t);
  const topology = join(temporaryDirectory(t), 'topology.yaml');
  writeFileSync(topology, topologyText([ACCEPT_ICMP]));
  const agent = new AgentProcess(t, ['agent', '-t', topology, '--window', '1s', '--metrics', '127.0.0.1:9790', ...AS_JSON], here);
  await agent.says(CAPTURING);
  const ping = (): string => there.run('ping', '-q', '-c', '20', '-i', '0.002', HERE.ip);
  ping();
  here.ip('link', 'set', HERE.interface, 'name', 'other');
  await agent.until(() => here.run('curl', '-s', 'http://127.0.0.1:9790/status').includes('"name":"other"'), 'new name in the status');
  ping();
  here.ip('link', 'set', 'other', 'down');
  here.ip('link', 'set', 'other', 'up');
  here.awaitCarrier('other');
  there.awaitCarrier(THERE.interface);
  here.ip('neigh', 'replace', THERE.ip, 'lladdr', THERE.mac, 'dev', 'other', 'nud', 'permanent');
  ping();
  const { rxPackets, txPackets } = await here.counters('other');
  t.is((await agent.end()).code, 0);
  t.like(totals(agent.rows), { packets: rxPackets + txPackets, skipped: 0, unknown: false });
  t.is(rxPackets + txPackets, 120);
  t.notRegex(agent.stderr, /has ended/);
});

test.serial('rules are reloaded under traffic, a wrong file is refused with its reasons', async (t) => {
  const folder = temporaryDirectory(t);
  const { here, there } = pairOfMachines(t);
  const topology = join(folder, 'topology.yaml');
  const replace = (text: string): void => {
    writeFileSync(`${topology}.new`, text);
    renameSync(`${topology}.new`, topology);
  };
  const accepting = topologyText([acceptPort('udp', 9)]);
  const rejecting = topologyText([ACCEPT_ICMP]);
  replace(accepting);
  const agent = new AgentProcess(t, ['agent', '-t', topology, '--window', '1s', '--grace', '1s', '--state-directory', join(folder, 'state'), ...AS_JSON], here);
  await agent.says(CAPTURING);
  const sender = await FrameSender.open(there, THERE.interface);
  let sent = 0;
  const traffic = setInterval(() => {
    // to an address that nobody has, so that nobody answers
    sender.send(Array.from({ length: 20 }, () => udpFrame({ dstMac: HERE.mac, srcMac: THERE.mac, src: '10.9.0.1', dst: '10.9.0.99', srcPort: 1024 + (sent++ % 60_000), dstPort: 9, payload: 10 })));
  }, 5);
  t.teardown(() => {
    clearInterval(traffic);
    sender.close();
  });
  await agent.until(() => agent.rows.some((row) => row.action === 'ACCEPT'), 'accepted rows');
  replace(topologyText(['{rule-id: wrong, direction: sideways, policy: accept, protocol: icmp, cidr: 0.0.0.0/33}']));
  await agent.says(/revision 1 stays: .*sideways.*0\.0\.0\.0\/33/);
  replace(rejecting); // noticed without a signal
  await agent.says(/revision 2: 1 ENIs/);
  await agent.until(() => agent.rows.some((row) => row['ruleset-rev'] === 2), 'rows of revision 2');
  const heard = agent.stderr.length;
  agent.child.kill('SIGHUP');
  await agent.says(/revision 2 stays/, heard);
  for (let revision = 3; revision < 12; revision++) {
    replace(revision % 2 === 1 ? accepting : rejecting);
    agent.child.kill('SIGHUP');
    await agent.says(new RegExp(`revision ${revision}: 1 ENIs`));
    // the next one comes when something was recorded by this one
    await agent.until(() => agent.stdout.includes(`"ruleset-rev":${revision},`), `rows of revision ${revision}`);
  }
  clearInterval(traffic);
  t.is((await agent.end()).code, 0);
  const { rows } = agent;
  t.is(totals(rows).packets, sent);
  t.is(totals(rows).skipped, 0);
  const flowRows = rows.filter((row) => row['log-status'] === 'OK');
  t.true(flowRows.every((row) => (row['ruleset-rev']! % 2 === 1) === (row.action === 'ACCEPT')), 'each revision with its verdict');
  t.is(new Set(flowRows.map((row) => row['ruleset-rev'])).size, 11);
});

test.serial('two workers share the packets of an interface, and their seals are one', async (t) => {
  const { here, there } = pairOfMachines(t);
  const agent = new AgentProcess(t, ['agent', '-i', 'eth0', '--workers', '2', '--window', '1s', ...AS_JSON], here);
  await agent.says(CAPTURING);
  await agent.until(() => agent.rows.some((row) => row['log-status'] === 'NODATA'), 'a window without traffic');
  for (let size = 0; size < 12; size++) there.run('ping', '-q', '-c', '10', '-i', '0.002', '-s', String(100 + size), HERE.ip);
  const { rxPackets, txPackets } = await here.counters('eth0');
  t.is((await agent.end('SIGINT')).code, 0);
  const sum = totals(agent.rows);
  t.is(sum.packets, rxPackets + txPackets);
  const statusRows = agent.rows.filter((row) => row['log-status'] !== 'OK');
  t.is(new Set(statusRows.map((row) => row.start)).size, statusRows.length, 'one status row a window');
  const flowWindows = new Set(agent.rows.filter((row) => row['log-status'] === 'OK').map((row) => row.start));
  t.false(statusRows.some((row) => flowWindows.has(row.start)), 'none beside flows');
});
