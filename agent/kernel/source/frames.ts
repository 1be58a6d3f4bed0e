import { KEY_META, META_ENI_SHIFT, META_IPV6, META_OUT } from '../../../shared/flow-key.ts';
import { SLOT_BYTES, SLOT_STATUS } from '../../decode/key-slot.ts';

/** Bytes of a slot, as a shift. */
const SLOT_SHIFT: usize = 6;

/* Behind the link header, in the byte order in which this machine loads them. */
const ETHERTYPE_IPV4: u32 = 0x0008;
const ETHERTYPE_IPV6: u32 = 0xdd86;
const ETHERTYPE_VLAN: u32 = 0x0081;
const IPV4_WITHOUT_OPTIONS: u32 = 0x45;
const MORE_OR_OFFSET: u32 = 0xff3f;
const TCP: u32 = 6;
const UDP: u32 = 17;
const IPV4_BYTES: i32 = 20;
const IPV6_BYTES: i32 = 40;
/** Up to the flags of a TCP header, and up to the ports of a UDP header. */
const TCP_FLAGS_END: i32 = 14;
const PORTS_END: i32 = 4;

const NO_ENI: i32 = -1;

/**
 * Ethernet frames, untagged or with one VLAN tag, of TCP or UDP in an unfragmented packet without options or extension headers,
 * that passed one of the ENIs by their MAC addresses: as Decoder.decode. Rows [from, to) of a batch into slots from `slot` on,
 * one each. `highs`, `lows`, `enis`: the interface's MacIndex. Returns the row at which it stopped.
 */
export function decodeFrames(
  bytes: usize, offsets: usize, captured: usize, rowTimes: usize, from: i32, to: i32,
  slot: usize, slotTimes: usize, highs: usize, lows: usize, enis: usize, mask: i32,
): i32 {
  let at = slot;
  let time = slotTimes;
  let row = from;
  for (; row < to; row++) {
    const column = <usize>row << 2;
    const frame = bytes + <usize>load<i32>(offsets + column);
    const end = frame + <usize>load<i32>(captured + column);
    let network = frame + 14;
    // nothing is loaded beyond what was captured: there may be the frame before in the same place
    if (network + IPV4_BYTES + PORTS_END > end) break;
    let etherType: u32 = load<u16>(frame, 12);
    if (etherType == ETHERTYPE_VLAN) {
      etherType = load<u16>(frame, 16);
      network += 4;
      if (network + IPV4_BYTES + PORTS_END > end) break;
    }
    const macs = v128.shuffle<u8>(v128.load(frame), i32x4.splat(0), 5, 4, 3, 2, 1, 0, 16, 16, 11, 10, 9, 8, 7, 6, 16, 16);
    const into = findMac(highs, lows, enis, mask, v128.extract_lane<i32>(macs, 1), v128.extract_lane<i32>(macs, 0));
    const outOf = findMac(highs, lows, enis, mask, v128.extract_lane<i32>(macs, 3), v128.extract_lane<i32>(macs, 2));
    // one of them is NO_ENI, all bits of which are set, and one is not
    if ((into ^ outOf) >= 0) break;
    const meta = ((into >>> 31) * META_OUT) | ((into & outOf) << META_ENI_SHIFT);
    if (etherType == ETHERTYPE_IPV4) {
      if (!ipv4(network, end, at, meta)) break;
    } else if (etherType != ETHERTYPE_IPV6 || !ipv6(network, end, at, meta)) {
      break;
    }
    store<i32>(at + SLOT_STATUS * 4, 0);
    store<f64>(time, load<f64>(rowTimes + (<usize>row << 3)));
    at += 1 << SLOT_SHIFT;
    time += 8;
  }
  return row;
}

