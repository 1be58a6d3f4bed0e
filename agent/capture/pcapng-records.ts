/**
 * pcapng (draft-ietf-opsawg-pcapng): blocks of type | total length | body | total length. A Section Header Block sets
 * the byte order of what follows and starts the numbering of interfaces anew.
 *
 *   Enhanced:  interface 32 | ticks high | ticks low | capture length | original length | data, padded | options
 *   obsolete:  interface 16, drops 16 | then the same
 *   Simple:    original length | data, padded
 */

import { KERNEL_HOST, KERNEL_OUTGOING, KERNEL_UNKNOWN } from '../../shared/packet-batch.ts';
import type { PacketBatch } from '../../shared/packet-batch.ts';
import { MAX_RECORD_BYTES } from './capture-blocks.ts';
import type { CaptureBlocks } from './capture-blocks.ts';
import type { CaptureRecords } from './capture-records.ts';
import { PcapngInterface } from './pcapng-interface.ts';

const SECTION_HEADER = 0x0a0d0d0a; // the same in both byte orders
const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const MAJOR_VERSION = 1;
/** Type and both lengths: an empty block; also as much of a section header as shows its byte order. */
const MIN_BLOCK_BYTES = 12;
const MIN_SECTION_BYTES = 28;
const MIN_INTERFACE_BYTES = 20;
const MIN_SIMPLE_BYTES = 16;
const MIN_PACKET_BYTES = 32;
const PACKET_DATA = 28;
const SIMPLE_DATA = 12;
const TRAILER_BYTES = 4;

const OPTION_END = 0;
/** epb_flags and pack_flags: 1 in the two lowest bits is inbound, 2 outbound. */
const OPTION_FLAGS = 2;

/** More interfaces than this in one file are garbage, and would fill the memory. */
const MAX_INTERFACES = 65536;
const MAX_INT32 = 0x7fffffff;

export function isPcapng(head: Uint8Array): boolean {
  return head[0] === 0x0a && head[1] === 0x0d && head[2] === 0x0d && head[3] === 0x0a;
}

export class PcapngRecords implements CaptureRecords {
  readonly interfaces: PcapngInterface[] = [];
  damage: string | null = null;

  private little = true;
  /** Interfaces before this one belong to sections that are over. */
  private sectionBase = 0;
  /** Bytes that are left of a block that is passed over, trailing length included. */
  private skipBytes = 0;
  private skippedLength = 0;
  private skippedOffset = 0;

  openRecordOffset(): number | null {
    return this.skipBytes > 0 ? this.skippedOffset : null;
  }

  parse(blocks: CaptureBlocks, batch: PacketBatch): number {
    let need = 0;
    while (need === 0 && this.damage === null && batch.count < batch.capacity) {
      if (this.skipBytes > 0) need = this.skip(blocks);
      else if (!this.takePackets(blocks, batch)) need = this.takeBlock(blocks, batch);
    }
    return need;
  }

  /**
   * Takes enhanced and obsolete packet blocks as long as they are whole and sound; the next block is for `takeBlock`,
   * which also says what is wrong with one that was left. Returns whether it took any.
   */
  private takePackets(blocks: CaptureBlocks, batch: PacketBatch): boolean {
    const { view, end } = blocks;
    const { little, interfaces, sectionBase } = this;
    const { offset, captureLength, originalLength, timeUs, interfaceIndex, kernelDirection, capacity } = batch;
    let count = batch.count;
    let at = blocks.start;
    while (count < capacity && end - at >= MIN_PACKET_BYTES) {
      const type = view.getInt32(at, little);
      if (type !== ENHANCED_PACKET && type !== OBSOLETE_PACKET) break;
      const total = view.getInt32(at + 4, little);
      if (total < MIN_PACKET_BYTES || total > MAX_RECORD_BYTES || total > end - at || (total & 3) !== 0) break;
      if (view.getInt32(at + total - TRAILER_BYTES, little) !== total) break;
      const id = type === ENHANCED_PACKET ? view.getInt32(at + 8, little) : view.getUint16(at + 8, little);
      const described = id < 0 ? undefined : interfaces[sectionBase + id];
      const captured = view.getInt32(at + 20, little);
      if (described === undefined || captured < 0 || captured > total - MIN_PACKET_BYTES) break;
      if (captured > described.maxCaptureBytes) break;
      const original = view.getInt32(at + 24, little);
      const options = at + PACKET_DATA + ((captured + 3) & ~3);
      const trailer = at + total - TRAILER_BYTES;
      offset[count] = at + PACKET_DATA;
      captureLength[count] = captured;
      originalLength[count] = original < 0 ? MAX_INT32 : original;
      timeUs[count] = described.timeUs(view.getInt32(at + 12, little), view.getInt32(at + 16, little));
      interfaceIndex[count] = described.index;
      kernelDirection[count] = options === trailer ? KERNEL_UNKNOWN : directionOption(view, options, trailer, little);
      count++;
      at += total;
    }
    const took = count > batch.count;
    batch.count = count;
    blocks.start = at;
    return took;
  }

