/**
 * How long a change of rules takes to reach many agents, and what the collector needs for them.
 *
 *     npm run build && node --import=tsx bench/thousand-agents.ts [agents] [changes]
 *
 * A real collector, as it is built, in a process of its own; the agents speak the real protocol, with the agent's own code, from a second
 * process: each enrols with a one-time token, reports an interface, and holds a long poll. All ENIs are members of one
 * basic group of 100 rules, so that every change concerns every agent and every assignment names all members. The time
 * of a change runs from sending it until the last agent has read its new assignment.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ControlChannel } from '../agent/assignment/control-channel.ts';

const SELF = fileURLToPath(import.meta.url);
const RULES = 100;

interface SimulatorOrder { readonly url: string; readonly adminToken: string; readonly agents: number }
type SimulatorReport =
  | { readonly kind: 'enrolled'; readonly ms: number }
  | { readonly kind: 'reached'; readonly revision: number; readonly ms: readonly number[]; readonly bytes: number };

const admin = (token: string) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });

async function simulate({ url, adminToken, agents }: SimulatorOrder): Promise<void> {
  const started = performance.now();
  const reached = new Map<number, { ms: number[]; bytes: number }>();
  const note = (text: string): void => {
    const revision = Number(/"revision":(\d+)/.exec(text)![1]);
    const known = reached.get(revision) ?? { ms: [], bytes: 0 };
    reached.set(revision, known);
    known.ms.push(Date.now());
    known.bytes += text.length;
    if (known.ms.length === agents) process.send!({ kind: 'reached', revision, ...known } satisfies SimulatorReport);
  };
  const ids = Array.from({ length: agents }, (_, i) => `host-${i}`);
  for (let at = 0; at < agents; at += 50) await Promise.all(ids.slice(at, at + 50).map((agentId, i) => enrol(url, adminToken, agentId, at + i, note)));
  process.send!({ kind: 'enrolled', ms: performance.now() - started } satisfies SimulatorReport);
}

async function enrol(url: string, adminToken: string, agentId: string, number: number, note: (text: string) => void): Promise<void> {
  const made = await fetch(`${url}/v1/tokens`, { method: 'POST', headers: admin(adminToken), body: JSON.stringify({ scope: 'enrol', 'agent-id': agentId }) });
  const { token: oneTime } = (await made.json()) as { token: string };
  const channel = new ControlChannel(url, agentId, {});
  const token = await channel.enrol(oneTime, agentId, '0.0.0');
  const report = {
    host: agentId, version: '0.0.0', started: new Date().toISOString(), revision: 0, assignment: null, enis: [],
    interfaces: [{ name: 'eth0', mac: mac(number), up: true }],
  };
  await channel.report(token, report);
  void poll(channel, token, note);
}

async function poll(channel: ControlChannel, token: string, note: (text: string) => void): Promise<void> {
  for (let etag: string | null = null; ;) {
    const next = await channel.nextAssignment(token, etag, 50);
    if (next === null) continue;
    etag = next.etag;
    if (next.text.includes('"watch":{"')) note(next.text);
  }
}

function mac(number: number): string {
  return `02:00:00:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 0xff).toString(16).padStart(2, '0')}`;
}

/** As the API takes it. */
function group(port: number): Record<string, unknown> {
  const rule = (i: number) => ({ 'rule-id': `r${i}`, 'direction': 'ingress', 'policy': 'accept', 'protocol': 'tcp', 'port-range': `${i === 0 ? port : i}/${i === 0 ? port : i}`, 'cidr': `10.${i}.0.0/16`, 'priority': 1 });
  return { type: 'basic', rules: Array.from({ length: RULES }, (_, i) => rule(i)) };
}

function inventory(agents: number): string {
  return JSON.stringify({
    'account-id': '1', 'region': 'r', 'vpcs': [{ 'vpc-id': 'vpc-1', 'cidrs': ['10.0.0.0/8'] }], 'vswitches': [{ 'vswitch-id': 'vsw-1', 'vpc-id': 'vpc-1' }],
    'security-groups': [{ 'security-group-id': 'sg-all', ...group(1000) }],
    'enis': Array.from({ length: agents }, (_, i) => ({ 'eni-id': `eni-${i}`, 'vswitch-id': 'vsw-1', 'mac': mac(i), 'addresses': [`10.0.${i >> 8}.${i & 0xff}`], 'security-groups': ['sg-all'] })),
    'logstores': [{ name: 'flows' }],
  });
}

