import { KEY_DST0, KEY_DST1, KEY_DST2, KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC0, KEY_SRC1, KEY_SRC2, KEY_SRC3 } from '../../shared/flow-key.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../shared/protocol.ts';
import { SLOT_BYTES, SLOT_FLAGS } from './key-slot.ts';

/*
 * An Ethernet frame with nothing unusual in it, in words of 32 bits:
 *
 *     |         EtherType 0800        |Version|  IHL  |Type of Service|  12
 *     |          Total Length         |         Identification        |  16
 *     |Flags|      Fragment Offset    |  Time to Live |    Protocol   |  20
 *     |        Header Checksum        |        Source Address         |  24
 *     |       Source Address          |      Destination Address      |  28
 *     |     Destination Address       |          Source Port          |  32
 *     |       Destination Port        |              ...              |  36
 *                                                     |   TCP flags   |  47
 */
const ETHER_TYPE_AND_VERSION = 12;
const TOTAL_LENGTH = 16;
const FRAGMENT_AND_PROTOCOL = 20;
const SOURCE = 26;
const DESTINATION = 30;
const PORTS = 34;
const TCP_FLAGS = 47;

const IPV4_WITHOUT_OPTIONS = 0x080045;
const FRAGMENT_OR_MORE = 0x3fff;
/** From here on the TCP flags are captured, and inside of the packet: in UDP, payload. */
const MIN_FRAME_BYTES = TCP_FLAGS + 1;
const MIN_IP_BYTES = MIN_FRAME_BYTES - 14;
const IPV4_MAPPED = 0xffff;

/**
 * The short way through the decoder: TCP or UDP in an unfragmented IPv4 packet without options, straight behind an
 * untagged Ethernet header, which is most of most traffic. False, with nothing said, where the frame is anything else;
 * where it is true, the slot at `at` is the one that decodeIpv4 fills.
 */
export function decodeCommonFrame(view: DataView, offset: number, end: number, keys: Int32Array, at: number): boolean {
  if (end - offset < MIN_FRAME_BYTES) return false;
  if (view.getInt32(offset + ETHER_TYPE_AND_VERSION) >>> 8 !== IPV4_WITHOUT_OPTIONS) return false;
  const bytes = view.getUint16(offset + TOTAL_LENGTH);
  const word = view.getInt32(offset + FRAGMENT_AND_PROTOCOL);
  const protocol = word & 0xff;
  if (bytes < MIN_IP_BYTES || ((word >>> 16) & FRAGMENT_OR_MORE) !== 0) return false;
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return false;
  keys[at + KEY_SRC3] = view.getInt32(offset + SOURCE);
  keys[at + KEY_DST3] = view.getInt32(offset + DESTINATION);
  keys[at + KEY_PORTS] = view.getInt32(offset + PORTS);
  keys[at + KEY_META] = protocol;
  keys[at + KEY_SRC0] = 0;
  keys[at + KEY_SRC1] = 0;
  keys[at + KEY_SRC2] = IPV4_MAPPED;
  keys[at + KEY_DST0] = 0;
  keys[at + KEY_DST1] = 0;
  keys[at + KEY_DST2] = IPV4_MAPPED;
  keys[at + SLOT_BYTES] = bytes;
  keys[at + SLOT_FLAGS] = protocol === PROTOCOL_TCP ? view.getUint8(offset + TCP_FLAGS) : 0;
  return true;
}
