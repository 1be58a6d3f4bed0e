import type { LinkTable } from './network-link.ts';
import { NetlinkLinks } from './netlink-links.ts';
import { SysfsLinks } from './sysfs-links.ts';
import { systemCalls } from './system-calls.ts';

/** Through netlink, or where there is no koffi from /sys. */
export function linkTable(): LinkTable {
  try {
    systemCalls();
    return new NetlinkLinks();
  } catch {
    return new SysfsLinks();
  }
}