async function startCollector(data: string): Promise<{ process: ChildProcess; url: string; adminToken: string }> {
  const collector = spawn(process.execPath, ['dist/weir.js', 'collector', '--data', data, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  for await (const chunk of collector.stderr) {
    text += String(chunk);
    const url = /collector on (http:\S+?),/.exec(text)?.[1];
    if (!url) continue;
    collector.stderr.resume();
    return { process: collector, url, adminToken: readFileSync(join(data, 'admin-token'), 'utf8').trim() };
  }
  throw new Error(`the collector did not start: ${text}`);
}

function memoryMb(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  return Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024);
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function main(): Promise<void> {
  const agents = Number(process.argv[2] ?? 1000);
  const changes = Number(process.argv[3] ?? 10);
  const directory = mkdtempSync(join(tmpdir(), 'weir-thousand-'));
  const collector = await startCollector(join(directory, 'data'));
  const simulator = fork(SELF, ['--simulate'], { execArgv: ['--import=tsx'] });
  try {
    const { url, adminToken } = collector;
    const call = async (method: string, path: string, body?: string): Promise<void> => {
      const answer = await fetch(url + path, { method, headers: admin(adminToken), ...(body === undefined ? {} : { body }) });
      if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    };
    await call('PUT', '/v1/inventory', inventory(agents));
    await call('PUT', '/v1/authorization', '{}');
    await call('POST', '/v1/flow-logs', JSON.stringify({ 'name': 'all', 'resource-type': 'VPC', 'resource-id': 'vpc-1', 'logstore': 'flows', 'window': '60s' }));
    simulator.send({ url, adminToken, agents } satisfies SimulatorOrder);
    const [enrolled] = (await once(simulator, 'message')) as [SimulatorReport];
    if (enrolled.kind === 'enrolled') console.log(`${agents} agents enrolled, reported and got their assignment in ${(enrolled.ms / 1000).toFixed(1)} s; collector RSS ${memoryMb(collector.process.pid!, 'VmRSS')} MB`);
    await sleep(1000);
    const last: number[] = [];
    for (let change = 1; change <= changes; change++) {
      const sentMs = Date.now();
      const cpuBefore = cpuSeconds(collector.process.pid!);
      const arrived = nextRevision(simulator, change);
      await call('PUT', '/v1/security-groups/sg-all', JSON.stringify(group(1000 + change)));
      const answeredMs = Date.now() - sentMs;
      const { revision, ms, bytes } = await arrived;
      const times = ms.map((at) => at - sentMs).sort((a, b) => a - b);
      last.push(times.at(-1)!);
      console.log(`revision ${revision}: answered after ${answeredMs} ms, half of the agents after ${times[times.length >> 1]} ms, the last after ${times.at(-1)} ms; ` +
        `${(bytes / 1e6).toFixed(1)} MB; collector ${(cpuSeconds(collector.process.pid!) - cpuBefore).toFixed(2)} s of CPU, RSS ${memoryMb(collector.process.pid!, 'VmRSS')} MB`);
    }
    last.sort((a, b) => a - b);
    console.log(`the last agent after ${last[last.length >> 1]} ms (median of ${changes} changes), ${last.at(-1)} ms at most; collector RSS ${memoryMb(collector.process.pid!, 'VmHWM')} MB at most`);
  } finally {
    simulator.kill('SIGKILL');
    collector.process.kill('SIGTERM');
    await once(collector.process, 'exit');
    rmSync(directory, { recursive: true, force: true });
  }
}

async function nextRevision(simulator: ChildProcess, after: number): Promise<SimulatorReport & { kind: 'reached' }> {
  for (;;) {
    const [report] = (await once(simulator, 'message')) as [SimulatorReport];
    if (report.kind === 'reached' && report.revision > after) return report;
  }
}

if (process.argv.includes('--simulate')) process.once('message', (order: SimulatorOrder) => void simulate(order));
else await main();
