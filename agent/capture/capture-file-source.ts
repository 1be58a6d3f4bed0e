/** Packets of a capture file: the window of bytes and the format's records behind the contract of every source. */

import type { CaptureDamage, CaptureInterface, PacketBatch, PacketSource } from '../../shared/packet-batch.ts';
import type { CaptureBlocks } from './capture-blocks.ts';
import type { CaptureRecords } from './capture-records.ts';

export class CaptureFileSource implements PacketSource {
  damage: CaptureDamage | null = null;

  private readonly blocks: CaptureBlocks;
  /** Null where the file ends inside its header. */
  private readonly records: CaptureRecords | null;
  private ended = false;

  constructor(blocks: CaptureBlocks, records: CaptureRecords | null) {
    this.blocks = blocks;
    this.records = records;
    if (records === null) this.end(`the file header is cut short: ${blocks.end - blocks.start} bytes`, null);
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.records?.interfaces ?? [];
  }

  async fill(batch: PacketBatch): Promise<boolean> {
    batch.count = 0;
    const { blocks, records } = this;
    if (records === null) return false;
    while (!this.ended) {
      const need = records.damage === null ? records.parse(blocks, batch) : 0;
      if (batch.count > 0) {
        batch.setBytes(blocks.bytes, blocks.address);
        return true;
      }
      if (records.damage !== null) this.end(records.damage, records.openRecordOffset());
      else if (!(await blocks.advance(need))) this.endOfInput(need, records.openRecordOffset());
    }
    return false;
  }

  async close(): Promise<void> {
    this.ended = true;
    await this.blocks.close();
  }

  private endOfInput(need: number, openOffset: number | null): void {
    const { failure, start, end } = this.blocks;
    if (this.ended) return; // closed by its owner, which damages nothing
    if (failure !== null) this.end(failure, openOffset);
    else if (openOffset !== null) this.end('the last block is cut short', openOffset);
    else if (end > start) this.end(`the last record is cut short: ${end - start} of ${need} bytes or more`, null);
    else this.ended = true;
  }

  private end(reason: string, offset: number | null): void {
    this.ended = true;
    this.damage = { offset: offset ?? this.blocks.inputOffset, reason };
  }
}
