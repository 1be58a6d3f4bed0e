/** What a capture file format has to do: turn the bytes of a window into rows of a batch. */

import type { CaptureInterface, PacketBatch } from '../../shared/packet-batch.ts';
import type { CaptureBlocks } from './capture-blocks.ts';

/** MAXIMUM_SNAPLEN of libpcap: no capture length is above it unless the file's own snapshot length is. */
export const MAX_CAPTURE_BYTES = 262144;
/** The largest snapshot length that is believed; writers that mean "all of it" write anything up to 2^31. */
export const MAX_SNAPSHOT_BYTES = 1024 * 1024;

export interface CaptureRecords {
  readonly interfaces: readonly CaptureInterface[];
  /** What is wrong with the record at `blocks.start`; once set it stays, and `parse` is not called again. */
  readonly damage: string | null;
  /**
   * Appends packets from `blocks.start` on, moving it behind each, until the batch is full, the bytes run out or a
   * record is damaged. Returns how many bytes from `blocks.start` on it needs to go further.
   */
  parse(blocks: CaptureBlocks, batch: PacketBatch): number;
  /** Where a record began whose first bytes are consumed already, at the end of the input; else null. */
  openRecordOffset(): number | null;
}

export function captureBound(snapshotLength: number): number {
  return snapshotLength > MAX_CAPTURE_BYTES && snapshotLength <= MAX_SNAPSHOT_BYTES ? snapshotLength : MAX_CAPTURE_BYTES;
}
