/** Bounds of a batch; what lies beyond is refused with the bound in the answer. */
export const MAX_ROWS = 1 << 22;
/** Record batches in one columnar message stream: an agent sends one a window. */
export const MAX_RECORD_BATCHES = 4096;
/** Distinct values of one symbol column. */
export const MAX_DICTIONARY = 1 << 20;
export const MAX_SYMBOL_BYTES = 256;
export const MAX_SEALS = 1 << 17;
export const MAX_LINE_BYTES = 16 * 1024;
export const MAX_WINDOW_SECONDS = 86_400;
/** The last second that microseconds in a double tell apart: 2255-06-05. */
export const MAX_SECONDS = 9_007_199_254;
