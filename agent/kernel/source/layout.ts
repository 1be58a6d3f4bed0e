/** Bytes of a key queue's slot, of a flow table's entry and of its prefixes, as shifts: SLOT_WORDS, ENTRY_WORDS, PREFIX_WORDS. */
export const SLOT_SHIFT: usize = 6;
export const ENTRY_SHIFT: usize = 6;
export const PREFIX_SHIFT: usize = 5;
