/** The network interfaces of this network namespace, as rtnetlink(7) tells of them. */

/** IFF_UP */
const FLAG_UP = 1;

/** ARPHRD_ numbers of linux/if_arp.h. */
export const HARDWARE_ETHER = 1;
export const HARDWARE_LOOPBACK = 772;

export interface NetworkLink {
  readonly name: string;
  readonly ifindex: number;
  /** ARPHRD_ number. */
  readonly hardwareType: number;
  /** `02:00:00:00:00:01`; null where the interface has no address of six bytes. */
  readonly mac: string | null;
  /** Administratively up; a cable may still be missing. */
  readonly up: boolean;
  readonly counters: LinkCounters;
}

/** Since the interface was made. Bytes are frames with their link header, on most interfaces (not on `lo`). */
export interface LinkCounters {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
}

export const NO_COUNTERS: LinkCounters = { rxPackets: 0, txPackets: 0, rxBytes: 0, txBytes: 0 };

export function isUp(flags: number): boolean {
  return (flags & FLAG_UP) !== 0;
}

export interface LinkTable {
  readAll(): NetworkLink[];
  read(name: string): NetworkLink | null;
}
