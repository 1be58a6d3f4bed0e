/**
 * An agent whose interface is removed and comes back 50 times under traffic, and whose rules change 100 times under
 * traffic: nothing lost that is not stated, no wrong verdict, no leak. Limit: 20 min
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { ACCEPT_ICMP, AS_JSON, AgentProcess, HERE, THERE, acceptPort, pairOfMachines, topologyText, totals, type Pair } from '../agent/daemon/agent-process.ts';
import { udpFrame } from '../frames/frames.ts';
import { FrameSender } from '../netns/frame-sender.ts';

const REMOVALS = 50;
const RELOADS = 100;
/** What the later half may take beyond the first; the heap breathes by some megabytes. */
const MAX_GROWTH_BYTES = 24e6;
const CAPTURING = /capturing on eth0/;

const teardowns: (() => unknown)[] = [];
const site = { teardown: (action: () => unknown) => void teardowns.unshift(action) } as unknown as ExecutionContext;
const folder = mkdtempSync(join(tmpdir(), 'weir-churn-'));
site.teardown(() => rmSync(folder, { recursive: true }));

/** Of the program itself: `ip netns exec` becomes it. */
function residentBytes(agent: AgentProcess): number {
  const status = readFileSync(`/proc/${agent.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

function check(holds: boolean, what: string): void {
  console.log(`${holds ? 'ok' : 'NOT OK'}: ${what}`);
  if (!holds) process.exitCode = 1;
}

function checkMemory(sizes: readonly number[]): void {
  const half = Math.floor(sizes.length / 2);
  const growth = Math.max(...sizes.slice(half)) - Math.max(...sizes.slice(2, half));
  check(growth < MAX_GROWTH_BYTES, `RSS ${(sizes[2]! / 1e6).toFixed(0)} MB after the start, ${(sizes.at(-1)! / 1e6).toFixed(0)} MB at the end, ${(growth / 1e6).toFixed(1)} MB more in the second half`);
}

async function removeAgainAndAgain(pair: Pair): Promise<void> {
  const topology = join(folder, 'one.yaml');
  writeFileSync(topology, topologyText([ACCEPT_ICMP]));
  const agent = new AgentProcess(site, ['agent', '-t', topology, '--window', '1s', ...AS_JSON], pair.here);
  await agent.says(CAPTURING);
  const sizes: number[] = [];
  let passed = 0;
  for (let round = 0; round < REMOVALS; round++) {
    const heard = agent.stderr.length;
    if (round > 0) pair.plug();
    pair.there.run('ping', '-q', '-c', '20', '-i', '0.002', HERE.ip);
    if (round > 0) await agent.says(CAPTURING, heard);
    pair.there.run('ping', '-q', '-c', '20', '-i', '0.002', HERE.ip);
    const { rxPackets, txPackets } = await pair.here.counters('eth0');
    passed += rxPackets + txPackets;
    pair.unplug();
    await agent.says(/capture on eth0 has ended/, heard);
    sizes.push(residentBytes(agent));
  }
  await agent.end();
  const sum = totals(agent.rows);
  check(sum.packets + sum.skipped === passed && !sum.unknown, `${REMOVALS} removals: ${passed} packets passed = ${sum.packets} recorded + ${sum.skipped} admitted`);
  checkMemory(sizes);
}

async function reloadAgainAndAgain(pair: Pair): Promise<void> {
  pair.plug();
  const topology = join(folder, 'rules.yaml');
  const replace = (text: string): void => {
    writeFileSync(`${topology}.new`, text);
    renameSync(`${topology}.new`, topology);
  };
  const [rejecting, accepting] = [topologyText([ACCEPT_ICMP]), topologyText([acceptPort('udp', 9)])];
  replace(accepting);
  const agent = new AgentProcess(site, ['agent', '-t', topology, '--window', '1s', '--state-directory', join(folder, 'state'), ...AS_JSON], pair.here);
  await agent.says(CAPTURING);
  const sender = await FrameSender.open(pair.there, THERE.interface);
  let sent = 0;
  const traffic = setInterval(() => {
    sender.send(Array.from({ length: 20 }, () => udpFrame({ dstMac: HERE.mac, srcMac: THERE.mac, src: '10.9.0.1', dst: '10.9.0.99', srcPort: 1024 + (sent++ % 60_000), dstPort: 9, payload: 10 })));
  }, 5);
  const sizes: number[] = [];
  for (let revision = 2; revision < RELOADS + 2; revision++) {
    replace(revision % 2 === 1 ? accepting : rejecting);
    agent.child.kill('SIGHUP');
    await agent.says(new RegExp(`revision ${revision}: 1 ENIs`));
    await sleep(50);
    sizes.push(residentBytes(agent));
  }
  clearInterval(traffic);
  sender.close();
  await agent.end();
  const rows = agent.rows.filter((row) => row['log-status'] === 'OK');
  const sum = totals(agent.rows);
  check(sum.packets === sent && sum.skipped === 0, `${RELOADS} reloads: ${sent} packets sent, ${sum.packets} recorded, ${sum.skipped} admitted`);
  const wrong = rows.filter((row) => (row['ruleset-rev']! % 2 === 1) !== (row.action === 'ACCEPT'));
  check(wrong.length === 0, `${rows.length} rows of ${new Set(rows.map((row) => row['ruleset-rev'])).size} revisions, ${wrong.length} with a wrong verdict`);
  checkMemory(sizes);
}

try {
  const pair = pairOfMachines(site);
  await removeAgainAndAgain(pair);
  await reloadAgainAndAgain(pair);
} finally {
  for (const action of teardowns) await action();
}
