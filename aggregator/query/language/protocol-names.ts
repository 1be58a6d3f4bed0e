/** Names that a query may use for a protocol, lower case (https://www.iana.org/assignments/protocol-numbers). */
export const PROTOCOL_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1], ['igmp', 2], ['tcp', 6], ['udp', 17], ['dccp', 33], ['gre', 47], ['esp', 50], ['ah', 51], ['icmpv6', 58],
  ['ospf', 89], ['pim', 103], ['vrrp', 112], ['sctp', 132], ['udplite', 136],
]);
