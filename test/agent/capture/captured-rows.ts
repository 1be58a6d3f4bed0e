/** Reads a source to its end into plain rows that tests can compare. */

import { PacketBatch } from '../../../shared/packet-batch.ts';
import type { PacketSource } from '../../../shared/packet-batch.ts';

export interface CapturedRow {
  readonly timeUs: number;
  readonly captureLength: number;
  readonly originalLength: number;
  readonly interfaceIndex: number;
  readonly kernelDirection: number;
  readonly hex: string;
}

/** Closes the source. Every batch must hold what its contract promises. */
export async function readRows(source: PacketSource, capacity?: number): Promise<CapturedRow[]> {
  const batch = new PacketBatch(capacity);
  const rows: CapturedRow[] = [];
  while (await source.fill(batch)) {
    if (batch.count < 1 || batch.count > batch.capacity) throw new Error(`a batch of ${batch.count} packets`);
    for (let index = 0; index < batch.count; index++) rows.push(capturedRow(batch, index, source));
  }
  if (batch.count !== 0 || (await source.fill(batch))) throw new Error('the source went on behind its end');
  await source.close();
  return rows;
}

function capturedRow(batch: PacketBatch, index: number, source: PacketSource): CapturedRow {
  const offset = batch.offset[index]!;
  const captureLength = batch.captureLength[index]!;
  const interfaceIndex = batch.interfaceIndex[index]!;
  const timeUs = batch.timeUs[index]!;
  if (offset < 0 || captureLength < 0 || offset + captureLength > batch.bytes.length) {
    throw new Error(`${captureLength} bytes at ${offset} of ${batch.bytes.length}`);
  }
  if (source.interfaces[interfaceIndex] === undefined) throw new Error(`interface ${interfaceIndex}`);
  if (!Number.isSafeInteger(timeUs) || timeUs < 0) throw new Error(`time ${timeUs}`);
  if (batch.originalLength[index]! < 0) throw new Error(`original length ${batch.originalLength[index]}`);
  return {
    timeUs,
    captureLength,
    originalLength: batch.originalLength[index]!,
    interfaceIndex,
    kernelDirection: batch.kernelDirection[index]!,
    hex: Buffer.from(batch.bytes.subarray(offset, offset + captureLength)).toString('hex'),
  };
}
