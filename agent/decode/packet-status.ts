/**
 * What became of a packet in the decoder. A bad packet is data: a number here and a counter in the seal, never a throw.
 */
export const STATUS_DECODED = 0;
/** No IP inside (ARP, STP, LLDP ...): outside of what a flow log records. */
export const STATUS_NON_IP = 1;
export const STATUS_LINK_TRUNCATED = 2;
export const STATUS_LINK_DEPTH = 3;
export const STATUS_IPV4_TRUNCATED = 4;
export const STATUS_IPV4_HEADER = 5;
export const STATUS_IPV4_LENGTH = 6;
export const STATUS_IPV6_TRUNCATED = 7;
export const STATUS_IPV6_HEADER = 8;
export const STATUS_IPV6_EXTENSIONS = 9;
export const STATUS_TRANSPORT_TRUNCATED = 10;

/** Names in seals and metrics, by status. */
export const PACKET_STATUS_NAMES = [
  'decoded',
  'non-ip',
  'link-truncated', // the frame ends inside its link header
  'link-depth', // more VLAN tags or MPLS labels than the bound
  'ipv4-truncated', // the frame ends inside the IPv4 header
  'ipv4-header', // version is not 4, or a header length below 20
  'ipv4-length', // total length smaller than the header
  'ipv6-truncated', // the frame ends inside the IPv6 header or an extension header
  'ipv6-header', // version is not 6
  'ipv6-extensions', // more extension headers than the bound
  'transport-truncated', // the frame ends before the ports or the ICMP type
] as const;
