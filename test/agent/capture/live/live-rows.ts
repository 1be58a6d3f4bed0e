/** Reads a live source into plain rows. */
import type { LiveSource } from '../../../../agent/capture/live/live-source.ts';
import { PacketBatch } from '../../../../shared/packet-batch.ts';
import type { CapturedRow } from '../captured-rows.ts';

/** Until there are `count` packets; gives up, with what there is, after `idleFills` intervals without any. */
export async function readLiveRows(source: LiveSource, count: number, capacity = 512, idleFills = 30): Promise<CapturedRow[]> {
  const batch = new PacketBatch(capacity);
  const rows: CapturedRow[] = [];
  for (let idle = 0; rows.length < count && idle < idleFills;) {
    if (!(await source.fill(batch))) break;
    idle = batch.count === 0 ? idle + 1 : 0;
    take(batch, rows);
  }
  return rows;
}

/** To the end of the source, which must come. */
export async function readLiveToEnd(source: LiveSource, capacity = 512): Promise<CapturedRow[]> {
  const batch = new PacketBatch(capacity);
  const rows: CapturedRow[] = [];
  while (await source.fill(batch)) take(batch, rows);
  if (batch.count !== 0) throw new Error(`${batch.count} packets behind the end`);
  return rows;
}

/** Packets to the end of the source, without looking at them. */
export async function countToEnd(source: LiveSource, capacity = 512): Promise<number> {
  const batch = new PacketBatch(capacity);
  let packets = 0;
  while (await source.fill(batch)) packets += batch.count;
  return packets;
}

function take(batch: PacketBatch, rows: CapturedRow[]): void {
  for (let i = 0; i < batch.count; i++) {
    const offset = batch.offset[i]!;
    const captureLength = batch.captureLength[i]!;
    if (offset < 0 || offset + captureLength > batch.bytes.length) throw new Error(`${captureLength} bytes at ${offset} of ${batch.bytes.length}`);
    rows.push({
      timeUs: batch.timeUs[i]!, captureLength, originalLength: batch.originalLength[i]!, interfaceIndex: batch.interfaceIndex[i]!,
      kernelDirection: batch.kernelDirection[i]!,
      hex: Buffer.from(batch.bytes.subarray(offset, offset + captureLength)).toString('hex'),
    });
  }
}
