import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';

/*
 * A file of frames: length of the body (4 bytes, big endian), CRC-32 of the body (4 bytes), body (V8 serialization). The
 * first is a whole checkpoint, those behind it say what has changed since. Frames are written without fsync: they
 * survive the end of the process, however sudden, and not that of the machine.
 */
const HEADER_BYTES = 8;
/** The file is written anew when the changes outweigh the whole this many times. */
const MAX_GROWTH = 2;
const MIN_REWRITE_BYTES = 1 << 20;

/** The state of a pipeline on disk. Throws what the file system throws. */
export class CheckpointFile<State> {
  private readonly path: string;
  private descriptor: number | null = null;
  private wholeBytes = 0;
  private bytes = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Whether the next checkpoint should be a whole one. */
  get wantsWhole(): boolean {
    return this.descriptor === null || this.bytes > MIN_REWRITE_BYTES + this.wholeBytes * MAX_GROWTH;
  }

  write(state: State, isWhole: boolean): void {
    const frame = framed(serialize(state));
    if (!isWhole && this.descriptor !== null) {
      writeAll(this.descriptor, frame);
      this.bytes += frame.length;
      return;
    }
    const temporary = `${this.path}.new`;
    const descriptor = openSync(temporary, 'w', 0o600);
    writeAll(descriptor, frame);
    renameSync(temporary, this.path);
    if (this.descriptor !== null) closeSync(this.descriptor);
    this.descriptor = descriptor;
    this.wholeBytes = this.bytes = frame.length;
  }

  close(): void {
    if (this.descriptor !== null) closeSync(this.descriptor);
    this.descriptor = null;
  }

  /** After an orderly stop nothing is left to take up. */
  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }
}

/** What the frames of a file say, oldest first, up to the first that is torn or damaged; nothing where there is no file. */
export function readCheckpoints<State>(path: string): State[] {
  let bytes: Buffer;
  try {
    const descriptor = openSync(path, 'r');
    try {
      if (!fstatSync(descriptor).isFile()) return [];
      bytes = readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const states: State[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
    if (body.length < length || crc32(body) !== bytes.readUInt32BE(at + 4)) break;
    states.push(deserialize(body) as State);
    at += HEADER_BYTES + length;
  }
  return states;
}

function framed(body: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([header, body]);
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
}
