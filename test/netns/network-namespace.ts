/**
 * Network namespaces for tests of live capture: machines of their own in which anything may be sent, and which vanish
 * with all that is in them. Needs root.
 */
import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { systemCalls } from '../../agent/capture/live/system-calls.ts';
import { NetlinkLinks } from '../../agent/capture/live/netlink-links.ts';
import type { LinkCounters, NetworkLink } from '../../agent/capture/live/network-link.ts';

const CLONE_NEWNET = 0x40000000;
const PROGRAM_TIMEOUT_MS = 120_000;
let made = 0;
let entered = false;

export class NetworkNamespace {
  readonly name: string;

  /** Without IPv6, whose own packets nobody asked for, unless told otherwise. */
  constructor(options: { readonly hasIpv6?: boolean } = {}) {
    if (process.getuid?.() !== 0) {
      throw new Error('tests of live capture make network namespaces and need root: sudo npx ava, or a container with CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN');
    }
    this.name = `weir-${process.pid}-${made++}`;
    execFileSync('ip', ['netns', 'add', this.name]);
    const disable = options.hasIpv6 ? 0 : 1;
    this.run('sysctl', '-qw', `net.ipv6.conf.all.disable_ipv6=${disable}`, `net.ipv6.conf.default.disable_ipv6=${disable}`,
      'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.default.router_solicitations=0');
    this.ip('link', 'set', 'lo', 'up');
  }

  /** `ip` in this namespace. */
  ip(...args: string[]): string {
    return execFileSync('ip', ['-n', this.name, ...args], { encoding: 'utf8', timeout: PROGRAM_TIMEOUT_MS });
  }

  /** A program to its end; its standard output. */
  run(program: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, program, ...args], { encoding: 'utf8', timeout: PROGRAM_TIMEOUT_MS });
  }

  /** Until the interface sends: after its other end has come up, the kernel gives it a queue when it finds the time, and what is sent before is lost. */
  awaitCarrier(name: string): void {
    for (const limit = performance.now() + PROGRAM_TIMEOUT_MS; !/ state UP /.test(this.ip('-o', 'link', 'show', 'dev', name)); ) {
      if (performance.now() > limit) throw new Error(`${name} in ${this.name} does not come up: ${this.ip('-o', 'link', 'show', 'dev', name)}`);
    }
  }

  /** A program to its end, while the test goes on. */
  async beside(program: string, ...args: string[]): Promise<void> {
    const child = this.spawn(program, args, { stdio: 'ignore', timeout: PROGRAM_TIMEOUT_MS });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  }

  /** A program beside the test, which has to end it. */
  spawn(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.name, program, ...args], options);
  }

  /** Sockets that the action makes, and programs that it starts, are in this namespace. One action at a time. */
  async within<T>(action: () => T | Promise<T>): Promise<T> {
    if (entered) throw new Error('another action is in a namespace; this thread can be in one only');
    entered = true;
    const home = openSync('/proc/thread-self/ns/net', 'r');
    try {
      enter(`/run/netns/${this.name}`);
      return await action();
    } finally {
      enter(home);
      closeSync(home);
      entered = false;
    }
  }

  /** Throws where there is no such interface. */
  async link(name: string): Promise<NetworkLink> {
    const link = await this.within(() => new NetlinkLinks().read(name));
    if (link === null) throw new Error(`no interface ${name} in ${this.name}`);
    return link;
  }

  async counters(name: string): Promise<LinkCounters> {
    return (await this.link(name)).counters;
  }

  /** Whatever runs in it goes on without its name; interfaces vanish when the last socket is closed. */
  remove(): void {
    execFileSync('ip', ['netns', 'del', this.name]);
  }
}

export interface CableEnd {
  readonly namespace: NetworkNamespace;
  readonly interface: string;
  readonly mac: string;
  /** With its prefix length; none for no address. */
  readonly address?: string;
}

/** Two interfaces joined by a cable, up, without offloads: each packet passes as it would on a wire. */
export function connect(one: CableEnd, other: CableEnd): void {
  one.namespace.ip('link', 'add', one.interface, 'address', one.mac, 'type', 'veth',
    'peer', 'name', other.interface, 'address', other.mac, 'netns', other.namespace.name);
  for (const end of [one, other]) {
    end.namespace.run('ethtool', '-K', end.interface, 'tx', 'off', 'gso', 'off', 'gro', 'off', 'tso', 'off');
    if (end.address !== undefined) end.namespace.ip('addr', 'add', end.address, 'dev', end.interface);
    end.namespace.ip('link', 'set', end.interface, 'up');
  }
  for (const end of [one, other]) end.namespace.awaitCarrier(end.interface);
}

function enter(namespace: string | number): void {
  const { koffi } = systemCalls();
  const descriptor = typeof namespace === 'number' ? namespace : openSync(namespace, 'r');
  try {
    const setns = koffi.load(null).func('int setns(int fd, int kind)');
    if (setns(descriptor, CLONE_NEWNET) !== 0) throw new Error(`setns to ${namespace}: errno ${koffi.errno()}`);
  } finally {
    if (typeof namespace === 'string') closeSync(descriptor);
  }
}
