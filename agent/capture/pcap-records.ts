/**
 * Classic pcap (draft-ietf-opsawg-pcap). All numbers are in the writer's byte order, which the magic shows.
 *
 *   file header, 24 bytes:  magic | major 16, minor 16 | - | - | snapshot length | link type
 *   record header, 16:      seconds | micro- or nanoseconds | capture length | original length
 *   modified record, 24:    the same | interface index | protocol 16 | packet type 8 | - 8
 */

import { KERNEL_OUTGOING, KERNEL_UNKNOWN } from '../../shared/packet-batch.ts';
import type { CaptureInterface, PacketBatch } from '../../shared/packet-batch.ts';
import { NOWHERE } from '../kernel/packet-memory.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { CaptureBlocks } from './capture-blocks.ts';
import { captureBound } from './capture-records.ts';
import type { CaptureRecords } from './capture-records.ts';

export const PCAP_HEADER_BYTES = 24;

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Alexey Kuznetzov's patch of libpcap, with the kernel's packet type in each record. */
const MAGIC_MODIFIED = 0xa1b2cd34;
const MAGICS: readonly number[] = [MAGIC_MICROSECONDS, MAGIC_NANOSECONDS, MAGIC_MODIFIED];

const RECORD_BYTES = 16;
const MODIFIED_RECORD_BYTES = 24;
const MAJOR_VERSION = 2;
const MAX_INT32 = 0x7fffffff;
const TWO_32 = 2 ** 32;

export function isPcap(head: Uint8Array): boolean {
  if (head.length < 4) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return MAGICS.includes(view.getUint32(0, true)) || MAGICS.includes(view.getUint32(0, false));
}

export class PcapRecords implements CaptureRecords {
  readonly interfaces: readonly CaptureInterface[];
  damage: string | null = null;

  private readonly little: boolean;
  private readonly nanoseconds: boolean;
  private readonly recordBytes: number;
  private readonly maxCaptureBytes: number;
  private readonly kernel: Kernel | null;

  /** The file header is consumed from `blocks`, where it must be whole. */
  constructor(blocks: CaptureBlocks, kernel: Kernel | null = null) {
    this.kernel = kernel;
    const { view, start } = blocks;
    this.little = MAGICS.includes(view.getUint32(start, true));
    const magic = view.getUint32(start, this.little);
    this.nanoseconds = magic === MAGIC_NANOSECONDS;
    this.recordBytes = magic === MAGIC_MODIFIED ? MODIFIED_RECORD_BYTES : RECORD_BYTES;
    this.maxCaptureBytes = captureBound(view.getUint32(start + 16, this.little));
    // The upper half says whether a frame check sequence follows each packet, and is otherwise reserved.
    const linkType = view.getUint32(start + 20, this.little) & 0xffff;
    this.interfaces = [{ name: null, linkType }];
    const major = view.getUint16(start + 4, this.little);
    if (major !== MAJOR_VERSION) this.damage = `pcap version ${major} is unknown; version ${MAJOR_VERSION} can be read`;
    else blocks.start += PCAP_HEADER_BYTES;
  }

  openRecordOffset(): null {
    return null;
  }

  parse(blocks: CaptureBlocks, batch: PacketBatch): number {
    const first = batch.count;
    this.parsePlain(blocks, batch);
    const need = this.parseOneByOne(blocks, batch);
    batch.interfaceIndex.fill(0, first, batch.count);
    if (this.recordBytes === RECORD_BYTES) batch.kernelDirection.fill(KERNEL_UNKNOWN, first, batch.count);
    return need;
  }

  /** By the kernel, up to a record that is damaged or not whole; not at all where it cannot reach everything. */
  private parsePlain(blocks: CaptureBlocks, batch: PacketBatch): void {
    const { kernel } = this;
    if (kernel === null || blocks.address === NOWHERE || batch.place === NOWHERE) return;
    if (!this.little || this.recordBytes !== RECORD_BYTES) return;
    const { offset, captureLength, originalLength, timeUs, count, capacity } = batch;
    batch.count = kernel.parseRecords(
      blocks.address, blocks.start, blocks.end, this.maxCaptureBytes, this.nanoseconds ? 1000 : 1,
      count, capacity, offset.byteOffset, captureLength.byteOffset, originalLength.byteOffset, timeUs.byteOffset,
    );
    blocks.start = kernel.parsedTo.value;
  }

  private parseOneByOne(blocks: CaptureBlocks, batch: PacketBatch): number {
    const { view, end } = blocks;
    const { little, nanoseconds, recordBytes, maxCaptureBytes } = this;
    const { offset, captureLength, originalLength, timeUs, capacity } = batch;
    const modified = recordBytes === MODIFIED_RECORD_BYTES;
    let count = batch.count;
    let at = blocks.start;
    let need = 0;
    while (count < capacity) {
      if (end - at < recordBytes) {
        need = recordBytes;
        break;
      }
      const captured = view.getInt32(at + 8, little);
      if (captured < 0 || captured > maxCaptureBytes) {
        this.damage = `a packet of ${captured >>> 0} bytes, where no more than ${maxCaptureBytes} can be`;
        break;
      }
      if (end - at - recordBytes < captured) {
        need = recordBytes + captured;
        break;
      }
      const original = view.getInt32(at + 12, little);
      let seconds = view.getInt32(at, little);
      if (seconds < 0) seconds += TWO_32;
      let fraction = view.getInt32(at + 4, little);
      if (fraction < 0) fraction += TWO_32;
      if (nanoseconds) fraction = Math.floor(fraction / 1000);
      offset[count] = at + recordBytes;
      captureLength[count] = captured;
      originalLength[count] = original < 0 ? MAX_INT32 : original;
      timeUs[count] = seconds * 1e6 + fraction;
      if (modified) batch.kernelDirection[count] = kernelDirection(view.getUint8(at + 22));
      count++;
      at += recordBytes + captured;
    }
    batch.count = count;
    blocks.start = at;
    return need;
  }
}

function kernelDirection(packetType: number): number {
  return packetType <= KERNEL_OUTGOING ? packetType : KERNEL_UNKNOWN;
}
