/**
 * The unit that every packet source fills and the decoder consumes: a fixed number of packets
 * described by columns over one block of bytes. Nothing is allocated per packet.
 *
 * I1. `bytes`, `view` and the columns [0, count) are valid until the next `fill` of the source that owns them.
 * I2. `captureLength[i]` bytes from `offset[i]` lie inside `bytes`; `originalLength[i]` says nothing about memory.
 */

/** Packets per batch unless a caller asks for another size: the columns and the key queue stay inside the L2 cache. */
export const DEFAULT_BATCH_PACKETS = 512;

/** What the kernel says of a packet (`sll_pkttype`, packet(7)); the same numbers stand in Linux SLL and SLL2 captures. */
export const KERNEL_HOST = 0;
export const KERNEL_BROADCAST = 1;
export const KERNEL_MULTICAST = 2;
export const KERNEL_OTHERHOST = 3;
export const KERNEL_OUTGOING = 4;
/** No kernel direction is known, as in most capture files. */
export const KERNEL_UNKNOWN = 255;

export class PacketBatch {
  readonly capacity: number;
  /** Packets in this batch. */
  count = 0;
  /** The block that the packets lie in. Set both through `setBytes`. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Byte offset of the frame's first byte in `bytes`. */
  readonly offset: Int32Array;
  /** Bytes of the frame that were captured. */
  readonly captureLength: Int32Array;
  /** Bytes of the frame on the wire, as the capture states it. */
  readonly originalLength: Int32Array;
  /** Unix time in whole microseconds (an integer, exact in a double until the year 2255). Finer digits are cut. */
  readonly timeUs: Float64Array;
  /** Index into the source's `interfaces`. */
  readonly interfaceIndex: Int32Array;
  /** One of the KERNEL_ constants. */
  readonly kernelDirection: Uint8Array;

  constructor(capacity: number = DEFAULT_BATCH_PACKETS) {
    this.capacity = capacity;
    this.offset = new Int32Array(capacity);
    this.captureLength = new Int32Array(capacity);
    this.originalLength = new Int32Array(capacity);
    this.timeUs = new Float64Array(capacity);
    this.interfaceIndex = new Int32Array(capacity);
    this.kernelDirection = new Uint8Array(capacity).fill(KERNEL_UNKNOWN);
  }

  setBytes(bytes: Uint8Array): void {
    if (bytes === this.bytes) return;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/** One interface of a source: a network device, or an interface description in a capture file. */
export interface CaptureInterface {
  /** Name on the host or in the capture file; null where the format has none (classic pcap). */
  readonly name: string | null;
  /** LINKTYPE_ number, https://www.tcpdump.org/linktypes.html */
  readonly linkType: number;
}

/** Why a source ended before its input did. */
export interface CaptureDamage {
  /** Byte offset in the (uncompressed) input at which the damage begins. */
  readonly offset: number;
  readonly reason: string;
}

/**
 * A source of packets: a capture file, an AF_PACKET ring, `cap`. One contract, one set of contract tests.
 * `fill` puts up to `batch.capacity` packets into the batch, sets `batch.count`, and resolves to false when the
 * source has ended (the batch is then empty). A live source resolves true with an empty batch when nothing came for a
 * while, so that its reader can look at the clock; a capture file never does. It may grow `interfaces`, never reorder it. It throws CaptureError
 * only for what makes the whole source unusable (not a capture file, no permission).
 */
export interface PacketSource {
  readonly interfaces: readonly CaptureInterface[];
  /** Set once, when the source ended early. */
  readonly damage: CaptureDamage | null;
  fill(batch: PacketBatch): Promise<boolean>;
  close(): Promise<void>;
}
