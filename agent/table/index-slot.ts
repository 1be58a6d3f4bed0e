/**
 * A slot of the flow table's index, 0 where it is free. From its lowest bits on: the entry + 1, in as many bits as the
 * capacity needs; how far from its home slot it stands, so that most removals need not look into the entries behind; and
 * the tag, the upper bits of the hash, which the home slot does not follow from: with another tag it is another key.
 */
export const SLOT_DISTANCE_BITS = 3;
/** Also for whatever is farther. */
export const MAX_SLOT_DISTANCE = 7;
/** The first index, for 65,536 entries: half a megabyte, which stays in a processor's own cache, whatever the capacity. */
export const FIRST_SLOTS = 1 << 17;
/** The bits of a slot's number that say which one of a cache line it is. */
const SLOT_IN_LINE = 15;

export function indexSlots(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity * 2));
}

export function slotTag(capacity: number): number {
  return -1 << (Math.log2(indexSlots(capacity)) + SLOT_DISTANCE_BITS);
}

/** The bits of a hash that follow from the source alone: which slot of the line, and the tag. */
export function sourceBits(capacity: number): number {
  return slotTag(capacity) | SLOT_IN_LINE;
}