/** RFC 791 section 3.1. */
function ipv4(packet: usize, end: usize, at: usize, meta: i32): bool {
  const protocol: u32 = load<u8>(packet, 9);
  const length: i32 = (<i32>load<u8>(packet, 2) << 8) | load<u8>(packet, 3);
  if (load<u8>(packet) != IPV4_WITHOUT_OPTIONS || (load<u16>(packet, 6) & MORE_OR_OFFSET) != 0) return false;
  if (!isWhole(protocol, packet + IPV4_BYTES, end, length - IPV4_BYTES)) return false;
  // source, destination and ports, each turned round
  const turned = v128.shuffle<u8>(v128.load(packet, 8), i32x4.splat(0), 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 16, 16, 16, 16);
  v128.store(at, v128.replace_lane<i32>(turned, <u8>KEY_META, meta | protocol));
  v128.store(at, i32x4(0, 0, 0xffff, 0), 16);
  v128.store(at, tail(i32x4(0, 0xffff, 0, 0), length, flagsOf(protocol, packet + IPV4_BYTES)), 32);
  return true;
}

/** RFC 8200 section 3. */
function ipv6(packet: usize, end: usize, at: usize, meta: i32): bool {
  if (packet + IPV6_BYTES + PORTS_END > end || load<u8>(packet) >> 4 != 6) return false;
  const protocol: u32 = load<u8>(packet, 6);
  const length: i32 = (<i32>load<u8>(packet, 4) << 8) | load<u8>(packet, 5);
  if (!isWhole(protocol, packet + IPV6_BYTES, end, length)) return false;
  const source = v128.load(packet, 8);
  const destination = v128.load(packet, 24);
  const zero = i32x4.splat(0);
  // last words of both addresses; then the ports and the meta word
  const last = v128.shuffle<u8>(source, destination, 15, 14, 13, 12, 31, 30, 29, 28, 15, 14, 13, 12, 15, 14, 13, 12);
  const ports = bswap<i32>(load<i32>(packet, 40));
  v128.store(at, v128.replace_lane<i32>(v128.replace_lane<i32>(last, 2, ports), <u8>KEY_META, meta | protocol | META_IPV6));
  v128.store(at, v128.shuffle<u8>(source, destination, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 19, 18, 17, 16), 16);
  const rest = v128.shuffle<u8>(destination, zero, 7, 6, 5, 4, 11, 10, 9, 8, 16, 16, 16, 16, 16, 16, 16, 16);
  v128.store(at, tail(rest, IPV6_BYTES + length, flagsOf(protocol, packet + IPV6_BYTES)), 32);
  return true;
}

/** Words 8 to 11 of a slot: the key's last two, IP bytes and flags. */
function tail(words: v128, length: i32, flags: i32): v128 {
  return v128.replace_lane<i32>(v128.replace_lane<i32>(words, <u8>(SLOT_BYTES - 8), length), <u8>(SLOT_BYTES - 7), flags);
}

/** Whether what is read of the transport header was captured, and is inside of the packet. */
function isWhole(protocol: u32, transport: usize, end: usize, bytes: i32): bool {
  if (protocol == TCP) return bytes >= TCP_FLAGS_END && transport + TCP_FLAGS_END <= end;
  return protocol == UDP && bytes >= PORTS_END && transport + PORTS_END <= end;
}

function flagsOf(protocol: u32, transport: usize): i32 {
  return protocol == TCP ? load<u8>(transport, 13) : 0;
}

/** As MacIndex.find. */
function findMac(highs: usize, lows: usize, enis: usize, mask: i32, high: i32, low: i32): i32 {
  const hash = (low ^ (high << 7)) * <i32>0x9e3779b1;
  let slot = (hash ^ (hash >>> 15)) & mask;
  let eni = load<i32>(enis + (<usize>slot << 2));
  while (eni != NO_ENI && (load<i32>(lows + (<usize>slot << 2)) != low || load<i32>(highs + (<usize>slot << 2)) != high)) {
    slot = (slot + 1) & mask;
    eni = load<i32>(enis + (<usize>slot << 2));
  }
  return eni;
}