  /** Takes one block of another type, or begins to skip it. Returns the bytes that it lacks, else 0. */
  private takeBlock(blocks: CaptureBlocks, batch: PacketBatch): number {
    const { view, start } = blocks;
    const present = blocks.end - start;
    if (present < MIN_BLOCK_BYTES) return MIN_BLOCK_BYTES;
    const type = view.getInt32(start, this.little);
    if (type === SECTION_HEADER && !this.takeByteOrder(view, start)) return 0;
    const total = view.getInt32(start + 4, this.little);
    if ((total >= 0 && total < MIN_BLOCK_BYTES) || (total & 3) !== 0) {
      this.damage = `a block of ${total >>> 0} bytes, where the least is ${MIN_BLOCK_BYTES} and all are multiples of 4`;
      return 0;
    }
    if (!isUnderstood(type)) {
      this.skipBytes = total >>> 0;
      this.skippedLength = total;
      this.skippedOffset = blocks.inputOffset;
      return 0;
    }
    if (total < 0 || total > MAX_RECORD_BYTES) {
      this.damage = `a block of type ${type} and ${total >>> 0} bytes, where no more than ${MAX_RECORD_BYTES} can be`;
      return 0;
    }
    if (present < total) return total;
    const trailer = view.getInt32(start + total - TRAILER_BYTES, this.little);
    if (trailer !== total) this.damage = trailerDamage(total, trailer);
    else if (type === SECTION_HEADER) this.damage = this.takeSection(view, start, total);
    else if (type === INTERFACE_DESCRIPTION) this.damage = this.takeInterface(view, start, total);
    else if (type === SIMPLE_PACKET) this.damage = this.takeSimplePacket(view, start, total, batch);
    else this.damage = this.packetDamage(type, view, start, total);
    if (this.damage === null) blocks.start = start + total;
    return 0;
  }

  /** Why `takePackets` left a block that is whole. */
  private packetDamage(type: number, view: DataView, start: number, total: number): string {
    if (total < MIN_PACKET_BYTES) return `a packet block of ${total} bytes, where the least is ${MIN_PACKET_BYTES}`;
    const id = type === ENHANCED_PACKET ? view.getUint32(start + 8, this.little) : view.getUint16(start + 8, this.little);
    const described = this.interfaces[this.sectionBase + id];
    if (described === undefined) return this.unknownInterface(id);
    const captured = view.getUint32(start + 20, this.little);
    if (captured > described.maxCaptureBytes) return oversizedPacket(captured, described.maxCaptureBytes);
    return `a packet of ${captured} bytes in a block of ${total} bytes`;
  }

