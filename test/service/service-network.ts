/** A collector and three hosts with agents, each in a network namespace of its own, and a client that reaches all their ENIs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { connect, NetworkNamespace } from '../netns/network-namespace.ts';

const PROGRAM = ['--import', 'tsx', resolve('weir.ts')];
const PATIENCE_MS = 120_000;
const PORT = 8790;
export const ACCEPTED_PORT = 53;
export const REJECTED_PORT = 9;

export interface ServiceEni {
  readonly eniId: string;
  readonly host: number;
  readonly interface: string;
  readonly vswitchId: string;
  readonly mac: string;
  readonly address: string;
  /** The client's end of the cable. */
  readonly peer: string;
}

function eni(eniId: string, host: number, at: number, vswitchId: 'vsw-a' | 'vsw-b'): ServiceEni {
  const network = `10.${vswitchId === 'vsw-a' ? 1 : 2}.${host * 10 + at}`;
  return { eniId, host, interface: `eth${at}`, vswitchId, mac: `02:00:00:00:0${host}:0${at}`, address: `${network}.10`, peer: `${network}.1` };
}

export const ENIS = {
  web: eni('eni-web', 0, 0, 'vsw-a'), late: eni('eni-late', 0, 1, 'vsw-b'),
  app: eni('eni-app', 1, 0, 'vsw-a'), data: eni('eni-data', 2, 0, 'vsw-b'),
} as const;

/** The inventory with these ENIs, all in one group: UDP to port 53 is accepted, everything else that comes in is not. */
export function inventory(enis: readonly ServiceEni[]): string {
  return JSON.stringify({
    'account-id': '123456', 'region': 'test-1',
    'vpcs': [{ 'vpc-id': 'vpc-1', 'cidrs': ['10.0.0.0/8'] }],
    'vswitches': [{ 'vswitch-id': 'vsw-a', 'vpc-id': 'vpc-1', 'cidr': '10.1.0.0/16' }, { 'vswitch-id': 'vsw-b', 'vpc-id': 'vpc-1', 'cidr': '10.2.0.0/16' }],
    'security-groups': [{
      'security-group-id': 'sg-1', 'vpc-id': 'vpc-1', 'type': 'basic',
      'rules': [{ 'rule-id': 'dns', 'direction': 'ingress', 'policy': 'accept', 'protocol': 'udp', 'port-range': `${ACCEPTED_PORT}/${ACCEPTED_PORT}`, 'cidr': '0.0.0.0/0', 'priority': 1 }],
    }],
    'enis': enis.map(({ eniId, vswitchId, mac, address, interface: name }) => ({
      'eni-id': eniId, 'vm-id': `vm-${eniId}`, 'vswitch-id': vswitchId, mac, 'addresses': [address], 'security-groups': ['sg-1'], 'interface': name, 'side': 'guest',
    })),
  });
}

/** A program of Weir in a namespace. */
export class ServiceProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  log = '';

  constructor(namespace: NetworkNamespace, args: readonly string[], environment: Record<string, string> = {}) {
    this.child = namespace.spawn(process.execPath, [...PROGRAM, ...args], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...environment } });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    this.exited = once(this.child, 'close');
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }
}

