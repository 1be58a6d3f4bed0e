/**
 * A TPACKET_V3 ring (linux/if_packet.h): blocks that the kernel fills with frames one after the other and hands over
 * whole. All fields are in the byte order of this machine.
 *
 *   block   version (4)  private (4)  status (4)  packets (4)  offset of the first frame (4)  length (4)  …
 *   frame   to the next frame (4)  seconds (4)  nanoseconds (4)  captured (4)  original (4)  status (4)
 *           to the link header (2)  to the network header (2)  …  at 48: struct sockaddr_ll
 *
 * A VLAN tag that was taken out of the frame stands in the frame header (TP_STATUS_VLAN_VALID). It is not put back:
 * the decoder looks behind tags anyway, bytes are IP bytes, and the lengths of frame and capture both leave the tag out.
 * Of stacked tags only the outermost one is taken out, so the frame still says with its EtherType that a tag follows.
 *
 * I1. The frames of a batch stay untouched by the kernel until the next `read` or `release`: its block is handed back
 *     no earlier.
 * I2. After `close` the ring's memory is never read.
 */
import { KERNEL_OUTGOING, KERNEL_UNKNOWN, type PacketBatch } from '../../../shared/packet-batch.ts';

const BLOCK_STATUS = 8;
const BLOCK_PACKETS = 12;
const BLOCK_FIRST = 16;

const FRAME_NEXT = 0;
const FRAME_SECONDS = 4;
const FRAME_NANOSECONDS = 8;
const FRAME_CAPTURED = 12;
const FRAME_ORIGINAL = 16;
const FRAME_LINK_HEADER = 24;
/** sll_pkttype of the sockaddr_ll behind the 48 bytes of the frame header. */
const FRAME_PACKET_TYPE = 48 + 10;

const STATUS_KERNEL = 0;
const STATUS_USER = 1;

export class AfPacketRing {
  private bytes: Uint8Array;
  private halves: Uint16Array;
  private words: Int32Array;
  private readonly blockBytes: number;
  /** Byte offset of the block that is read, or is to be read next. */
  private block = 0;
  /** Whether that block is ours. */
  private isHeld = false;
  /** Packets of it that were not handed out yet, and the first of them. */
  private packetsLeft = 0;
  private frame = 0;

  constructor(memory: ArrayBuffer, blockBytes: number) {
    this.bytes = new Uint8Array(memory);
    this.halves = new Uint16Array(memory);
    this.words = new Int32Array(memory);
    this.blockBytes = blockBytes;
  }

  get hasPackets(): boolean {
    return this.packetsLeft > 0;
  }

  /** Hands the block that was read back to the kernel. */
  release(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    Atomics.store(this.words, (this.block + BLOCK_STATUS) >> 2, STATUS_KERNEL);
    this.block += this.blockBytes;
    if (this.block === this.bytes.length) this.block = 0;
  }

  /** Takes the next block, if the kernel is done with it and the one before was released. */
  takeBlock(): boolean {
    if (this.isHeld || this.bytes.length === 0) return false;
    if ((Atomics.load(this.words, (this.block + BLOCK_STATUS) >> 2) & STATUS_USER) === 0) return false;
    this.isHeld = true;
    this.packetsLeft = this.words[(this.block + BLOCK_PACKETS) >> 2]!;
    this.frame = this.block + this.words[(this.block + BLOCK_FIRST) >> 2]!;
    return true;
  }

  /** Packets of the held block into the batch, up to its capacity. */
  read(batch: PacketBatch): void {
    const { bytes, halves, words } = this;
    const { offset, captureLength, originalLength, timeUs, interfaceIndex, kernelDirection } = batch;
    const count = Math.min(this.packetsLeft, batch.capacity);
    let frame = this.frame;
    for (let i = 0; i < count; i++) {
      offset[i] = frame + halves[(frame + FRAME_LINK_HEADER) >> 1]!;
      captureLength[i] = words[(frame + FRAME_CAPTURED) >> 2]!;
      originalLength[i] = words[(frame + FRAME_ORIGINAL) >> 2]!;
      timeUs[i] = (words[(frame + FRAME_SECONDS) >> 2]! >>> 0) * 1e6 + ((words[(frame + FRAME_NANOSECONDS) >> 2]! / 1000) | 0);
      interfaceIndex[i] = 0;
      const packetType = bytes[frame + FRAME_PACKET_TYPE]!;
      kernelDirection[i] = packetType <= KERNEL_OUTGOING ? packetType : KERNEL_UNKNOWN;
      frame += words[(frame + FRAME_NEXT) >> 2]!;
    }
    this.frame = frame;
    this.packetsLeft -= count;
    batch.count = count;
    batch.setBytes(bytes);
  }

  close(): void {
    this.bytes = new Uint8Array(0);
    this.halves = new Uint16Array(0);
    this.words = new Int32Array(0);
    this.packetsLeft = 0;
    this.isHeld = false;
  }
}
