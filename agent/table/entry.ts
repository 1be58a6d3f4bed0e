/**
 * The layout of one flow table entry: 64 bytes, one cache line.
 * Words of 32 bits through an Int32Array; doubles through a Float64Array over the same bytes.
 *
 * | word  | content |
 * |-------|---------|
 * | 0-3   | key: source and destination (last 32 bits), ports, meta; see shared/flow-key.ts |
 * | 4     | hash of the key |
 * | 5     | state, see below |
 * | 6     | verdict, index into VerdictEngine.verdicts |
 * | 7     | window that the counters belong to, its ordinal |
 * | 8-9   | double: IP bytes in that window |
 * | 10-11 | double: first packet in that window, Unix microseconds |
 * | 12-13 | double: last packet, Unix microseconds; outlives windows |
 * | 14    | packets in that window |
 * | 15    | non-first fragments in that window |
 *
 * What only IPv6 has, the first 96 bits of both addresses, stands apart in `FlowTable.prefixes`, PREFIX_WORDS an entry:
 * source in words 0-2, destination in words 3-5.
 */
export const ENTRY_WORDS = 16;
export const ENTRY_DOUBLES = ENTRY_WORDS / 2;
export const PREFIX_WORDS = 8;

export const ENTRY_HASH = 4;
export const ENTRY_STATE = 5;
export const ENTRY_VERDICT = 6;
export const ENTRY_WINDOW = 7;
export const ENTRY_BYTES = 4;
export const ENTRY_FIRST_US = 5;
export const ENTRY_LAST_US = 6;
export const ENTRY_PACKETS = 14;
export const ENTRY_FRAGMENTS = 15;

/** State: TCP flags seen in this window, or-ed (bits 0-7). */
export const STATE_TCP_FLAGS = 0xff;
/** Index into INITIATORS (bits 8-9). */
export const STATE_INITIATOR_SHIFT = 8;
export const STATE_INITIATOR = 0x300;
/** The verdict came from the rules: this direction opened the connection. Otherwise it is `established`. */
export const STATE_OPENER = 0x400;
/** A FIN was seen in this direction. */
export const STATE_FIN = 0x800;
/** FIN seen both ways, or RST. */
export const STATE_CLOSED = 0x1000;
/** No row of this flow has been written yet. */
export const STATE_NEW = 0x2000;
export const STATE_ACCEPT = 0x4000;
/** Index into the idle timers (bits 16-17). */
export const STATE_TIMER_SHIFT = 16;
export const STATE_TIMER = 0x30000;
/** Generation of the rule set that the verdict was last checked against (bits 20-27). */
export const STATE_GENERATION_SHIFT = 20;
export const STATE_GENERATION = 0xff00000;

/** Changed since the last checkpoint; also on an entry that is free since. */
export const STATE_DIRTY = 0x10000000;

export const TIMER_TCP = 0;
export const TIMER_UDP = 1;
export const TIMER_OTHER = 2;
export const TIMER_CLOSED = 3;

/** Packets of one entry before it gives a partial row, so that the 32-bit counter cannot overflow. */
export const MAX_ENTRY_PACKETS = 1 << 30;
