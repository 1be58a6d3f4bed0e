/** All that is needed of it; the library of types that has it is that of browsers. */
declare const WebAssembly: { readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer } };

const WASM_PAGE_BYTES = 65536;

/**
 * Zeroed memory that begins at a page of the system's memory, so that what is laid out for cache lines lies in cache
 * lines. An ArrayBuffer of its own begins wherever malloc puts it, with glibc 16 bytes behind a page, where each entry
 * of the flow table would straddle one line more. Where address space is too tight for it, an ArrayBuffer does.
 */
export function alignedBuffer(bytes: number): ArrayBuffer {
  try {
    return new WebAssembly.Memory({ initial: Math.ceil(bytes / WASM_PAGE_BYTES) }).buffer;
  } catch {
    return new ArrayBuffer(bytes);
  }
}
