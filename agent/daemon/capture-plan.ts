import { isMembersEni } from '../../shared/topology/members-eni.ts';
import type { Eni, Topology } from '../../shared/topology/topology.ts';
import type { NetworkLink } from '../capture/live/network-link.ts';
import type { WatchList } from '../watched-enis.ts';

/** An interface to capture on, and the ENIs whose packets pass it. */
export interface PlannedTap {
  readonly link: NetworkLink;
  readonly eniIds: readonly string[];
}

export interface MissingEni {
  readonly eniId: string;
  readonly reason: string;
}

export interface CapturePlan {
  /** The topology with every ENI bound to the interface it shows up at, or to none. */
  readonly topology: Topology;
  readonly watch: WatchList;
  readonly taps: readonly PlannedTap[];
  readonly missing: readonly MissingEni[];
  readonly warnings: readonly string[];
}

/** No interface has this name. */
const NOWHERE = '';

/**
 * Which of this host's interfaces to capture on.
 *
 * An inventory names ENIs of many hosts; one that is not here must get no packets, although its MAC address passes by
 * as the peer of another one: its own host records it. So each ENI is bound to one interface: by its `interface`, else
 * by its MAC address. `only` restricts capture to these interfaces; then an ENI without interface that is bound to none
 * of them may show up at each. ENIs that are not in `watch` are bound to none, and nobody misses them.
 */
export function planCapture(
  topology: Topology, links: readonly NetworkLink[], only: readonly string[] | null, watch: WatchList = null,
): CapturePlan {
  const eligible = only === null ? links : links.filter((link) => only.includes(link.name));
  const missing: MissingEni[] = [];
  const warnings: string[] = [];
  const enis = topology.enis.map((eni): Eni => {
    if (isMembersEni(eni.eniId) || watch?.has(eni.eniId) === false) return { ...eni, interface: NOWHERE };
    const found = bind(eni, eligible, only, warnings);
    if (typeof found === 'string') missing.push({ eniId: eni.eniId, reason: found });
    return { ...eni, interface: found === null ? null : typeof found === 'string' ? NOWHERE : found.name };
  });
  const taps = eligible.map((link): PlannedTap => ({
    link, eniIds: enis.filter((eni) => eni.interface === null || eni.interface === link.name).map(({ eniId }) => eniId),
  }));
  return { topology: { ...topology, enis }, watch, taps: taps.filter(({ eniIds }) => eniIds.length > 0), missing, warnings };
}

/** The ENI's interface; null for each that is captured; a text: why it is not here. */
function bind(eni: Eni, links: readonly NetworkLink[], only: readonly string[] | null, warnings: string[]): NetworkLink | null | string {
  if (eni.interface !== null) {
    const link = links.find(({ name }) => name === eni.interface);
    if (link) return link;
    const excluded = only !== null && !only.includes(eni.interface);
    return excluded ? `its interface ${eni.interface} is not among those asked for` : `there is no interface ${eni.interface}`;
  }
  if (eni.mac !== null) {
    const holders = links.filter(({ mac }) => mac === eni.mac).toSorted((a, b) => a.ifindex - b.ifindex);
    if (holders.length > 1) {
      const names = holders.map(({ name }) => name).join(', ');
      warnings.push(`${eni.eniId}: the MAC address ${eni.mac} is that of ${names}; ${holders[0]!.name} is taken, name the right one as its interface`);
    }
    if (holders[0]) return holders[0];
    if (only === null) return `no interface has the MAC address ${eni.mac}; a tap of another one needs its interface named`;
  }
  if (only === null) return 'it has neither interface nor mac, so it could be anywhere; name its interface';
  return links.length > 0 ? null : `there is no interface ${only.join(', ')}`;
}

/** Without an inventory each interface is an ENI without groups that takes every packet. */
export function interfaceTopology(base: Topology, interfaces: readonly string[]): Topology {
  const [eni] = base.enis;
  return { ...base, enis: [...new Set(interfaces)].map((name) => ({ ...eni!, eniId: `eni-${name}`, interface: name })) };
}
