import { DescriptorPoll } from './descriptor-poll.ts';
import type { LinkMessage } from './link-messages.ts';
import { NetlinkSocket } from './netlink-links.ts';
import type { NetworkLink } from './network-link.ts';
import { SysfsLinks } from './sysfs-links.ts';
import { systemCalls } from './system-calls.ts';

/** `changed-mac`, because ENIs are known by their MAC address. */
export type InterfaceEventKind = 'appeared' | 'vanished' | 'up' | 'down' | 'renamed' | 'changed-mac';

/** `link` is the new state; of a vanished interface the last one. An interface that is replaced vanishes and appears. */
export interface InterfaceEvent {
  readonly kind: InterfaceEventKind;
  readonly link: NetworkLink;
  /** Of a renamed interface. */
  readonly previousName?: string;
}

export interface InterfaceWatchOptions {
  /** `netlink` is told at once, `sysfs` looks every `pollIntervalMs`. Default: netlink where koffi is installed. */
  readonly by?: 'netlink' | 'sysfs';
  readonly pollIntervalMs?: number;
  readonly sysfs?: SysfsLinks;
}

const DEFAULT_POLL_INTERVAL_MS = 1000;
/** Nothing is expected; a wait has to end some time. */
const NETLINK_WAIT_MS = 60_000;

/**
 * Which network interfaces there are, and what becomes of them. `start` reports those that exist as `appeared`.
 *
 * I1. The events are the differences between successive states: whoever applies them to an empty list has `links`.
 */
export class InterfaceWatch {
  private readonly onEvent: (event: InterfaceEvent) => void;
  private readonly options: InterfaceWatchOptions;
  private readonly byIndex = new Map<number, NetworkLink>();
  private socket: NetlinkSocket | null = null;
  private poll: DescriptorPoll | null = null;
  private timer: NodeJS.Timeout | undefined;
  /**
   * Number of the list that is being read, and the indexes in it so far: null before its first part. News behind that
   * part are of interfaces that the list may lack; news before it are older than the list.
   */
  private list: { readonly sequence: number; seen: Set<number> | null } | null = null;
  private running: Promise<void> = Promise.resolve();

  constructor(onEvent: (event: InterfaceEvent) => void, options: InterfaceWatchOptions = {}) {
    this.onEvent = onEvent;
    this.options = options;
  }

  get links(): readonly NetworkLink[] {
    return [...this.byIndex.values()];
  }

  /** Returns when the interfaces that exist have been reported. */
  start(): void {
    if ((this.options.by ?? (hasSystemCalls() ? 'netlink' : 'sysfs')) === 'netlink') this.startNetlink();
    else this.startSysfs();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.poll?.close();
    this.poll = null;
    await this.running;
    this.socket?.close();
    this.socket = null;
  }

  private startNetlink(): void {
    const socket = new NetlinkSocket({ isToldOfChanges: true });
    this.socket = socket;
    this.poll = new DescriptorPoll(systemCalls().koffi, socket.descriptor);
    this.readList(socket);
    this.drain(socket);
    this.running = this.follow(socket, this.poll);
  }

  private async follow(socket: NetlinkSocket, poll: DescriptorPoll): Promise<void> {
    while (this.poll === poll) {
      await poll.wait(NETLINK_WAIT_MS);
      if (this.poll === poll) this.drain(socket);
    }
  }

  private readList(socket: NetlinkSocket): void {
    this.list = { sequence: socket.request(null), seen: null };
  }

  private drain(socket: NetlinkSocket): void {
    for (;;) {
      const messages = socket.receive();
      if (messages === null) return;
      if (messages === 'lost') this.readList(socket);
      else for (const message of messages) this.take(message, socket);
    }
  }

  private take(message: LinkMessage, socket: NetlinkSocket): void {
    const { list } = this;
    if (message.kind === 'link') {
      if (list !== null && message.sequence === list.sequence) list.seen ??= new Set();
      list?.seen?.add(message.link.ifindex);
      this.update(message.link);
    } else if (message.kind === 'gone') {
      list?.seen?.delete(message.ifindex);
      this.remove(message.ifindex);
    } else if (list !== null && message.sequence === list.sequence) {
      this.list = null;
      if (message.kind === 'error' || !message.isComplete) this.readList(socket);
      else for (const ifindex of this.byIndex.keys()) if (!list.seen?.has(ifindex)) this.remove(ifindex);
    }
  }

  private startSysfs(): void {
    const table = this.options.sysfs ?? new SysfsLinks();
    const look = (): void => {
      const links = table.readAll();
      const present = new Set(links.map((link) => link.ifindex));
      for (const ifindex of this.byIndex.keys()) if (!present.has(ifindex)) this.remove(ifindex);
      for (const link of links) this.update(link);
    };
    look();
    this.timer = setInterval(look, this.options.pollIntervalMs ?? DEFAULT_POLL_INTERVAL_MS);
  }

  private update(link: NetworkLink): void {
    const before = this.byIndex.get(link.ifindex);
    this.byIndex.set(link.ifindex, link);
    if (before === undefined) {
      this.onEvent({ kind: 'appeared', link });
      return;
    }
    if (before.name !== link.name) this.onEvent({ kind: 'renamed', link, previousName: before.name });
    if (before.mac !== link.mac) this.onEvent({ kind: 'changed-mac', link });
    if (before.up !== link.up) this.onEvent({ kind: link.up ? 'up' : 'down', link });
  }

  private remove(ifindex: number): void {
    const link = this.byIndex.get(ifindex);
    if (link === undefined) return;
    this.byIndex.delete(ifindex);
    this.onEvent({ kind: 'vanished', link });
  }
}

function hasSystemCalls(): boolean {
  try {
    systemCalls();
    return true;
  } catch {
    return false;
  }
}
