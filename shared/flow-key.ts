/**
 * The layout of one decoded packet in the key queue, in 32-bit words. The flow table compares it, the classifier
 * reads it, records are written from it. The first four words are the whole key of an IPv4 flow.
 *
 * | word | content |
 * |------|---------|
 * | 0    | source address, last 32 bits (all of it for IPv4), most significant byte first |
 * | 1    | destination address, last 32 bits |
 * | 2    | source port << 16 | destination port; for ICMP and ICMPv6: type << 8 | code |
 * | 3    | meta: protocol (bits 0-7), direction (8: 0 in, 1 out), family (9: 0 IPv4, 1 IPv6), ENI index (10-29) |
 * | 4-6  | source address, first 96 bits; for IPv4 0, 0, 0xffff (IPv4-mapped, RFC 4291 section 2.5.5.2) |
 * | 7-9  | destination address, first 96 bits |
 */
export const KEY_SRC3 = 0;
export const KEY_DST3 = 1;
export const KEY_PORTS = 2;
export const KEY_META = 3;
export const KEY_SRC0 = 4;
export const KEY_SRC1 = 5;
export const KEY_SRC2 = 6;
export const KEY_DST0 = 7;
export const KEY_DST1 = 8;
export const KEY_DST2 = 9;
/** Words that make the key; what follows in a queue slot belongs to the packet, not to the flow. */
export const KEY_WORDS = 10;

export const META_OUT = 0x100;
export const META_IPV6 = 0x200;
export const META_ENI_SHIFT = 10;
export const MAX_ENIS = 1 << 20;

export const DIRECTION_IN = 0;
export const DIRECTION_OUT = 1;
