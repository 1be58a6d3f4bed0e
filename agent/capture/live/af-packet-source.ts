import { WeirError } from '../../../shared/errors.ts';
import type { CaptureDamage, CaptureInterface, PacketBatch } from '../../../shared/packet-batch.ts';
import { LINK_ETHERNET, LINK_RAW } from '../../decode/link-layer.ts';
import { AfPacketRing } from './af-packet-ring.ts';
import { AfPacketSocket } from './af-packet-socket.ts';
import { compileFilter } from './bpf-filter.ts';
import type { BpfProgram } from './bpf-program.ts';
import { captureProgram, DROP_ALL } from './capture-filter.ts';
import { DescriptorPoll, nextTurn } from './descriptor-poll.ts';
import { fanOutProgram } from './fan-out-program.ts';
import { POLL_INTERVAL_MS, ringSettings, type CaptureEnd, type CaptureStatistics, type LiveSettings, type LiveSource } from './live-source.ts';
import { NetlinkLinks } from './netlink-links.ts';
import { HARDWARE_ETHER, HARDWARE_LOOPBACK, type NetworkLink } from './network-link.ts';
import { systemCalls } from './system-calls.ts';

/** ARPHRD_ numbers of interfaces without a link header, or with one that the kernel takes off: what is left is IP. */
const HARDWARE_OF_IP: ReadonlySet<number> = new Set([
  65534, // NONE: tun, WireGuard
  519, // RAWIP
  512, // PPP
  768, 769, 776, 778, 823, // tunnels: IPIP, IPv6, SIT, GRE, GRE over IPv6
]);

/** The retire timer of the kernel may need two rounds for a block, and a busy machine is late. */
const DRAIN_BLOCK_TIMEOUTS = 3;
const DRAIN_SLACK_MS = 20;

/**
 * Packets of one interface from an AF_PACKET ring of its own, in the thread that opened it. A worker thread closes its
 * source before it ends: nothing else gives ring and descriptor back.
 */
export class AfPacketSource implements LiveSource {
  readonly interfaces: readonly CaptureInterface[];
  readonly damage: CaptureDamage | null = null;
  endReason: CaptureEnd | null = null;
  /** Number of the group, for the other sources that join it; null without fan-out. */
  readonly fanOutGroup: number | null;

  private readonly name: string;
  private readonly socket: AfPacketSocket;
  private readonly ring: AfPacketRing;
  private readonly poll: DescriptorPoll;
  private readonly program: BpfProgram;
  private readonly drainMs: number;
  /** Why the source is about to end, and when nothing more can be in the ring. */
  private ending: { readonly reason: CaptureEnd; readonly afterMs: number } | null = null;
  private readonly counted = { packets: 0, drops: 0 };
  private isClosed = false;

  constructor(settings: LiveSettings) {
    const link = findLink(settings.interface);
    const hasLinkHeader = requireHardware(link);
    const ringSizes = ringSettings(settings);
    const { snapLengthBytes, blockBytes, blockTimeoutMs } = ringSizes;
    this.name = link.name;
    this.interfaces = [{ name: link.name, linkType: hasLinkHeader ? LINK_ETHERNET : LINK_RAW }];
    this.drainMs = DRAIN_BLOCK_TIMEOUTS * blockTimeoutMs + DRAIN_SLACK_MS;
    this.socket = new AfPacketSocket(link.name, hasLinkHeader);
    try {
      this.program = captureProgram({
        hasLinkHeader, isLoopback: link.hardwareType === HARDWARE_LOOPBACK, shipping: settings.shipping ?? null, snapLengthBytes,
        user: settings.filter ? compileFilter(settings.filter, { interface: link.name, linkType: this.interfaces[0]!.linkType, snapLengthBytes }) : null,
      });
      this.ring = new AfPacketRing(this.socket.mapRing(ringSizes), blockBytes);
      this.socket.attachFilter(settings.fanOut ? DROP_ALL : this.program);
      this.socket.bind(link.ifindex);
      if (settings.isPromiscuous) this.socket.becomePromiscuous(link.ifindex);
      this.fanOutGroup = settings.fanOut ? this.socket.joinFanOut(settings.fanOut, fanOutProgram(hasLinkHeader)) : null;
      this.poll = new DescriptorPoll(systemCalls().koffi, this.socket.descriptor);
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  async fill(batch: PacketBatch): Promise<boolean> {
    batch.count = 0;
    const { ring } = this;
    if (!ring.hasPackets) {
      ring.release();
      // full blocks one after the other must not keep timers and other sources from their turn
      await nextTurn();
      if (!ring.takeBlock()) await this.waitForBlock();
    }
    if (ring.hasPackets) ring.read(batch);
    return this.endReason === null && !this.isClosed;
  }

  /** Lets packets in, where the source is one of a fan-out group: when all have joined. */
  start(): void {
    if (this.ending === null) this.socket.attachFilter(this.program);
  }

  stop(): void {
    if (this.ending !== null || this.isClosed) return;
    this.socket.attachFilter(DROP_ALL);
    this.end({ kind: 'stopped', text: `capture on ${this.name} was stopped` });
    this.poll.wake();
  }

  statistics(): CaptureStatistics {
    if (!this.isClosed) {
      const { packets, drops } = this.socket.takeStatistics();
      this.counted.packets += packets;
      this.counted.drops += drops;
    }
    return { ...this.counted };
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.statistics();
    this.isClosed = true;
    this.poll.close();
    this.ring.close();
    this.socket.close();
  }

  /** Until the kernel hands over a block, an interval has passed, or the source has ended. */
  private async waitForBlock(): Promise<void> {
    await this.poll.wait(this.ending === null ? POLL_INTERVAL_MS : Math.min(POLL_INTERVAL_MS, this.drainMs));
    if (this.isClosed || this.ring.takeBlock()) return;
    const { ending } = this;
    if (ending !== null) {
      if (performance.now() >= ending.afterMs && !this.ring.takeBlock()) this.endReason = ending.reason;
    } else if (!this.socket.isBound()) {
      this.end({ kind: 'removed', text: `interface ${this.name} was removed` });
    }
  }

  /** No packet comes any more; the last block is handed over within the drain time. */
  private end(reason: CaptureEnd): void {
    this.ending = { reason, afterMs: performance.now() + this.drainMs };
  }
}

function findLink(name: string): NetworkLink {
  const table = new NetlinkLinks();
  const link = table.read(name);
  if (link !== null) return link;
  const names = table.readAll().map((other) => other.name).sort();
  throw new WeirError('CONFIGURATION', `there is no interface ${name}; there are ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}`);
}

/** Whether frames begin with an Ethernet header. */
function requireHardware({ name, hardwareType }: NetworkLink): boolean {
  if (hardwareType === HARDWARE_ETHER || hardwareType === HARDWARE_LOOPBACK) return true;
  if (HARDWARE_OF_IP.has(hardwareType)) return false;
  throw new WeirError('CAPTURE_LINK_TYPE',
    `${name} is of hardware type ${hardwareType} (ARPHRD_ in linux/if_arp.h), which is not supported; supported are Ethernet, loopback, and interfaces of bare IP such as tun, WireGuard and tunnels`);
}
