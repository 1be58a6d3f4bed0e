import { parseAddress, parseCidr } from '../address.ts';
import { PROTOCOL_GRE, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../protocol.ts';
import type { TextKind } from './document.ts';
import type { PortRange } from './topology.ts';

/** How single values are spelled in the topology document, in both directions. */

const PROTOCOL_NAMES: readonly (readonly [string, number])[] = [
  ['tcp', PROTOCOL_TCP], ['udp', PROTOCOL_UDP], ['icmp', PROTOCOL_ICMP], ['icmpv6', PROTOCOL_ICMPV6], ['gre', PROTOCOL_GRE],
];
/** Stands for "every protocol" while parsing, where null means "wrong". */
export const ALL_PROTOCOLS = -1;

export const PROTOCOL: TextKind<number> = {
  parse: (text) => {
    if (text === 'all') return ALL_PROTOCOLS;
    const named = PROTOCOL_NAMES.find(([name]) => name === text);
    if (named) return named[1];
    return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : null;
  },
  expected: 'a protocol: all, tcp, udp, icmp, icmpv6, gre or a number from 0 to 255',
};

export function protocolText(protocol: number | null): string {
  if (protocol === null) return 'all';
  return PROTOCOL_NAMES.find(([, number]) => number === protocol)?.[0] ?? String(protocol);
}

/** Stands for -1/-1 while parsing, where null means "wrong". */
export const NO_PORTS: PortRange = { from: -1, to: -1 };

export const PORT_RANGE: TextKind<PortRange> = {
  parse: (text) => {
    if (text === '-1/-1') return NO_PORTS;
    const match = /^(\d{1,5})\/(\d{1,5})$/.exec(text);
    if (!match) return null;
    const range = { from: Number(match[1]), to: Number(match[2]) };
    return range.from <= range.to && range.to <= 65535 ? range : null;
  },
  expected: 'a port range such as 22/22 or 8000/8999 (first/last, 0 to 65535), or -1/-1 where ports do not apply',
};

export function portRangeText(range: PortRange | null): string {
  return range ? `${range.from}/${range.to}` : '-1/-1';
}

export const MAC: TextKind<string> = {
  parse: (text) => (/^[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}$/.test(text) ? text.toLowerCase().replaceAll('-', ':') : null),
  expected: 'a MAC address such as 02:42:ac:11:00:02',
};

export const ADDRESS: TextKind<string> = {
  parse: (text) => (parseAddress(text) ? text : null),
  expected: 'an address such as 10.0.0.5 or 2001:db8::5',
};

export const CIDR: TextKind<string> = {
  parse: (text) => (parseCidr(text) ? text : null),
  expected: 'a CIDR such as 10.0.0.0/8, 0.0.0.0/0 or 2001:db8::/32',
};

export const INTERFACE: TextKind<string> = {
  parse: (text) => (/^\P{Cc}{1,256}$/u.test(text) ? text : null),
  expected: 'the name of an interface, such as tap0',
};

export const LOGSTORE_NAME: TextKind<string> = {
  parse: (text) => (/^[a-z0-9][a-z0-9_-]{0,62}$/.test(text) ? text : null),
  expected: 'a LogStore name: 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit',
};

/** What fits into the header that names the agent. */
export const AGENT_ID: TextKind<string> = {
  parse: (text) => (/^[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}$/.test(text) ? text : null),
  expected: 'an id: up to 128 of letters, digits and _ . : -, beginning with one of the first three kinds',
};

export const WINDOW: TextKind<number> = {
  parse: (text) => {
    const match = /^(\d{1,5})(s|m)?$/.exec(text);
    const seconds = match ? Number(match[1]) * (match[2] === 'm' ? 60 : 1) : 0;
    return seconds >= 1 && seconds <= 3600 ? seconds : null;
  },
  expected: 'a window of 1s to 3600s; 60s, 300s and 600s are usual',
};
