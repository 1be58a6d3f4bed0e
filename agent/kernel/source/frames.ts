import {
  KEY_DST0, KEY_DST1, KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC0, KEY_SRC3, META_ENI_SHIFT, META_IPV6, META_OUT,
} from '../../../shared/flow-key.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../../shared/protocol.ts';
import { SLOT_BYTES, SLOT_FLAGS, SLOT_STATUS } from '../../decode/key-slot.ts';
import { SLOT_SHIFT } from './layout';

/* Behind the link header, as WebAssembly loads them, the lowest byte first. */
const ETHERTYPE_IPV4: u32 = 0x0008;
const ETHERTYPE_IPV6: u32 = 0xdd86;
const ETHERTYPE_VLAN: u32 = 0x0081;
const IPV4_WITHOUT_OPTIONS: u32 = 0x45;
const MORE_OR_OFFSET: u32 = 0xff3f;
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
    // each address as its lower 32 bits, then its upper 16
    const start = v128.load(frame);
    const macs = v128.shuffle<u8>(start, start, 5, 4, 3, 2, 1, 0, 0, 0, 11, 10, 9, 8, 7, 6, 0, 0);
    const into = findMac(highs, lows, enis, mask, v128.extract_lane<u16>(macs, 2), v128.extract_lane<i32>(macs, 0));
    const outOf = findMac(highs, lows, enis, mask, v128.extract_lane<u16>(macs, 6), v128.extract_lane<i32>(macs, 2));
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
  const protocol: i32 = load<u8>(packet, 9);
  const length: i32 = (<i32>load<u8>(packet, 2) << 8) | load<u8>(packet, 3);
  if (load<u8>(packet) != IPV4_WITHOUT_OPTIONS || (load<u16>(packet, 6) & MORE_OR_OFFSET) != 0) return false;
  if (!isWhole(protocol, packet + IPV4_BYTES, end, length - IPV4_BYTES)) return false;
  // source, destination and ports
  v128.store(at, hostOrder(v128.load(packet, 12)));
  store<i32>(at, meta | protocol, KEY_META * 4);
  v128.store(at, i32x4(0, 0, 0xffff, 0), KEY_SRC0 * 4);
  store<i64>(at, <i64>0xffff << 32, KEY_DST1 * 4);
  store<i32>(at, length, SLOT_BYTES * 4);
  store<i32>(at, flagsOf(protocol, packet + IPV4_BYTES), SLOT_FLAGS * 4);
  return true;
}

/** RFC 8200 section 3. */
function ipv6(packet: usize, end: usize, at: usize, meta: i32): bool {
  if (packet + IPV6_BYTES + PORTS_END > end || load<u8>(packet) >> 4 != 6) return false;
  const protocol: i32 = load<u8>(packet, 6);
  const length: i32 = (<i32>load<u8>(packet, 4) << 8) | load<u8>(packet, 5);
  if (!isWhole(protocol, packet + IPV6_BYTES, end, length)) return false;
  const source = hostOrder(v128.load(packet, 8));
  const destination = hostOrder(v128.load(packet, 24));
  // all four words of each, the last of which is overwritten
  v128.store(at, source, KEY_SRC0 * 4);
  v128.store(at, destination, KEY_DST0 * 4);
  store<i32>(at, v128.extract_lane<i32>(source, 3), KEY_SRC3 * 4);
  store<i32>(at, v128.extract_lane<i32>(destination, 3), KEY_DST3 * 4);
  store<i32>(at, bswap<i32>(load<i32>(packet, 40)), KEY_PORTS * 4);
  store<i32>(at, meta | protocol | META_IPV6, KEY_META * 4);
  store<i32>(at, IPV6_BYTES + length, SLOT_BYTES * 4);
  store<i32>(at, flagsOf(protocol, packet + IPV6_BYTES), SLOT_FLAGS * 4);
  return true;
}

/** Four words of network byte order. */
function hostOrder(words: v128): v128 {
  return v128.shuffle<u8>(words, words, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/**
 * Whether what is read of the transport header was captured, and is inside of the packet. What differs from packet to packet
 * is no branch, which the processor would guess wrong.
 */
function isWhole(protocol: i32, transport: usize, end: usize, bytes: i32): bool {
  const needed = select<i32>(TCP_FLAGS_END, PORTS_END, protocol == PROTOCOL_TCP);
  return (i32(protocol == PROTOCOL_TCP) | i32(protocol == PROTOCOL_UDP)) & i32(bytes >= needed) & i32(transport + <usize>needed <= end) ? true : false;
}

function flagsOf(protocol: i32, transport: usize): i32 {
  // the byte is in memory, if not in the packet, whatever the protocol is
  return select<i32>(load<u8>(transport, 13), 0, protocol == PROTOCOL_TCP);
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
