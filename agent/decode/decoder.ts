import { DIRECTION_OUT, KEY_META, META_ENI_SHIFT, META_OUT } from '../../shared/flow-key.ts';
import { KERNEL_UNKNOWN, type CaptureInterface, type PacketBatch } from '../../shared/packet-batch.ts';
import { EniMatcher, NO_ENI, type PlacedEni } from './eni-match.ts';
import { FragmentTable } from './fragment-table.ts';
import { decodeIpv4 } from './ipv4.ts';
import { decodeIpv6 } from './ipv6.ts';
import { QUEUE_QUOTES, SLOT_FLAGS, SLOT_STATUS, SLOT_WORDS, type KeyQueue } from './key-queue.ts';
import { LINK_ETHERNET, LINK_SLL, LINK_SLL2, networkOffset } from './link-layer.ts';
import { STATUS_DECODED } from './packet-status.ts';

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
  /** What has been learnt of each source, by the source's own list of interfaces. */
  private known = new WeakMap<readonly CaptureInterface[], SourceInterfaces>();

  constructor(enis: readonly PlacedEni[]) {
    this.enis = enis;
  }

  /** Other ENIs from the next packet on. */
  watch(enis: readonly PlacedEni[]): void {
    this.enis = enis;
    this.known = new WeakMap();
  }

  /**
   * Decodes packets [from, to) of the batch into the queue, which is emptied first. `interfaces` is the list that
   * their interface index points into, the same object for all batches of a source. Throws CAPTURE_LINK_TYPE.
   */
  decode(batch: PacketBatch, from: number, to: number, interfaces: readonly CaptureInterface[], queue: KeyQueue): void {
    const { matchers, linkTypes } = this.learn(interfaces);
    const { view, offset: offsets, captureLength, originalLength, interfaceIndex, kernelDirection, timeUs } = batch;
    const keys = queue.keys;
    queue.count = 0;
    for (let i = from; i < to; i++) {
      const offset = offsets[i]!;
      const end = offset + captureLength[i]!;
      const linkType = linkTypes[interfaceIndex[i]!]!;
      const at = queue.count * SLOT_WORDS;
      const network = networkOffset(linkType, view, offset, end);
      let status = -network;
      if (network >= 0) {
        const packet = network >> 1;
        const originalBytes = originalLength[i]! - (packet - offset);
        status = (network & 1) === 0
          ? decodeIpv4(view, packet, end, originalBytes, queue, at, this.fragments, timeUs[i]!)
          : decodeIpv6(view, packet, end, originalBytes, queue, at, this.fragments, timeUs[i]!);
      }
      keys[at + SLOT_STATUS] = status;
      const matcher = matchers[interfaceIndex[i]!]!;
      if (!this.match(matcher, linkType, view, offset, end, status, queue, kernelDirection[i]!)) {
        this.unmatchedPackets++;
        continue;
      }
      this.enqueue(matcher, queue, at, timeUs[i]!);
    }
  }

  private match(
    matcher: EniMatcher, linkType: number, view: DataView, offset: number, end: number, status: number, queue: KeyQueue, kernel: number,
  ): boolean {
    let kernelDirection = kernel;
    let isGroupDestination = false;
    if (linkType === LINK_ETHERNET) {
      if (end - offset >= 12) {
        if (!matcher.ignoresMac && matcher.matchMacs(view, offset)) return true;
        isGroupDestination = (view.getUint8(offset) & 1) === 1;
      }
    } else if (linkType === LINK_SLL && end - offset >= 16) {
      if (kernelDirection === KERNEL_UNKNOWN) kernelDirection = view.getUint16(offset);
      if (!matcher.ignoresMac && matcher.matchSourceMac(view, offset + 6)) return true;
    } else if (linkType === LINK_SLL2 && end - offset >= 20) {
      if (kernelDirection === KERNEL_UNKNOWN) kernelDirection = view.getUint8(offset + 10);
      if (!matcher.ignoresMac && matcher.matchSourceMac(view, offset + 12)) return true;
    }
    if (status === STATUS_DECODED && matcher.matchAddresses(queue.keys, queue.count * SLOT_WORDS)) return true;
    return matcher.matchRest(kernelDirection, isGroupDestination);
  }

  /** Completes the slot at `at` for the ENI, and adds a second one where the packet passed two. */
  private enqueue(matcher: EniMatcher, queue: KeyQueue, at: number, timeUs: number): void {
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
      const here = this.enis.filter(({ eni }) => name === null || eni.interface === null || eni.interface === name);
      source.matchers.push(new EniMatcher(here));
    }
    return source;
  }
}

/** By interface index. */
interface SourceInterfaces {
  readonly matchers: EniMatcher[];
  readonly linkTypes: number[];
}
