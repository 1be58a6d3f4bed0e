import { KERNEL_CODE } from './code.ts';

/** All that is needed of it; the library of types that has it is that of browsers. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number; readonly shared: true }) => WasmMemory;
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

/** Grows in pages of 64 KB; what has been seen of it before stays where it is. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}

/** What the kernel exports; agent/kernel/source has the descriptions. All integers are addresses, words or counts of 32 bits. */
export interface Kernel {
  readonly parsedTo: { readonly value: number };
  parseRecords(
    bytes: number, start: number, end: number, maxCaptured: number, unitsPerUs: number,
    from: number, capacity: number, offsets: number, captured: number, original: number, times: number,
  ): number;
  decodeFrames(
    bytes: number, offsets: number, captured: number, rowTimes: number, from: number, to: number,
    slot: number, slotTimes: number, highs: number, lows: number, enis: number, mask: number,
  ): number;
  hashSlots(keys: number, count: number, hashes: number, reverse: number, secret0: number, secret1: number, sourceBits: number): void;
  touchEntries(hashes: number, reverse: number, count: number, index: number, mask: number, words: number, slotEntry: number): void;
  countPackets(
    keys: number, times: number, hashes: number, from: number, to: number,
    index: number, mask: number, slotEntry: number, slotTag: number, words: number, prefixes: number,
    packetsSeen: number, ordinal: number, generation: number, fromUs: number, untilUs: number, clock: number,
  ): number;
}

/** As much as 32 bits address; also the maximum that the kernel was compiled for. */
const MAX_PAGES = 65_536;

let compiled: object | null = null;

/** Memory for a kernel, only reserved until it is used. Throws where address space is too tight for it. */
export function kernelMemory(): WasmMemory {
  return new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true });
}

/** The kernel over this memory; each thread has one of its own over the same. */
export function kernelOver(memory: WasmMemory): Kernel {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNEL_CODE, 'base64'));
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as Kernel;
}
