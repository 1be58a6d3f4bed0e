import { randomInt } from 'node:crypto';
import { endianness } from 'node:os';
import { kernelMemory, kernelOver, type Kernel, type WasmMemory } from './kernel.ts';

const PAGE_BYTES = 65_536;
/** Pieces begin at pages of the system's memory, so that what is laid out for cache lines lies in cache lines. */
const ALIGNMENT = 4096;

/** Words at the beginning of the memory, for all threads. */
const TOP = 0;
const SECRET0 = 1;
const SECRET1 = 2;
const HEADER_WORDS = 3;

/** Out of the kernel's reach. */
export const NOWHERE = -1;

/** A piece of memory, all zeros when it is taken. `address`: for the kernel, or NOWHERE. */
export interface MemoryPiece {
  readonly buffer: SharedArrayBuffer;
  readonly offset: number;
  readonly bytes: number;
  readonly address: number;
}

/** What another thread is given to see the same memory; null: there is no kernel. */
export type SharedPacketMemory = WasmMemory | null;

/**
 * The memory of a packet path: what its kernel and its TypeScript both work on, in one thread or in two.
 *
 * I1. A piece keeps its place, whatever else is taken or however much the memory grows.
 * I2. Where address space is too tight for a kernel, or the machine is big-endian, there is none, and each piece is a buffer of its own.
 */
export class PacketMemory {
  readonly kernel: Kernel | null;
  readonly shared: SharedPacketMemory;
  /** Of the flow table's keyed hash. */
  readonly secret0: number;
  readonly secret1: number;
  private readonly header: Uint32Array;
  /** Given back, by size. */
  private readonly spare = new Map<number, MemoryPiece[]>();

  private constructor(shared: SharedPacketMemory) {
    this.shared = shared;
    this.kernel = shared === null ? null : kernelOver(shared);
    this.header = new Uint32Array(shared === null ? new SharedArrayBuffer(HEADER_WORDS * 4) : shared.buffer, 0, HEADER_WORDS);
    if (Atomics.compareExchange(this.header, TOP, 0, ALIGNMENT) === 0) {
      this.header[SECRET0] = randomInt(2 ** 32) | 1;
      this.header[SECRET1] = randomInt(2 ** 32);
    }
    this.secret0 = this.header[SECRET0]! | 0;
    this.secret1 = this.header[SECRET1]! | 0;
  }

  static create(): PacketMemory {
    // WebAssembly is little-endian everywhere; the arrays of TypeScript are what the machine is
    if (endianness() !== 'LE') return PacketMemory.withoutKernel();
    try {
      return new PacketMemory(kernelMemory());
    } catch {
      return PacketMemory.withoutKernel();
    }
  }

  static withoutKernel(): PacketMemory {
    return new PacketMemory(null);
  }

  /** The same memory in another thread; to be made after everything was taken that the two share. */
  static attach(shared: SharedPacketMemory): PacketMemory {
    return new PacketMemory(shared);
  }

  take(bytes: number): MemoryPiece {
    const size = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    const spare = this.spare.get(size)?.pop();
    if (spare) {
      new Uint8Array(spare.buffer, spare.offset, size).fill(0);
      return spare;
    }
    return this.takeNew(size) ?? { buffer: new SharedArrayBuffer(size), offset: 0, bytes: size, address: NOWHERE };
  }

  /** Nobody uses the piece any more. */
  giveBack(piece: MemoryPiece): void {
    const spares = this.spare.get(piece.bytes);
    if (spares) spares.push(piece);
    else this.spare.set(piece.bytes, [piece]);
  }

  /** A piece that another thread has taken. */
  seen(piece: MemoryPiece): MemoryPiece {
    return this.shared === null || piece.address === NOWHERE ? piece : { ...piece, buffer: this.shared.buffer };
  }

  private takeNew(size: number): MemoryPiece | null {
    const memory = this.shared;
    if (memory === null) return null;
    for (;;) {
      const offset = Atomics.load(this.header, TOP);
      if (!growTo(memory, offset + size)) return null;
      // another thread may have been quicker
      if (Atomics.compareExchange(this.header, TOP, offset, offset + size) === offset) return { buffer: memory.buffer, offset, bytes: size, address: offset };
    }
  }
}

/** False where there is no room for as much. */
function growTo(memory: WasmMemory, bytes: number): boolean {
  // a page more: the kernel loads 16 bytes at a time, also at a piece's end
  const missing = Math.ceil(bytes / PAGE_BYTES) + 1 - memory.buffer.byteLength / PAGE_BYTES;
  try {
    if (missing > 0) memory.grow(missing);
    return true;
  } catch {
    return false;
  }
}
