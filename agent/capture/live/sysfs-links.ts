/** Interfaces from /sys/class/net, for where there is no koffi. Its parts may vanish while they are read. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isUp, type LinkTable, type NetworkLink } from './network-link.ts';

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

export class SysfsLinks implements LinkTable {
  private readonly folder: string;

  constructor(folder = '/sys/class/net') {
    this.folder = folder;
  }

  readAll(): NetworkLink[] {
    try {
      return readdirSync(this.folder).map((name) => this.read(name)).filter((link) => link !== null);
    } catch {
      return [];
    }
  }

  read(name: string): NetworkLink | null {
    if (name === '' || name.includes('/') || name.startsWith('.')) return null;
    try {
      const mac = this.line(name, 'address');
      const counter = (counted: string): number => Number(this.line(name, `statistics/${counted}`));
      return {
        name,
        ifindex: Number(this.line(name, 'ifindex')),
        hardwareType: Number(this.line(name, 'type')),
        mac: MAC.test(mac) ? mac : null,
        up: isUp(Number(this.line(name, 'flags'))),
        counters: {
          rxPackets: counter('rx_packets'), txPackets: counter('tx_packets'), rxBytes: counter('rx_bytes'), txBytes: counter('tx_bytes'),
        },
      };
    } catch {
      return null; // gone, or no interface (bonding_masters is a file)
    }
  }

  private line(name: string, file: string): string {
    return readFileSync(join(this.folder, name, file), 'utf8').trim();
  }
}
