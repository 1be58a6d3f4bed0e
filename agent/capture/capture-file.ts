/** Opens a capture, whatever it comes from and whichever format it has: the first bytes say. */

import { createReadStream, statSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty } from 'node:tty';

import { WeirError } from '../../shared/errors.ts';
import type { PacketSource } from '../../shared/packet-batch.ts';
import { FileInput, StreamInput, closeDescriptor, describeDescriptor, openDescriptor } from './byte-input.ts';
import type { ByteInput } from './byte-input.ts';
import { CaptureBlocks, READ_BYTES } from './capture-blocks.ts';
import { CaptureFileSource } from './capture-file-source.ts';
import { PacketMemory } from '../kernel/packet-memory.ts';
import { GzipInput, isGzip } from './gzip-input.ts';
import { PCAP_HEADER_BYTES, PcapRecords, isPcap } from './pcap-records.ts';
import { PcapngRecords, isPcapng } from './pcapng-records.ts';

/** The paths that mean standard input. */
const STANDARD_INPUT = ['-', '/dev/stdin'];

export interface CaptureFileOptions {
  /** Bytes of one read; any size gives the same packets. */
  readonly readBytes?: number;
  /** For the bytes that are read. */
  readonly memory?: PacketMemory;
}

const STANDARD_INPUT_DESCRIPTOR = 0;
const MAGIC_BYTES = 4;
const HEAD_BYTES = 64 * 1024;
const SHOWN_BYTES = 8;
const READABLE_FORMATS = 'Weir reads pcap (microseconds or nanoseconds) and pcapng, plain or gzip-compressed';

/** Formats that people have and that are not captures as they stand. */
const OTHER_FORMATS: readonly (readonly [magic: string, name: string, wayOut: string])[] = [
  ['28b52ffd', 'zstd-compressed', 'try: zstd -dc FILE | weir replay -'],
  ['fd377a58', 'xz-compressed', 'try: xz -dc FILE | weir replay -'],
  ['425a68', 'bzip2-compressed', 'try: bzip2 -dc FILE | weir replay -'],
  ['04224d18', 'lz4-compressed', 'try: lz4 -dc FILE | weir replay -'],
  ['504b0304', 'a zip archive', 'try: unzip -p FILE | weir replay -'],
  ['736e6f6f70', 'a snoop capture', 'try: editcap -F pcapng FILE OUT'],
];

/** A capture file, or with `-` standard input. Throws WeirError where there is no capture to read. */
export async function openCaptureFile(path: string, options: CaptureFileOptions = {}): Promise<PacketSource> {
  if (STANDARD_INPUT.includes(path)) return openCaptureInput(await standardInput(), 'standard input', options);
  return openCaptureInput(await fileInput(path), path, options);
}

/** Whether the packets can be read a second time: not out of a pipe. */
export function isRereadable(path: string): boolean {
  return !STANDARD_INPUT.includes(path) && (statSync(path, { throwIfNoEntry: false })?.isFile() ?? true);
}

/** `name` stands in error texts. The source owns the stream. */
export function openCaptureStream(stream: Readable, name: string, options: CaptureFileOptions = {}): Promise<PacketSource> {
  return openCaptureInput(new StreamInput(stream), name, options);
}

export async function openCaptureInput(
  input: ByteInput, name: string, options: CaptureFileOptions = {},
): Promise<PacketSource> {
  const readBytes = Math.max(options.readBytes ?? READ_BYTES, MAGIC_BYTES);
  const opened = [input];
  try {
    let head = await readHead(input, readBytes, name);
    if (isGzip(head)) {
      const inflated = new GzipInput(input, head);
      opened.unshift(inflated);
      head = await readHead(inflated, readBytes, `${name} (inflated)`);
    }
    return await openFormat(opened[0]!, head, readBytes, opened.length > 1 ? `${name} (inflated)` : name, options.memory ?? PacketMemory.withoutKernel());
  } catch (error) {
    await opened[0]!.close();
    throw error;
  }
}

async function openFormat(
  input: ByteInput, head: Uint8Array, readBytes: number, name: string, memory: PacketMemory,
): Promise<PacketSource> {
  const pcap = isPcap(head);
  if (!pcap && !isPcapng(head)) throw notACapture(name, head);
  const blocks = new CaptureBlocks(input, head, readBytes, memory);
  if (!pcap) return new CaptureFileSource(blocks, new PcapngRecords());
  const whole = await blocks.advance(PCAP_HEADER_BYTES);
  return new CaptureFileSource(blocks, whole ? new PcapRecords(blocks, memory.kernel) : null);
}

/** At least the magic, where the input has that much. */
async function readHead(input: ByteInput, readBytes: number, name: string): Promise<Uint8Array> {
  const head = Buffer.allocUnsafeSlow(Math.min(readBytes, HEAD_BYTES));
  let filled = 0;
  try {
    while (filled < MAGIC_BYTES) {
      const bytes = await input.read(head, filled, head.length - filled);
      if (bytes === 0) break;
      filled += bytes;
    }
  } catch (error) {
    throw unreadable(name, error);
  }
  return head.subarray(0, filled);
}

async function fileInput(path: string): Promise<ByteInput> {
  let descriptor: number;
  try {
    descriptor = await openDescriptor(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  const stats = await describeDescriptor(descriptor);
  if (stats.isFile()) return new FileInput(descriptor);
  if (stats.isDirectory()) {
    await closeDescriptor(descriptor);
    throw new WeirError('CAPTURE_FORMAT', `${path} is a directory; name the capture files in it`);
  }
  // A pipe's read may never return: on a socket it can be given up, in a thread of the pool it could not.
  if (stats.isFIFO()) return new StreamInput(new Socket({ fd: descriptor, readable: true, writable: false }));
  return new StreamInput(createReadStream(path, { fd: descriptor }));
}

/** A redirected file is read as a file; everything else through the stream that Node makes of it. */
async function standardInput(): Promise<ByteInput> {
  if (isatty(STANDARD_INPUT_DESCRIPTOR)) {
    throw new WeirError('USAGE', 'standard input is a terminal; pipe a capture into it, or name a file in place of -');
  }
  const stats = await describeDescriptor(STANDARD_INPUT_DESCRIPTOR);
  return stats.isFile() ? new FileInput(STANDARD_INPUT_DESCRIPTOR, false) : new StreamInput(process.stdin);
}

function unreadable(name: string, cause: unknown): WeirError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EPERM') {
    return new WeirError('PERMISSION', `${name} must not be read by this user; check its owner and mode`, { cause });
  }
  if (code === 'ENOENT') return new WeirError('CAPTURE_FORMAT', `${name} does not exist`, { cause });
  return new WeirError('CAPTURE_FORMAT', `${name} cannot be read: ${String((cause as Error).message)}`, { cause });
}

function notACapture(name: string, head: Uint8Array): WeirError {
  if (head.length === 0) return new WeirError('CAPTURE_FORMAT', `${name} is empty, where a capture file was expected`);
  const shown = Buffer.from(head.subarray(0, SHOWN_BYTES));
  const hex = shown.toString('hex');
  const other = OTHER_FORMATS.find(([magic]) => hex.startsWith(magic));
  const bytes = hex.replace(/..(?=.)/g, '$& ');
  const what = other === undefined ? '' : ` (${other[1]}; ${other[2]})`;
  return new WeirError('CAPTURE_FORMAT', `${name} is not a capture file: it begins with ${bytes}${what}. ${READABLE_FORMATS}.`);
}
