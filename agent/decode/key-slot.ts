import { KEY_WORDS } from '../../shared/flow-key.ts';

/**
 * A decoded packet on its way from the decoder to the flow table, in 16 words of 32 bits.
 *
 * | word | content |
 * |------|---------|
 * | 0-9  | the flow key, see shared/flow-key.ts; in KEY_META only direction and ENI are valid unless the status is STATUS_DECODED |
 * | 10   | IP bytes |
 * | 11   | TCP flags (bits 0-7), non-first fragment (8), quotes a packet (9) |
 * | 12   | packet status |
 *
 * I1. Where QUEUE_QUOTES is set, slot i of `quoted` holds the key of the packet that the ICMP error quotes, with the
 *     direction in which that packet passed the ENI.
 */
export const SLOT_WORDS = 16;
export const SLOT_BYTES = KEY_WORDS;
export const SLOT_FLAGS = KEY_WORDS + 1;
export const SLOT_STATUS = KEY_WORDS + 2;

export const QUEUE_TCP_FLAGS = 0xff;
export const QUEUE_FRAGMENT = 0x100;
export const QUEUE_QUOTES = 0x200;
