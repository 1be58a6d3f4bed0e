/**
 * Several capture files as one stream of packets in the order of time: rotated files one after the other, files of
 * several interfaces side by side.
 */
import { PacketMemory, type MemoryPiece } from '../kernel/packet-memory.ts';
import { DEFAULT_BATCH_PACKETS, PacketBatch, batchBytes, type CaptureDamage, type CaptureInterface, type PacketSource } from '../../shared/packet-batch.ts';
import { isRereadable, openCaptureFile } from './capture-file.ts';

/** Packets [from, to) of the batch come next; `interfaces` are those of their file. */
export type PacketRun = (batch: PacketBatch, from: number, to: number, interfaces: readonly CaptureInterface[]) => void;

export interface DamagedCapture extends CaptureDamage {
  readonly path: string;
}

export interface MergedCaptures {
  /** Packets handed on. */
  readonly packets: number;
  /** Files that ended before they should have. */
  readonly damaged: readonly DamagedCapture[];
}

export interface ReadLimits {
  readonly batchPackets?: number;
  /** Stop after this many packets. */
  readonly maxPackets?: number;
  /** For what is read and the columns of batches. */
  readonly memory?: PacketMemory;
}

interface Reader {
  readonly path: string;
  readonly source: PacketSource;
  readonly batch: PacketBatch;
  readonly memory: PacketMemory;
  /** Of the batch. */
  readonly piece: MemoryPiece;
  /** Next packet of the batch. */
  next: number;
}

/**
 * Reads all files to their end. Files whose first packet comes later are opened only then, so that memory follows the
 * number of files that overlap in time. `afterRun` is awaited between runs, for whoever has to hold the reading back.
 * Throws WeirError where a file cannot be read at all.
 */
export async function readCaptures(
  paths: readonly string[], onPackets: PacketRun, afterRun: () => Promise<void> | void, limits: ReadLimits = {},
): Promise<MergedCaptures> {
  const batchPackets = limits.batchPackets ?? DEFAULT_BATCH_PACKETS;
  const maxPackets = limits.maxPackets ?? Infinity;
  const memory = limits.memory ?? PacketMemory.withoutKernel();
  const waiting = await byFirstPacket(paths, batchPackets, memory);
  const damaged: DamagedCapture[] = [];
  const readers: Reader[] = [];
  let packets = 0;
  try {
    for (;;) {
      while (waiting.length > 0 && (readers.length === 0 || waiting[0]!.firstUs <= timeOf(readers[0]!))) {
        const reader = await open(waiting.shift()!.path, batchPackets, memory);
        if (await refill(reader, damaged)) place(readers, reader);
      }
      const reader = readers.shift();
      if (!reader) return { packets, damaged };
      if (packets >= maxPackets) {
        readers.push(reader);
        return { packets, damaged };
      }
      const limitUs = Math.min(readers.length > 0 ? timeOf(readers[0]!) : Infinity, waiting.length > 0 ? waiting[0]!.firstUs : Infinity);
      const from = reader.next;
      const to = Math.min(runEnd(reader, limitUs), reader.next + maxPackets - packets);
      onPackets(reader.batch, from, to, reader.source.interfaces);
      packets += to - from;
      reader.next = to;
      await afterRun();
      if (to < reader.batch.count || (await refill(reader, damaged))) place(readers, reader);
    }
  } finally {
    for (const reader of readers) await close(reader);
  }
}

/** The next packet and those behind it that are not later than the limit. */
function runEnd(reader: Reader, limitUs: number): number {
  const { timeUs, count } = reader.batch;
  if (limitUs === Infinity) return count;
  let end = reader.next + 1;
  while (end < count && timeUs[end]! <= limitUs) end++;
  return end;
}

function timeOf(reader: Reader): number {
  return reader.batch.timeUs[reader.next]!;
}

/** Keeps the list in order of time; at equal times, in order of arrival. */
function place(readers: Reader[], reader: Reader): void {
  let at = readers.length;
  while (at > 0 && timeOf(readers[at - 1]!) > timeOf(reader)) at--;
  readers.splice(at, 0, reader);
}

async function open(path: string, batchPackets: number, memory: PacketMemory): Promise<Reader> {
  const source = await openCaptureFile(path, { memory });
  const piece = memory.take(batchBytes(batchPackets));
  return { path, source, batch: new PacketBatch(batchPackets, piece), memory, piece, next: 0 };
}

async function close({ source, memory, piece }: Reader): Promise<void> {
  await source.close();
  memory.giveBack(piece);
}

/** False at the end of the file, which is then closed. */
async function refill(reader: Reader, damaged: DamagedCapture[]): Promise<boolean> {
  reader.next = 0;
  if (await reader.source.fill(reader.batch)) return true;
  if (reader.source.damage) damaged.push({ path: reader.path, ...reader.source.damage });
  await close(reader);
  return false;
}

async function byFirstPacket(paths: readonly string[], batchPackets: number, memory: PacketMemory): Promise<{ path: string; firstUs: number }[]> {
  if (paths.length === 1) return [{ path: paths[0]!, firstUs: -Infinity }];
  const files: { path: string; firstUs: number }[] = [];
  for (const path of paths) files.push({ path, firstUs: isRereadable(path) ? await firstPacketUs(path, batchPackets, memory) : -Infinity });
  return files.sort((a, b) => (a.firstUs === b.firstUs ? 0 : a.firstUs - b.firstUs));
}

async function firstPacketUs(path: string, batchPackets: number, memory: PacketMemory): Promise<number> {
  const reader = await open(path, batchPackets, memory);
  const any = await reader.source.fill(reader.batch);
  const firstUs = any ? reader.batch.timeUs[0]! : -Infinity;
  await close(reader);
  return firstUs;
}
