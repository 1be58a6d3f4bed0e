/** A tun interface, which has no link header: packets written to it arrive from it. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { systemCalls } from '../../agent/capture/live/system-calls.ts';
import type { NetworkNamespace } from './network-namespace.ts';

const TUNSETIFF = 0x400454ca;
const IFF_TUN = 1;
const IFF_NO_PI = 0x1000;
/** struct ifreq: name (16), flags. */
const IFREQ_BYTES = 40;

export class TunDevice {
  private readonly descriptor: number;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  static async open(namespace: NetworkNamespace, name: string): Promise<TunDevice> {
    const device = await namespace.within(() => {
      const { koffi } = systemCalls();
      const descriptor = openSync('/dev/net/tun', 'r+');
      const request = Buffer.alloc(IFREQ_BYTES);
      request.write(name);
      new DataView(request.buffer, request.byteOffset).setUint16(16, IFF_TUN | IFF_NO_PI, true);
      const ioctl = koffi.load(null).func('int ioctl(int fd, ulong request, ...)');
      if (ioctl(descriptor, TUNSETIFF, 'void *', request) !== 0) throw new Error(`tun ${name}: errno ${koffi.errno()}`);
      return new TunDevice(descriptor);
    });
    namespace.ip('link', 'set', name, 'up');
    return device;
  }

  receive(packets: readonly Uint8Array[]): void {
    for (const packet of packets) writeSync(this.descriptor, packet);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
