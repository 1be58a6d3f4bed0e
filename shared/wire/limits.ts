/** Bounds of a batch; what lies beyond is refused with the bound in the answer. */
export const MAX_ROWS = 1 << 22;
/** Record batches in one columnar message stream: an agent sends one a window. */
export const MAX_RECORD_BATCHES = 4096;
/** Distinct values of one symbol column. */
export const MAX_DICTIONARY = 1 << 20;
/** Entries of all dictionaries of one stream together: each is a text of its own in memory. */
export const MAX_DICTIONARY_ENTRIES = 1 << 21;
export const MAX_SYMBOL_BYTES = 256;
/** What no symbol holds: a NUL would end the SQL that names it, and half a surrogate pair changes on the way to UTF-8. */
export const NOT_IN_SYMBOLS = /[\p{Cc}\p{Surrogate}]/u;
export const MAX_SEALS = 1 << 17;
/** Of NDJSON; and of a seal in the metadata of a columnar batch. */
export const MAX_LINE_BYTES = 16 * 1024;
export const MAX_WINDOW_SECONDS = 86_400;
/** The last second that microseconds in a double tell apart: 2255-06-05. */
export const MAX_SECONDS = 9_007_199_254;