  /** It belongs to the section's first interface, whose snapshot length cuts it, and has no time. */
  private takeSimplePacket(view: DataView, start: number, total: number, batch: PacketBatch): string | null {
    if (total < MIN_SIMPLE_BYTES) return `a simple packet block of ${total} bytes, where the least is ${MIN_SIMPLE_BYTES}`;
    const described = this.interfaces[this.sectionBase];
    if (described === undefined) return this.unknownInterface(0);
    const original = view.getUint32(start + 8, this.little);
    const limit = described.snapshotLength;
    const captured = limit === 0 ? original : Math.min(original, limit);
    if (captured > total - MIN_SIMPLE_BYTES) return `a packet of ${captured} bytes in a block of ${total} bytes`;
    if (captured > described.maxCaptureBytes) return oversizedPacket(captured, described.maxCaptureBytes);
    const at = batch.count++;
    batch.offset[at] = start + SIMPLE_DATA;
    batch.captureLength[at] = captured;
    batch.originalLength[at] = Math.min(original, MAX_INT32);
    batch.timeUs[at] = 0;
    batch.interfaceIndex[at] = described.index;
    batch.kernelDirection[at] = KERNEL_UNKNOWN;
    return null;
  }

  private takeInterface(view: DataView, start: number, total: number): string | null {
    if (total < MIN_INTERFACE_BYTES) return `an interface description of ${total} bytes, where the least is ${MIN_INTERFACE_BYTES}`;
    if (this.interfaces.length >= MAX_INTERFACES) return `more than ${MAX_INTERFACES} interfaces`;
    const end = start + total - TRAILER_BYTES;
    this.interfaces.push(new PcapngInterface(view, start, end, this.little, this.interfaces.length));
    return null;
  }

  private takeSection(view: DataView, start: number, total: number): string | null {
    if (total < MIN_SECTION_BYTES) return `a section header of ${total} bytes, where the least is ${MIN_SECTION_BYTES}`;
    const major = view.getUint16(start + 12, this.little);
    if (major !== MAJOR_VERSION) return `pcapng version ${major} is unknown; version ${MAJOR_VERSION} can be read`;
    this.sectionBase = this.interfaces.length;
    return null;
  }

  private takeByteOrder(view: DataView, start: number): boolean {
    this.little = view.getInt32(start + 8, true) === BYTE_ORDER_MAGIC;
    if (this.little || view.getInt32(start + 8, false) === BYTE_ORDER_MAGIC) return true;
    this.damage = `a section header without byte order: ${view.getUint32(start + 8, false).toString(16)}`;
    return false;
  }

  /** Passes over as much of an unneeded block as is there, whatever its length: none of it is kept. */
  private skip(blocks: CaptureBlocks): number {
    const body = Math.min(this.skipBytes - TRAILER_BYTES, blocks.end - blocks.start);
    blocks.start += body;
    this.skipBytes -= body;
    if (this.skipBytes > TRAILER_BYTES) return 1;
    if (blocks.end - blocks.start < TRAILER_BYTES) return TRAILER_BYTES;
    const trailer = blocks.view.getInt32(blocks.start, this.little);
    if (trailer !== this.skippedLength) {
      this.damage = trailerDamage(this.skippedLength, trailer);
      return 0;
    }
    blocks.start += TRAILER_BYTES;
    this.skipBytes = 0;
    return 0;
  }

  private unknownInterface(id: number): string {
    return `a packet of interface ${id}, where the section has ${this.interfaces.length - this.sectionBase}`;
  }
}

function isUnderstood(type: number): boolean {
  return (
    type === ENHANCED_PACKET || type === OBSOLETE_PACKET || type === SIMPLE_PACKET ||
    type === INTERFACE_DESCRIPTION || type === SECTION_HEADER
  );
}

function oversizedPacket(captured: number, bound: number): string {
  return `a packet of ${captured} bytes, where no more than ${bound} can be`;
}

function trailerDamage(total: number, trailer: number): string {
  return `a block of ${total >>> 0} bytes whose trailing length says ${trailer >>> 0}`;
}

/** Malformed options say nothing about the packet before them, so they are passed over. */
function directionOption(view: DataView, start: number, end: number, little: boolean): number {
  for (let at = start; at + 4 <= end; ) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    if (code === OPTION_END || at + 4 + length > end) break;
    if (code === OPTION_FLAGS && length >= 4) {
      const direction = view.getUint32(at + 4, little) & 3;
      return direction === 1 ? KERNEL_HOST : direction === 2 ? KERNEL_OUTGOING : KERNEL_UNKNOWN;
    }
    at += 4 + ((length + 3) & ~3);
  }
  return KERNEL_UNKNOWN;
}
