/** IANA protocol numbers that Weir treats by name (https://www.iana.org/assignments/protocol-numbers). */
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_DCCP = 33;
export const PROTOCOL_GRE = 47;
export const PROTOCOL_ICMPV6 = 58;
export const PROTOCOL_SCTP = 132;
export const PROTOCOL_UDPLITE = 136;

/** Flags of a TCP header (RFC 9293 section 3.1). */
export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_ACK = 0x10;

/** Whether the protocol's header begins with a source and a destination port of 16 bits each. */
export function hasPorts(protocol: number): boolean {
  return (
    protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP || protocol === PROTOCOL_SCTP ||
    protocol === PROTOCOL_DCCP || protocol === PROTOCOL_UDPLITE
  );
}
