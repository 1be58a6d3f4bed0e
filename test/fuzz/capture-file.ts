/**
 * Random damage to sound captures. The reader must never throw behind a sound magic, never hang, never show a byte
 * that it does not have, and must deliver every packet that ends before the first changed byte.
 */

import { gzipSync } from 'node:zlib';

import { openCaptureInput } from '../../agent/capture/capture-file.ts';
import { WeirError } from '../../shared/errors.ts';
import { PacketBatch } from '../../shared/packet-batch.ts';
import type { PacketSource } from '../../shared/packet-batch.ts';
import { CAPTURE_SAMPLES } from '../frames/capture-samples.ts';
import { concatBytes } from '../frames/ethernet.ts';
import { PiecewiseInput } from '../frames/piecewise-input.ts';

export interface FuzzOutcome {
  readonly inputs: number;
  /** Inputs that were not opened. */
  readonly refused: number;
  /** Inputs that ended in damage. */
  readonly damaged: number;
  readonly packets: number;
}

/** Numbers at which lengths, counts and signs turn over. */
const EDGES = [0, 1, 3, 4, 11, 12, 15, 16, 31, 32, 0xff, 0xffff, 262144, 262145, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff];
/** One input in so many is compressed: inflating costs a hundred times what reading does. */
const GZIP_SHARE = 50;
const MIN_RECORD_BYTES = 12;

export async function fuzzCaptureFiles(seed: number, count: number): Promise<FuzzOutcome> {
  const random = randomNumbers(seed);
  const batch = new PacketBatch(64);
  const total = { inputs: 0, refused: 0, damaged: 0, packets: 0 };
  for (let input = 0; input < count; input++) {
    const sample = CAPTURE_SAMPLES[random(CAPTURE_SAMPLES.length)]!;
    const { bytes, changedAt } = damage(sample.bytes, random);
    const before = sample.packets.slice(0, sample.packetEnds.filter((end) => end <= changedAt).length);
    try {
      const result = await readDamaged(bytes, before, random, batch);
      total.inputs++;
      total.packets += result.packets;
      if (result.refused) total.refused++;
      if (result.damaged) total.damaged++;
      if (result.packets < before.length) throw new Error(`${result.packets} packets, where ${before.length} end before the damage`);
    } catch (cause) {
      const hex = Buffer.from(bytes).toString('hex');
      throw new Error(`seed ${seed}, input ${input}, ${sample.name} changed at ${changedAt}: ${hex}`, { cause });
    }
  }
  return total;
}

async function readDamaged(
  bytes: Uint8Array, before: readonly Uint8Array[], random: (below: number) => number, batch: PacketBatch,
): Promise<{ packets: number; refused: boolean; damaged: boolean }> {
  const gzip = random(GZIP_SHARE) === 0;
  const input = new PiecewiseInput(gzip ? gzipSync(bytes) : bytes, [1 + random(400), 1 + random(4000)]);
  let source: PacketSource;
  try {
    source = await openCaptureInput(input, 'fuzz', { readBytes: 16 + random(2000) });
  } catch (error) {
    if (!(error instanceof WeirError) || error.code !== 'CAPTURE_FORMAT') throw error;
    if (!input.closed) throw new Error('refused, but left open', { cause: error });
    return { packets: 0, refused: true, damaged: false };
  }
  const packets = await countPackets(source, batch, bytes.length, before);
  if (source.damage !== null && !(source.damage.offset >= 0 && source.damage.offset <= bytes.length)) {
    throw new Error(`damage at ${source.damage.offset} of ${bytes.length} bytes`);
  }
  await source.close();
  if (!input.closed) throw new Error('the input was left open');
  return { packets, refused: false, damaged: source.damage !== null };
}

/** `before`: what the first packets must be. */
async function countPackets(
  source: PacketSource, batch: PacketBatch, inputBytes: number, before: readonly Uint8Array[],
): Promise<number> {
  let packets = 0;
  while (await source.fill(batch)) {
    for (let index = 0; index < batch.count && packets + index < before.length; index++) {
      const offset = batch.offset[index]!;
      const bytes = batch.bytes.subarray(offset, offset + batch.captureLength[index]!);
      if (Buffer.compare(bytes, before[packets + index]!) !== 0) throw new Error(`packet ${packets + index} is another`);
    }
    packets += batch.count;
    if (batch.count < 1 || batch.count > batch.capacity) throw new Error(`a batch of ${batch.count} packets`);
    if (packets * MIN_RECORD_BYTES > inputBytes) throw new Error(`${packets} packets in ${inputBytes} bytes`);
    for (let index = 0; index < batch.count; index++) checkPacket(batch, index, source.interfaces.length, inputBytes);
  }
  if (batch.count !== 0) throw new Error('packets behind the end');
  return packets;
}

function checkPacket(batch: PacketBatch, index: number, interfaces: number, inputBytes: number): void {
  const offset = batch.offset[index]!;
  const captured = batch.captureLength[index]!;
  const sound =
    offset >= 0 && captured >= 0 && captured <= inputBytes && offset + captured <= batch.bytes.length &&
    batch.originalLength[index]! >= 0 && batch.interfaceIndex[index]! >= 0 && batch.interfaceIndex[index]! < interfaces &&
    Number.isSafeInteger(batch.timeUs[index]) && batch.timeUs[index]! >= 0;
  if (!sound) throw new Error(`packet ${index}: ${captured} bytes at ${offset}, time ${batch.timeUs[index]}`);
}

/** One to four changes. `changedAt` is the offset before which the bytes are those of the sample. */
function damage(sound: Uint8Array, random: (below: number) => number): { bytes: Uint8Array; changedAt: number } {
  let bytes: Uint8Array = sound.slice();
  let changedAt = bytes.length;
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(bytes.length + 1);
    changedAt = Math.min(changedAt, at);
    bytes = change(bytes, at, random);
  }
  return { bytes, changedAt };
}

function change(bytes: Uint8Array, at: number, random: (below: number) => number): Uint8Array {
  const view = new DataView(bytes.buffer);
  switch (random(6)) {
    case 0:
      return bytes.slice(0, at);
    case 1: // garbage put in between
      return concatBytes(bytes.subarray(0, at), Uint8Array.from({ length: random(40) }, () => random(256)), bytes.subarray(at));
    case 2: // a piece lost
      return concatBytes(bytes.subarray(0, at), bytes.subarray(at + 1 + random(40)));
    case 3: // a piece twice
      return concatBytes(bytes.subarray(0, at), bytes.subarray(random(bytes.length + 1)));
    case 4:
      if (at + 4 <= bytes.length) view.setUint32(at, EDGES[random(EDGES.length)]!, random(2) === 0);
      return bytes;
    default:
      if (at < bytes.length) bytes[at] = random(256);
      return bytes;
  }
}

/** mulberry32: whole numbers from 0 up to `below`, the same for the same seed. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * below);
  };
}
