import { parseAddress } from '../../shared/address.ts';
import { KEY_DST0, KEY_DST3, KEY_SRC0, KEY_SRC3 } from '../../shared/flow-key.ts';
import { KERNEL_OUTGOING, KERNEL_UNKNOWN } from '../../shared/packet-batch.ts';
import { NOWHERE, type MemoryPiece, type PacketMemory } from '../kernel/packet-memory.ts';
import type { Eni } from '../../shared/topology/topology.ts';

const MIN_MAC_SLOTS = 256;

/** No ENI. */
export const NO_ENI = -1;

/** An ENI and its index, which never changes while a pipeline lives. */
export interface PlacedEni {
  readonly index: number;
  readonly eni: Eni;
}

/**
 * Which ENI a packet of one capture interface belongs to, and in which direction it passed it.
 *
 * MAC addresses decide first, then IP addresses, then the kernel's packet type together with the side at which the
 * capture sits. A packet between two ENIs of the same interface leaves one and goes to the other.
 *
 * I1. After `match...`, `outOf` is the ENI that the packet leaves, `into` the one it goes to; NO_ENI for none.
 */
export class EniMatcher {
  outOf = NO_ENI;
  into = NO_ENI;
  /** The ENI that takes every packet of the interface, as `in`. */
  readonly takesAll: number;
  /** The only ENI of the interface, which the kernel's packet type and multicast can be given to. */
  private readonly only: number;
  private readonly onlyIsHostSide: boolean;
  private readonly byMac: MacIndex;
  private readonly byAddress = new AddressIndex();

  /** `enis`: the ENIs that show up at this interface, with their index in the topology. */
  constructor(enis: readonly PlacedEni[], memory: PacketMemory) {
    this.byMac = new MacIndex(memory);
    const catchAll = enis.find(({ eni }) => eni.mac === null && eni.addresses.length === 0);
    this.takesAll = catchAll ? catchAll.index : NO_ENI;
    this.only = enis.length === 1 ? enis[0]!.index : NO_ENI;
    this.onlyIsHostSide = enis.length === 1 && enis[0]!.eni.side === 'host';
    for (const { index, eni } of enis) {
      if (eni.mac !== null) this.byMac.add(eni.mac, index);
      for (const address of eni.addresses) this.byAddress.add(address, index);
    }
  }

  /** The MAC addresses, for the kernel. */
  get macs(): MacIndex {
    return this.byMac;
  }

  /** It is not used any more. */
  release(): void {
    this.byMac.release();
  }

  /** By the MAC addresses of an Ethernet frame at `offset`; at least 12 bytes are there. */
  matchMacs(view: DataView, offset: number): boolean {
    if (this.byMac.isEmpty) return false;
    const middle = view.getInt32(offset + 4);
    this.into = this.byMac.find(view.getUint16(offset), (view.getUint16(offset + 2) << 16) | (middle >>> 16));
    this.outOf = this.byMac.find(middle & 0xffff, view.getInt32(offset + 8));
    return (this.into & this.outOf) !== NO_ENI;
  }

  /** By one source MAC address, all that a Linux SLL header has. */
  matchSourceMac(view: DataView, offset: number): boolean {
    this.into = NO_ENI;
    this.outOf = this.byMac.isEmpty ? NO_ENI : this.byMac.find(view.getUint16(offset), view.getInt32(offset + 2));
    return this.outOf !== NO_ENI;
  }

  /** By the addresses of the key at `keys[at]`. */
  matchAddresses(keys: Int32Array, at: number): boolean {
    if (this.byAddress.isEmpty) {
      this.outOf = this.into = NO_ENI;
      return false;
    }
    this.outOf = this.byAddress.find(keys, at + KEY_SRC0, at + KEY_SRC3);
    this.into = this.byAddress.find(keys, at + KEY_DST0, at + KEY_DST3);
    return this.into !== NO_ENI || this.outOf !== NO_ENI;
  }

  /** By what is left: the kernel's packet type, a group destination, or the ENI that takes all. */
  matchRest(kernelDirection: number, isGroupDestination: boolean): boolean {
    this.outOf = this.into = NO_ENI;
    if (this.takesAll !== NO_ENI) {
      this.into = this.takesAll;
    } else if (this.only !== NO_ENI && kernelDirection !== KERNEL_UNKNOWN) {
      if ((kernelDirection === KERNEL_OUTGOING) === this.onlyIsHostSide) this.into = this.only;
      else this.outOf = this.only;
    } else if (isGroupDestination) {
      this.into = this.only;
    }
    return this.into !== NO_ENI || this.outOf !== NO_ENI;
  }
}

/**
 * ENIs by MAC address: open addressing over the upper 16 and the lower 32 bits. At most a quarter full, and so large that
 * where there are few ENIs a stranger's address hardly ever meets one: each such walk is a branch that is guessed wrong.
 */
