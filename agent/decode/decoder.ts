import { DIRECTION_OUT, KEY_META, META_ENI_SHIFT, META_OUT } from '../../shared/flow-key.ts';
import { PacketMemory, NOWHERE } from '../kernel/packet-memory.ts';
import { KERNEL_UNKNOWN, type CaptureInterface, type PacketBatch } from '../../shared/packet-batch.ts';
import { decodeCommonFrame } from './common-frame.ts';
import { EniMatcher, NO_ENI, type PlacedEni } from './eni-match.ts';
import { FragmentTable } from './fragment-table.ts';
import { decodeIpv4 } from './ipv4.ts';
import { decodeIpv6 } from './ipv6.ts';
import type { KeyQueue } from './key-queue.ts';
import { QUEUE_QUOTES, SLOT_FLAGS, SLOT_STATUS, SLOT_WORDS } from './key-slot.ts';
import { LINK_ETHERNET, LINK_SLL, LINK_SLL2, networkOffset } from './link-layer.ts';
import { STATUS_DECODED } from './packet-status.ts';

/** Packets that take the long way in a row, at most, before the kernel is tried again. */
const MAX_STRETCH = 64;

/**
 * Turns a batch of frames into keys. One loop, numbers only.
 *
 * I1. Each packet ends in one queue slot per ENI that it passed (two at most), decoded or with a status, or in
 *     `unmatchedPackets`.
 */
export class Decoder {
  /** Packets that passed none of the ENIs. */
  unmatchedPackets = 0;
  private enis: readonly PlacedEni[];
  private readonly fragments = new FragmentTable();
  /** By the name of the interface. */
  private readonly matchers = new Map<string | null, EniMatcher>();
  /** What has been learnt of each source, by the source's own list of interfaces. */
  private known = new WeakMap<readonly CaptureInterface[], SourceInterfaces>();

  private readonly memory: PacketMemory;

  constructor(enis: readonly PlacedEni[], memory: PacketMemory = PacketMemory.withoutKernel()) {
    this.enis = enis;
    this.memory = memory;
  }

  /** Other ENIs from the next packet on. */
  watch(enis: readonly PlacedEni[]): void {
    this.enis = enis;
    for (const matcher of this.matchers.values()) matcher.release();
    this.matchers.clear();
    this.known = new WeakMap();
  }

  /**
   * Decodes packets [from, to) of the batch into the queue, which is emptied first. `interfaces` is the list that
   * their interface index points into, the same object for all batches of a source. Throws CAPTURE_LINK_TYPE.
   */
  decode(batch: PacketBatch, from: number, to: number, interfaces: readonly CaptureInterface[], queue: KeyQueue): void {
    const source = this.learn(interfaces);
    queue.count = 0;
    queue.isHashed = false;
    let stretch = 1;
    for (let row = from; row < to; ) {
      const reached = this.decodePlain(batch, row, to, source, queue);
      stretch = reached > row ? 1 : Math.min(2 * stretch, MAX_STRETCH);
      row = Math.min(to, reached + stretch);
      this.decodeOneByOne(batch, reached, row, source, queue);
    }
  }

  /** By the kernel, as far as it gets; not at all where it cannot reach everything, or there are several interfaces. */
  private decodePlain(batch: PacketBatch, from: number, to: number, { matchers, linkTypes }: SourceInterfaces, queue: KeyQueue): number {
    const { kernel } = this.memory;
    if (kernel === null || batch.address === NOWHERE || batch.place === NOWHERE || queue.address === NOWHERE) return from;
    if (linkTypes.length !== 1 || linkTypes[0] !== LINK_ETHERNET) return from;
    const macs = matchers[0]!.macs;
    if (macs.isEmpty || macs.address === NOWHERE) return from;
    const reached = kernel.decodeFrames(
      batch.address, batch.offset.byteOffset, batch.captureLength.byteOffset, batch.timeUs.byteOffset, from, to,
      queue.keys.byteOffset + queue.count * SLOT_WORDS * 4, queue.timeUs.byteOffset + queue.count * 8,
      macs.high.byteOffset, macs.low.byteOffset, macs.enis.byteOffset, macs.mask,
    );
    queue.count += reached - from;
    return reached;
  }

  private decodeOneByOne(batch: PacketBatch, from: number, to: number, { matchers, linkTypes }: SourceInterfaces, queue: KeyQueue): void {
    const { view, offset: offsets, captureLength, interfaceIndex } = batch;
    const { keys, timeUs } = queue;
    for (let i = from; i < to; i++) {
      const offset = offsets[i]!;
      const end = offset + captureLength[i]!;
      const linkType = linkTypes[interfaceIndex[i]!]!;
      const matcher = matchers[interfaceIndex[i]!]!;
      const at = queue.count * SLOT_WORDS;
      timeUs[queue.count] = batch.timeUs[i]!;
      const isCommon = linkType === LINK_ETHERNET && decodeCommonFrame(view, offset, end, keys, at);
      const status = isCommon ? STATUS_DECODED : this.decodeFrame(batch, i, linkType, queue, at);
      keys[at + SLOT_STATUS] = status;
      const isMatched = (isCommon && matcher.matchMacs(view, offset)) || this.match(batch, i, linkType, matcher, queue, at);
      if (!isMatched) {
        this.unmatchedPackets++;
        continue;
      }
      const { into, outOf } = matcher;
      if (isCommon && (into ^ outOf) < 0) {
        // one of them is NO_ENI, all bits of which are set
        keys[at + KEY_META]! |= ((into >>> 31) * META_OUT) | ((into & outOf) << META_ENI_SHIFT);
        queue.count++;
      } else {
        this.enqueue(matcher, queue, at);
      }
    }
  }

