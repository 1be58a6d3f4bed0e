/** `weir agent` as people run it, in a namespace of its own. */
import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { connect, NetworkNamespace } from '../../netns/network-namespace.ts';

const PROGRAM = resolve('weir.ts');
const PATIENCE_MS = 60_000;
/** It gives itself 4.5 s, and what it waits for comes after a minute or never; the rest is what a busy machine takes to end a process. */
export const ENDED_WITHIN_MS = 20_000;

export interface AgentRow {
  readonly 'eni-id': string;
  readonly 'srcaddr': string | null;
  readonly 'srcport': number | null;
  readonly 'dstaddr': string | null;
  readonly 'dstport': number | null;
  readonly 'protocol': number | null;
  readonly 'direction': string | null;
  readonly 'packets': number | null;
  readonly 'bytes': number | null;
  readonly 'start': number;
  readonly 'log-status': string;
  readonly 'action': string | null;
  readonly 'rule-id': string | null;
  readonly 'rule-reason': string | null;
  readonly 'ruleset-rev': number | null;
  readonly 'skipped-packets': number | null;
}

/** Arguments for a program that prints all fields as JSON. */
export const AS_JSON = ['--format', 'json', '--fields', 'all'];

export class AgentProcess {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;

  constructor(t: ExecutionContext, args: readonly string[], namespace: NetworkNamespace | null, environment: Record<string, string> = {}) {
    const program = [process.execPath, '--import', 'tsx', PROGRAM, ...args];
    const options = { stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } };
    this.child = namespace === null ? spawn(program[0]!, program.slice(1), options) : namespace.spawn(program[0]!, program.slice(1), options);
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = once(this.child, 'close').then(([code]) => code as number | null);
    t.teardown(() => this.child.kill('SIGKILL'));
  }

  /** Until its log says so; the text is searched from `from` on. */
  async says(pattern: RegExp, from = 0): Promise<void> {
    await this.until(() => pattern.test(this.stderr.slice(from)), String(pattern));
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    for (const limit = performance.now() + PATIENCE_MS; !holds(); ) {
      if (performance.now() > limit || this.child.exitCode !== null) throw new Error(`no ${what}; the agent said: ${this.stderr}${this.stdout.slice(-2000)}`);
      await sleep(20);
    }
  }

  /** Ends it in order; the exit code, and how long it took. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ code: number | null; ms: number }> {
    const started = performance.now();
    this.child.kill(signal);
    const code = await this.exited;
    return { code, ms: performance.now() - started };
  }

  get rows(): AgentRow[] {
    return rowsOf(this.stdout);
  }
}

export function rowsOf(text: string): AgentRow[] {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as AgentRow);
}

/** Packets and IP bytes in records, and packets that are admitted to be missing; `unknown` where a row does not say how many. */
export function totals(rows: readonly AgentRow[]): { packets: number; bytes: number; skipped: number; unknown: boolean } {
  const sum = (of: 'packets' | 'bytes' | 'skipped-packets'): number => rows.reduce((total, row) => total + (row[of] ?? 0), 0);
  return {
    packets: sum('packets'), bytes: sum('bytes'), skipped: sum('skipped-packets'),
    unknown: rows.some((row) => row['log-status'] === 'SKIPDATA' && row['skipped-packets'] === null),
  };
}

/** Two machines and a cable; nothing passes it but what the test sends: no IPv6, and each knows the other's address. */
export interface Pair {
  readonly here: NetworkNamespace;
  readonly there: NetworkNamespace;
  plug(): void;
  unplug(): void;
}

export const HERE = { interface: 'eth0', mac: '02:00:00:00:00:02', ip: '10.9.0.2' };
export const THERE = { interface: 'peer', mac: '02:00:00:00:00:01', ip: '10.9.0.1' };

export function pairOfMachines(t: ExecutionContext): Pair {
  const here = new NetworkNamespace();
  const there = new NetworkNamespace();
  t.teardown(() => [here, there].forEach((namespace) => namespace.remove()));
  const pair: Pair = {
    here, there,
    plug: () => {
      connect(
        { namespace: here, interface: HERE.interface, mac: HERE.mac, address: `${HERE.ip}/24` },
        { namespace: there, interface: THERE.interface, mac: THERE.mac, address: `${THERE.ip}/24` });
      here.ip('neigh', 'replace', THERE.ip, 'lladdr', THERE.mac, 'dev', HERE.interface, 'nud', 'permanent');
      there.ip('neigh', 'replace', HERE.ip, 'lladdr', HERE.mac, 'dev', THERE.interface, 'nud', 'permanent');
    },
    unplug: () => void here.ip('link', 'del', HERE.interface),
  };
  pair.plug();
  return pair;
}

/** One ENI, here, with these rules. */
export function topologyText(rules: readonly string[], eni = `{eni-id: eni-here, mac: "${HERE.mac}", addresses: [${HERE.ip}], security-groups: [sg-1]}`): string {
  return ['account-id: test', 'enis:', `  - ${eni}`, 'security-groups:', '  - security-group-id: sg-1', rules.length > 0 ? '    rules:' : '', ...rules.map((rule) => `      - ${rule}`), ''].join('\n');
}

export const ACCEPT_ICMP = '{rule-id: ping, direction: ingress, policy: accept, protocol: icmp, port-range: -1/-1, cidr: 0.0.0.0/0, priority: 1}';
export function acceptPort(protocol: 'tcp' | 'udp', port: number): string {
  return `{rule-id: ${protocol}-${port}, direction: ingress, policy: accept, protocol: ${protocol}, port-range: ${port}/${port}, cidr: 10.9.0.0/24, priority: 2}`;
}
