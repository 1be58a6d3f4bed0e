import { WeirError } from '../../../shared/errors.ts';
import { linkRequest, MAX_NAME_BYTES, parseLinkMessages, type LinkMessage } from './link-messages.ts';
import type { LinkTable, NetworkLink } from './network-link.ts';
import { errorName, IS_LITTLE_ENDIAN, systemCalls, type SystemCalls } from './system-calls.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
/** Multicast group of link changes, as a bit of sockaddr_nl. */
const RTMGRP_LINK = 1;
const SOCKADDR_NL_BYTES = 12;
const MSG_DONTWAIT = 0x40;
/** The kernel's lists come in pieces of at most 32 KiB. */
const RECEIVE_BYTES = 256 * 1024;
const MAX_SEQUENCE = 0x7fff_ffff;

/** A netlink socket that is asked about interfaces and, if wanted, told of their changes. */
export class NetlinkSocket {
  readonly descriptor: number;
  private readonly calls: SystemCalls;
  private readonly buffer = Buffer.alloc(RECEIVE_BYTES);
  private sequence = 0;

  constructor(options: { readonly isToldOfChanges: boolean }) {
    this.calls = systemCalls();
    this.descriptor = this.calls.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (this.descriptor < 0) throw this.refused('a netlink socket');
    if (!options.isToldOfChanges) return;
    const address = new Uint8Array(SOCKADDR_NL_BYTES);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, IS_LITTLE_ENDIAN);
    view.setUint32(8, RTMGRP_LINK, IS_LITTLE_ENDIAN);
    if (this.calls.bind(this.descriptor, address, address.length) < 0) {
      const error = this.refused('news of interfaces');
      this.close();
      throw error;
    }
  }

  /** Asks for all interfaces, or for one. The number that the answers carry. */
  request(name: string | null): number {
    this.sequence = this.sequence === MAX_SEQUENCE ? 1 : this.sequence + 1;
    const bytes = linkRequest(this.sequence, name);
    if (this.calls.send(this.descriptor, bytes, bytes.length, 0) < 0) throw this.refused('a question about interfaces');
    return this.sequence;
  }

  /** What has come: null for nothing, `lost` where the kernel had more news than room. */
  receive(): readonly LinkMessage[] | 'lost' | null {
    const length = this.calls.recv(this.descriptor, this.buffer, this.buffer.length, MSG_DONTWAIT);
    if (length >= 0) return parseLinkMessages(this.buffer.subarray(0, length));
    const error = errorName(this.calls);
    if (error === 'EAGAIN' || error === 'EINTR') return null;
    if (error === 'ENOBUFS') return 'lost';
    throw this.refused('news of interfaces', error);
  }

  close(): void {
    this.calls.close(this.descriptor);
  }

  private refused(what: string, error = errorName(this.calls)): WeirError {
    return new WeirError('CONFIGURATION', `this kernel gives no ${what} (${error})`);
  }
}

/** Interfaces, read when asked. A question is answered by the kernel before `send` returns. */
export class NetlinkLinks implements LinkTable {
  readAll(): NetworkLink[] {
    for (let attempt = 0; attempt < 5; attempt++) {
      const links: NetworkLink[] = [];
      if (this.ask(null, (link) => links.push(link))) return links;
    }
    throw new WeirError('CONFIGURATION', 'the list of interfaces changes faster than it can be read');
  }

  read(name: string): NetworkLink | null {
    if (name === '' || Buffer.byteLength(name) > MAX_NAME_BYTES) return null;
    let found: NetworkLink | null = null;
    this.ask(name, (link) => (found = link));
    return found;
  }

  /** False where the list was changed meanwhile. */
  private ask(name: string | null, take: (link: NetworkLink) => void): boolean {
    const socket = new NetlinkSocket({ isToldOfChanges: false });
    try {
      socket.request(name);
      for (;;) {
        const messages = socket.receive();
        if (messages === null || messages === 'lost') return false;
        for (const message of messages) {
          if (message.kind === 'link') take(message.link);
          if (message.kind === 'done') return message.isComplete;
          if (message.kind === 'error' || (message.kind === 'link' && name !== null)) return true;
        }
      }
    } finally {
      socket.close();
    }
  }
}