  /** Any frame, into slot `at`. Returns its status. */
  private decodeFrame(batch: PacketBatch, i: number, linkType: number, queue: KeyQueue, at: number): number {
    const { view } = batch;
    const offset = batch.offset[i]!;
    const end = offset + batch.captureLength[i]!;
    const network = networkOffset(linkType, view, offset, end);
    if (network < 0) return -network;
    const packet = network >> 1;
    const originalBytes = batch.originalLength[i]! - (packet - offset);
    return (network & 1) === 0
      ? decodeIpv4(view, packet, end, originalBytes, queue, at, this.fragments)
      : decodeIpv6(view, packet, end, originalBytes, queue, at, this.fragments);
  }

  /** Which ENI any frame passed; its slot is at `at`. */
  private match(batch: PacketBatch, i: number, linkType: number, matcher: EniMatcher, queue: KeyQueue, at: number): boolean {
    const { view } = batch;
    const offset = batch.offset[i]!;
    const captured = batch.captureLength[i]!;
    let kernelDirection = batch.kernelDirection[i]!;
    let isGroupDestination = false;
    if (linkType === LINK_ETHERNET) {
      if (captured >= 12) {
        if (matcher.matchMacs(view, offset)) return true;
        isGroupDestination = (view.getUint8(offset) & 1) === 1;
      }
    } else if (linkType === LINK_SLL && captured >= 16) {
      if (kernelDirection === KERNEL_UNKNOWN) kernelDirection = view.getUint16(offset);
      if (matcher.matchSourceMac(view, offset + 6)) return true;
    } else if (linkType === LINK_SLL2 && captured >= 20) {
      if (kernelDirection === KERNEL_UNKNOWN) kernelDirection = view.getUint8(offset + 10);
      if (matcher.matchSourceMac(view, offset + 12)) return true;
    }
    if (queue.keys[at + SLOT_STATUS] === STATUS_DECODED && matcher.matchAddresses(queue.keys, at)) return true;
    return matcher.matchRest(kernelDirection, isGroupDestination);
  }

  /** Completes the slot at `at` for the ENI, and adds a second one where the packet passed two. */
  private enqueue(matcher: EniMatcher, queue: KeyQueue, at: number): void {
    const timeUs = queue.timeUs[queue.count]!;
    const keys = queue.keys;
    const quotes = keys[at + SLOT_STATUS] === STATUS_DECODED && (keys[at + SLOT_FLAGS]! & QUEUE_QUOTES) !== 0;
    const meta = keys[at + SLOT_STATUS] === STATUS_DECODED ? keys[at + KEY_META]! : 0;
    const quotedMeta = quotes ? queue.quoted[at + KEY_META]! : 0;
    let slot = at;
    for (let direction = 0; direction <= DIRECTION_OUT; direction++) {
      const eni = direction === DIRECTION_OUT ? matcher.outOf : matcher.into;
      if (eni === NO_ENI) continue;
      if (slot !== at) keys.copyWithin(slot, at, at + SLOT_WORDS);
      keys[slot + KEY_META] = meta | (direction * META_OUT) | (eni << META_ENI_SHIFT);
      if (quotes) {
        if (slot !== at) queue.quoted.copyWithin(slot, at, at + SLOT_WORDS);
        // the quoted packet passed the ENI the other way, unless all of its packets pass as `in`
        const quotedDirection = eni === matcher.takesAll ? direction : DIRECTION_OUT - direction;
        queue.quoted[slot + KEY_META] = quotedMeta | (quotedDirection * META_OUT) | (eni << META_ENI_SHIFT);
      }
      queue.timeUs[queue.count++] = timeUs;
      slot += SLOT_WORDS;
    }
  }

  private learn(interfaces: readonly CaptureInterface[]): SourceInterfaces {
    let source = this.known.get(interfaces);
    if (!source) this.known.set(interfaces, (source = { matchers: [], linkTypes: [] }));
    for (let i = source.matchers.length; i < interfaces.length; i++) {
      const { name, linkType } = interfaces[i]!;
      source.linkTypes.push(linkType);
      source.matchers.push(this.matcherOf(name));
    }
    return source;
  }

  private matcherOf(name: string | null): EniMatcher {
    let matcher = this.matchers.get(name);
    if (!matcher) {
      const here = this.enis.filter(({ eni }) => name === null || eni.interface === null || eni.interface === name);
      this.matchers.set(name, (matcher = new EniMatcher(here, this.memory)));
    }
    return matcher;
  }
}

/** By interface index. */
interface SourceInterfaces {
  readonly matchers: EniMatcher[];
  readonly linkTypes: number[];
}