class MacIndex {
  isEmpty = true;
  high: Int32Array = new Int32Array(0);
  low: Int32Array = new Int32Array(0);
  enis: Int32Array = new Int32Array(0);
  mask = 0;
  /** For the kernel, or NOWHERE. */
  address = NOWHERE;
  private readonly entries: { high: number; low: number; eni: number }[] = [];
  private readonly memory: PacketMemory;
  private piece: MemoryPiece | null = null;

  constructor(memory: PacketMemory) {
    this.memory = memory;
  }

  release(): void {
    if (this.piece !== null) this.memory.giveBack(this.piece);
    this.piece = null;
  }

  /** A MAC address that comes again belongs to the ENI that had it first. */
  add(mac: string, eni: number): void {
    const octets = mac.split(':').map((octet) => Number.parseInt(octet, 16));
    const high = (octets[0]! << 8) | octets[1]!;
    const low = (octets[2]! << 24) | (octets[3]! << 16) | (octets[4]! << 8) | octets[5]!;
    this.isEmpty = false;
    this.entries.push({ high, low, eni });
    if (this.entries.length * 4 > this.enis.length) this.rebuild();
    else this.insert(high, low, eni);
  }

  find(high: number, low: number): number {
    const { enis, mask } = this;
    let slot = macHash(high, low) & mask;
    while (enis[slot] !== NO_ENI && (this.low[slot] !== low || this.high[slot] !== high)) slot = (slot + 1) & mask;
    return enis[slot]!;
  }

  private rebuild(): void {
    const capacity = Math.max(MIN_MAC_SLOTS, 2 ** Math.ceil(Math.log2(this.entries.length * 8)));
    this.release();
    const { buffer, offset, address } = (this.piece = this.memory.take(3 * capacity * 4));
    this.address = address;
    this.high = new Int32Array(buffer, offset, capacity);
    this.low = new Int32Array(buffer, offset + capacity * 4, capacity);
    this.enis = new Int32Array(buffer, offset + 2 * capacity * 4, capacity).fill(NO_ENI);
    this.mask = capacity - 1;
    for (const { high, low, eni } of this.entries) this.insert(high, low, eni);
  }

  private insert(high: number, low: number, eni: number): void {
    let slot = macHash(high, low) & this.mask;
    while (this.enis[slot] !== NO_ENI) slot = (slot + 1) & this.mask;
    this.high[slot] = high;
    this.low[slot] = low;
    this.enis[slot] = eni;
  }
}

function macHash(high: number, low: number): number {
  const h = Math.imul(low ^ (high << 7), 0x9e3779b1);
  return h ^ (h >>> 15);
}

/** ENIs by address: open addressing over words of addresses, at most half full. */
class AddressIndex {
  private words = new Int32Array(0);
  private enis = new Int32Array(0);
  private mask = 0;
  private readonly entries: { words: Int32Array; eni: number }[] = [];

  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  add(address: string, eni: number): void {
    const words = parseAddress(address);
    if (!words) throw new Error(`address ${address} of a validated topology does not parse`);
    this.entries.push({ words, eni });
    if (this.entries.length * 2 > this.enis.length) this.rebuild();
    else this.insert(words, eni);
  }

  /** `first`: index of the first of the 96 leading bits' words, `last`: index of the last word. */
  find(keys: Int32Array, first: number, last: number): number {
    const { words, enis, mask } = this;
    let slot = hash(keys[first]!, keys[first + 1]!, keys[first + 2]!, keys[last]!) & mask;
    while (enis[slot] !== NO_ENI) {
      const at = slot * 4;
      if (words[at + 3] === keys[last] && words[at + 2] === keys[first + 2] && words[at + 1] === keys[first + 1] && words[at] === keys[first]) {
        return enis[slot]!;
      }
      slot = (slot + 1) & mask;
    }
    return NO_ENI;
  }

  private rebuild(): void {
    const capacity = Math.max(16, 2 ** Math.ceil(Math.log2(this.entries.length * 4)));
    this.words = new Int32Array(capacity * 4);
    this.enis = new Int32Array(capacity).fill(NO_ENI);
    this.mask = capacity - 1;
    for (const { words, eni } of this.entries) this.insert(words, eni);
  }

  private insert(address: Int32Array, eni: number): void {
    let slot = hash(address[0]!, address[1]!, address[2]!, address[3]!) & this.mask;
    while (this.enis[slot] !== NO_ENI) slot = (slot + 1) & this.mask;
    this.words.set(address, slot * 4);
    this.enis[slot] = eni;
  }
}

function hash(w0: number, w1: number, w2: number, w3: number): number {
  let h = Math.imul(w3 ^ Math.imul(w2, 0x85ebca6b), 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ Math.imul(w1 ^ Math.imul(w0, 0xc2b2ae35), 0x27d4eb2f), 0x85ebca6b);
  return h ^ (h >>> 16);
}
