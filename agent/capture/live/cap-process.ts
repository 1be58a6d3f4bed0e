/**
 * The process that runs `cap` and writes what it sees to its standard output as a pcap stream. It is a process of its
 * own because cap ends the whole process when its interface goes down (an assertion in its code), and has been seen to
 * corrupt its memory at high rates.
 */
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { LINK_ETHERNET, LINK_NULL, LINK_RAW, LINK_SLL } from '../../decode/link-layer.ts';
import { IS_LITTLE_ENDIAN } from './system-calls.ts';

/** The settings, as JSON in the first argument. */
export interface CapOrder {
  readonly interface: string;
  readonly filter: string;
  readonly snapLengthBytes: number;
  readonly bufferBytes: number;
}

/** What it sends to its parent, once. */
export type CapAnswer =
  | { readonly kind: 'open' }
  | { readonly kind: 'unbuilt' | 'refused'; readonly text: string };

interface Cap {
  open(device: string, filter: string, bufferBytes: number, buffer: Buffer): string;
  on(event: 'packet', listener: (bytes: number) => void): void;
  close(): void;
}

const LINK_TYPES: Readonly<Record<string, number>> = {
  ETHERNET: LINK_ETHERNET, NULL: LINK_NULL, RAW: LINK_RAW, LINKTYPE_LINUX_SLL: LINK_SLL,
};
const STANDARD_OUTPUT = 1;
const OUTPUT_BYTES = 256 * 1024;
const FULL_PIPE_PAUSE_MS = 1;
const PCAP_MAGIC_US = 0xa1b2c3d4;
const PCAP_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

/** Collects records and writes them together: when the buffer is full, and at the end of each turn of the event loop. */
class PcapOutput {
  private readonly buffer = Buffer.alloc(OUTPUT_BYTES);
  private readonly view = new DataView(this.buffer.buffer, this.buffer.byteOffset, OUTPUT_BYTES);
  private readonly pause = new Int32Array(new SharedArrayBuffer(4));
  private used = 0;
  private isScheduled = false;

  header(linkType: number, snapLengthBytes: number): void {
    const { view } = this;
    view.setUint32(0, PCAP_MAGIC_US, IS_LITTLE_ENDIAN);
    view.setUint16(4, 2, IS_LITTLE_ENDIAN);
    view.setUint16(6, 4, IS_LITTLE_ENDIAN);
    view.setUint32(16, snapLengthBytes, IS_LITTLE_ENDIAN);
    view.setUint32(20, linkType, IS_LITTLE_ENDIAN);
    this.used = PCAP_HEADER_BYTES;
    this.flush();
  }

  /** cap tells neither the time nor the original length: the time is now, the length is what it copied. */
  record(frame: Buffer, bytes: number): void {
    if (this.used + RECORD_HEADER_BYTES + bytes > OUTPUT_BYTES) this.flush();
    const { view, used } = this;
    const nowMs = Date.now();
    view.setUint32(used, Math.floor(nowMs / 1000), IS_LITTLE_ENDIAN);
    view.setUint32(used + 4, (nowMs % 1000) * 1000, IS_LITTLE_ENDIAN);
    view.setUint32(used + 8, bytes, IS_LITTLE_ENDIAN);
    view.setUint32(used + 12, bytes, IS_LITTLE_ENDIAN);
    frame.copy(this.buffer, used + RECORD_HEADER_BYTES, 0, bytes);
    this.used = used + RECORD_HEADER_BYTES + bytes;
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => this.flush());
  }

  /** Waits for a slow reader; meanwhile packets gather in libpcap's buffer. */
  flush(): void {
    this.isScheduled = false;
    for (let at = 0; at < this.used;) at += this.write(at);
    this.used = 0;
  }

  private write(from: number): number {
    try {
      return writeSync(STANDARD_OUTPUT, this.buffer, from, this.used - from);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(this.pause, 0, 0, FULL_PIPE_PAUSE_MS);
      return 0;
    }
  }
}

function loadCap(): new () => Cap {
  return (createRequire(import.meta.url)('cap') as { Cap: new () => Cap }).Cap;
}

function answer(what: CapAnswer): void {
  process.send!(what);
}

function run(order: CapOrder): void {
  let Cap: new () => Cap;
  try {
    Cap = loadCap();
  } catch (error) {
    answer({ kind: 'unbuilt', text: String((error as Error).message).split('\n')[0]! });
    process.exitCode = 1;
    return;
  }
  const cap = new Cap();
  const frame = Buffer.alloc(order.snapLengthBytes);
  const output = new PcapOutput();
  try {
    const linkName = cap.open(order.interface, order.filter, order.bufferBytes, frame);
    const linkType = LINK_TYPES[linkName];
    if (linkType === undefined) throw new Error(`cap sees a link type that is not supported: ${linkName}`);
    output.header(linkType, order.snapLengthBytes);
  } catch (error) {
    answer({ kind: 'refused', text: (error as Error).message });
    process.exitCode = 1;
    return;
  }
  cap.on('packet', (bytes) => output.record(frame, bytes));
  const end = (): void => {
    cap.close();
    output.flush();
    process.exit(0);
  };
  // the only message there is: stop. What is waiting is read in the event loop's next turn.
  process.on('message', () => setImmediate(() => setImmediate(end)));
  process.on('disconnect', () => process.exit(0));
  answer({ kind: 'open' });
}

if (process.send) run(JSON.parse(process.argv[2]!) as CapOrder);