export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class ServiceNetwork {
  readonly directory: string;
  readonly home = new NetworkNamespace();
  readonly client = new NetworkNamespace();
  readonly hosts = [new NetworkNamespace(), new NetworkNamespace(), new NetworkNamespace()];
  collector!: ServiceProcess;
  readonly agents: (ServiceProcess | null)[] = [null, null, null];
  private readonly collectorFlags: readonly string[];

  constructor(t: ExecutionContext, collectorFlags: readonly string[] = []) {
    this.directory = mkdtempSync(join(tmpdir(), 'weir-service-'));
    this.collectorFlags = collectorFlags;
    t.teardown(() => this.tearDown());
    this.hosts.forEach((host, at) => connect(
      { namespace: host, interface: 'mgmt0', mac: `02:00:00:00:f0:0${at}`, address: `10.9.${at}.2/24` },
      { namespace: this.home, interface: `m${at}`, mac: `02:00:00:00:f1:0${at}`, address: `10.9.${at}.1/24` },
    ));
    for (const { host, interface: name, mac, address, peer } of Object.values(ENIS)) {
      const suffix = `${host}${name.at(-1)}`;
      connect(
        { namespace: this.hosts[host]!, interface: name, mac, address: `${address}/24` },
        { namespace: this.client, interface: `c${suffix}`, mac: `02:00:00:00:ff:${suffix}`, address: `${peer}/24` },
      );
    }
  }

  get adminToken(): string {
    return readFileSync(join(this.directory, 'data', 'admin-token'), 'utf8').trim();
  }

  /** What all programs said, for a test that fails. */
  get logs(): string {
    return [this.collector, ...this.agents].map((process) => process?.log ?? '').join('\n');
  }

  async startCollector(): Promise<void> {
    this.collector = new ServiceProcess(this.home, ['collector', '--data', join(this.directory, 'data'), '--listen', `0.0.0.0:${PORT}`, ...this.collectorFlags]);
    await this.until(() => /collector on http/.test(this.collector.log), () => `the collector did not start: ${this.collector.log}`);
  }

  /** `enrolToken`: null for one that has enrolled before. */
  startAgent(at: number, enrolToken: string | null, settings: Record<string, unknown> = {}): void {
    const state = join(this.directory, `agent-${at}`);
    const tokenFile = join(this.directory, `enrol-${at}`);
    if (enrolToken !== null) writeFileSync(tokenFile, enrolToken, { mode: 0o600 });
    const configuration = join(this.directory, `agent-${at}.json`);
    writeFileSync(configuration, JSON.stringify({
      'agent-id': `host-${at}`, 'state-directory': state, 'collector': { 'url': `http://10.9.${at}.1:${PORT}`, 'enrol-token-file': tokenFile }, ...settings,
    }));
    this.agents[at] = new ServiceProcess(this.hosts[at]!, ['agent', '--config', configuration]);
  }

  /** `weir …` on the collector's host, as the administrator. */
  weir(...args: string[]): Promise<ProgramResult> {
    return this.program(process.execPath, [...PROGRAM, ...args]);
  }

  /** The API over curl, as the administrator, or with another token. */
  async curl(method: string, path: string, body?: unknown, token = this.adminToken, headers: Record<string, string> = {}): Promise<{ status: number; body: Record<string, unknown> }> {
    const given = Object.entries({ 'authorization': `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers });
    const { stdout, stderr } = await this.program('curl', [
      '-sS', '-X', method, '-w', '\n%{http_code}', ...given.flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
      ...(body === undefined ? [] : ['--data-binary', typeof body === 'string' ? body : JSON.stringify(body)]), `http://127.0.0.1:${PORT}${path}`,
    ]);
    const end = stdout.lastIndexOf('\n');
    const text = stdout.slice(0, end);
    if (end < 0) throw new Error(`curl: ${stderr}`);
    return { status: Number(stdout.slice(end + 1)), body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }

  /** So many datagrams from the client, each a packet. */
  async send(to: ServiceEni, port: number, packets: number, everyMs = 1): Promise<void> {
    const script = `import socket,time\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\nfor i in range(${packets}):\n s.sendto(b'x'*100,('${to.address}',${port}))\n time.sleep(${everyMs / 1000})`;
    await this.client.beside('python3', '-c', script);
  }

  async until(holds: () => boolean | Promise<boolean>, what: () => string, patienceMs = PATIENCE_MS): Promise<number> {
    const started = performance.now();
    while (!(await holds())) {
      if (performance.now() - started > patienceMs) throw new Error(what());
      await sleep(100);
    }
    return performance.now() - started;
  }

  private async program(name: string, args: readonly string[]): Promise<ProgramResult> {
    const child = spawn('ip', ['netns', 'exec', this.home.name, name, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, WEIR_COLLECTOR: `http://127.0.0.1:${PORT}`, WEIR_TOKEN_FILE: join(this.directory, 'data', 'admin-token') },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  }

  private async tearDown(): Promise<void> {
    for (const process of [...this.agents, this.collector]) await process?.kill();
    for (const namespace of [this.home, this.client, ...this.hosts]) namespace.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
