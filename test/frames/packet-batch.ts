/** Frames as the batch that a source would have filled. */
import { KERNEL_UNKNOWN, PacketBatch } from '../../shared/packet-batch.ts';
import { capturedPacket, type CapturedPacket } from './captured-packet.ts';
import { concatBytes } from './ethernet.ts';

export function packetBatch(packets: readonly (Uint8Array | CapturedPacket)[], kernelDirection = KERNEL_UNKNOWN): PacketBatch {
  const batch = new PacketBatch(Math.max(packets.length, 1));
  batch.setBytes(concatBytes(...packets.map((packet) => (packet instanceof Uint8Array ? packet : packet.data))));
  let offset = 0;
  for (const packet of packets) {
    const { data, timeUs, originalLength, interfaceIndex } = capturedPacket(packet, batch.count);
    batch.offset[batch.count] = offset;
    batch.captureLength[batch.count] = data.length;
    batch.originalLength[batch.count] = originalLength ?? data.length;
    batch.timeUs[batch.count] = timeUs;
    batch.interfaceIndex[batch.count] = interfaceIndex ?? 0;
    batch.kernelDirection[batch.count] = kernelDirection;
    batch.count++;
    offset += data.length;
  }
  return batch;
}
