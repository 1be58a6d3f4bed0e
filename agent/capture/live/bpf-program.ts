/**
 * Classic BPF, the kernel's language for socket filters (Documentation/networking/filter.rst): an accumulator A, an
 * index X, jumps forward only. A load outside of the packet ends the program with 0.
 */

/** One instruction: operation, jumps in instructions (if true, if false), operand. */
export interface BpfInstruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly operand: number;
}
export type BpfProgram = readonly BpfInstruction[];

/** BPF_MAXINSNS of the kernel. */
export const MAX_INSTRUCTIONS = 4096;
export const INSTRUCTION_BYTES = 8;

export const LOAD_WORD = 0x20;
export const LOAD_HALF = 0x28;
export const LOAD_BYTE = 0x30;
/** At X + operand. */
export const LOAD_WORD_AT_X = 0x40;
export const LOAD_HALF_AT_X = 0x48;
export const LOAD_BYTE_AT_X = 0x50;
/** Length of the packet. */
export const LOAD_LENGTH = 0x80;
export const LOAD_X_CONSTANT = 0x01;
/** The scratch words M[0] to M[15]. */
export const LOAD_X_SCRATCH = 0x61;
export const STORE_SCRATCH = 0x02;
export const STORE_X_SCRATCH = 0x03;
export const COPY_A_TO_X = 0x07;
export const ADD_X = 0x0c;
export const MULTIPLY = 0x24;
export const AND = 0x54;
export const SHIFT_LEFT = 0x64;
export const SHIFT_RIGHT = 0x74;
export const XOR_X = 0xac;
export const IF_EQUAL = 0x15;
export const IF_AT_LEAST = 0x35;
export const IF_ANY_BIT = 0x45;
const JUMP = 0x05;
const RETURN_CONSTANT = 0x06;
const RETURN_A = 0x16;

/** Loads from here on read the skb's own fields; from NETWORK and LINK on, the packet from that header. */
export const ANCILLARY = 0xfffff000;
export const ANCILLARY_PACKET_TYPE = ANCILLARY + 4;
export const FROM_NETWORK_HEADER = 0xfff00000;
export const FROM_LINK_HEADER = 0xffe00000;

/** Writes programs with labels. */
export class BpfAssembler {
  private readonly lines: { code: number; operand: number; target: string | null }[] = [];
  private readonly labels = new Map<string, number>();
  private labelsMade = 0;

  /** A name that no other label has. */
  uniqueLabel(): string {
    return `#${this.labelsMade++}`;
  }

  label(name: string): void {
    if (this.labels.has(name)) throw new Error(`label ${name} stands twice`);
    this.labels.set(name, this.lines.length);
  }

  op(code: number, operand = 0): void {
    this.lines.push({ code, operand, target: null });
  }

  /** To the label if the condition holds, else on. As two instructions, because conditions jump no further than 255. */
  jumpIf(condition: number, operand: number, target: string): void {
    this.op(condition, operand);
    this.jump(target);
  }

  /** To the label unless the condition holds. */
  jumpUnless(condition: number, operand: number, target: string): void {
    const met = this.uniqueLabel();
    this.jumpIf(condition, operand, met);
    this.jump(target);
    this.label(met);
  }

  jump(target: string): void {
    this.lines.push({ code: JUMP, operand: 0, target });
  }

  returnConstant(value: number): void {
    this.op(RETURN_CONSTANT, value);
  }

  returnAccumulator(): void {
    this.op(RETURN_A);
  }

  /** `next` follows behind the last line. */
  finish(next: BpfProgram = []): BpfProgram {
    const program = this.lines.map(({ code, operand, target }, at) => ({
      code,
      jumpTrue: 0,
      jumpFalse: isCondition(code) ? 1 : 0, // over the jump that follows each condition
      operand: target === null ? operand >>> 0 : this.distance(at, target),
    }));
    return [...program, ...next];
  }

  private distance(at: number, target: string): number {
    const to = this.labels.get(target);
    if (to === undefined || to <= at) throw new Error(`no label ${target} ahead of line ${at}`);
    return to - at - 1;
  }
}

function isCondition(code: number): boolean {
  return code === IF_EQUAL || code === IF_AT_LEAST || code === IF_ANY_BIT;
}

/** As the kernel reads it: struct sock_filter, in the byte order of this machine. */
export function encodeProgram(program: BpfProgram): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_BYTES);
  const halves = new Uint16Array(bytes.buffer);
  const words = new Uint32Array(bytes.buffer);
  program.forEach(({ code, jumpTrue, jumpFalse, operand }, index) => {
    halves[index * 4] = code;
    bytes[index * INSTRUCTION_BYTES + 2] = jumpTrue;
    bytes[index * INSTRUCTION_BYTES + 3] = jumpFalse;
    words[index * 2 + 1] = operand;
  });
  return bytes;
}

export function decodeProgram(bytes: Uint8Array): BpfProgram {
  const copy = bytes.slice();
  const halves = new Uint16Array(copy.buffer);
  const words = new Uint32Array(copy.buffer);
  return Array.from({ length: copy.length / INSTRUCTION_BYTES }, (_, index) => ({
    code: halves[index * 4]!,
    jumpTrue: copy[index * INSTRUCTION_BYTES + 2]!,
    jumpFalse: copy[index * INSTRUCTION_BYTES + 3]!,
    operand: words[index * 2 + 1]!,
  }));
}
