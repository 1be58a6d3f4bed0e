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

/** Memory for the columns of a batch. */
export interface BatchMemory {
  readonly buffer: ArrayBufferLike;
  /** A multiple of 8. */
  readonly offset: number;
  /** For a kernel, or -1. */
  readonly address: number;
}

export function batchBytes(capacity: number): number {
  return capacity * 25;
}

export class PacketBatch {
  readonly capacity: number;
  /** Packets in this batch. */
  count = 0;
  /** The block that the packets lie in. Set all three through `setBytes`. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Of `bytes` in the memory of a kernel, or -1. */
  address = -1;
  /** Of the columns there, or -1. */
  readonly place: number;
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

  /** `memory`: zeros for the columns, batchBytes of them. */
  constructor(capacity: number = DEFAULT_BATCH_PACKETS, memory: BatchMemory = { buffer: new ArrayBuffer(batchBytes(capacity)), offset: 0, address: -1 }) {
    const { buffer, offset, address } = memory;
    this.capacity = capacity;
    this.place = address;
    this.timeUs = new Float64Array(buffer, offset, capacity);
    const columns = [0, 1, 2, 3].map((column) => new Int32Array(buffer, offset + capacity * (8 + 4 * column), capacity));
    [this.offset, this.captureLength, this.originalLength, this.interfaceIndex] = columns as [Int32Array, Int32Array, Int32Array, Int32Array];
    this.kernelDirection = new Uint8Array(buffer, offset + capacity * 24, capacity).fill(KERNEL_UNKNOWN);
  }

  setBytes(bytes: Uint8Array, address = -1): void {
    if (bytes === this.bytes) return;
    this.bytes = bytes;
    this.address = address;
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
