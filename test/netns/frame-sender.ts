/** Puts frames on an interface as they are. It holds the thread while it sends, so that nothing is read meanwhile. */
import { NetlinkLinks } from '../../agent/capture/live/netlink-links.ts';
import { errorName, IS_LITTLE_ENDIAN, systemCalls } from '../../agent/capture/live/system-calls.ts';
import type { NetworkNamespace } from './network-namespace.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCKADDR_LL_BYTES = 20;

export class FrameSender {
  private readonly descriptor: number;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  static open(namespace: NetworkNamespace, interfaceName: string): Promise<FrameSender> {
    return namespace.within(() => {
      const calls = systemCalls();
      const descriptor = calls.socket(AF_PACKET, SOCK_RAW, 0); // protocol 0: it receives nothing
      const address = new Uint8Array(SOCKADDR_LL_BYTES);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_PACKET, IS_LITTLE_ENDIAN);
      view.setInt32(4, new NetlinkLinks().read(interfaceName)!.ifindex, IS_LITTLE_ENDIAN);
      if (calls.bind(descriptor, address, address.length) !== 0) throw new Error(`bind to ${interfaceName}: ${errorName(calls)}`);
      return new FrameSender(descriptor);
    });
  }

  send(frames: readonly Uint8Array[]): void {
    const calls = systemCalls();
    for (const frame of frames) {
      if (calls.send(this.descriptor, frame, frame.length, 0) !== frame.length) throw new Error(`send: ${errorName(calls)}`);
    }
  }

  close(): void {
    systemCalls().close(this.descriptor);
  }
}
