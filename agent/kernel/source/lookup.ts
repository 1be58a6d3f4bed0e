import { KEY_DST0, KEY_DST1, KEY_DST2, KEY_DST3, KEY_META, KEY_PORTS, KEY_SRC0, KEY_SRC1, KEY_SRC2, KEY_SRC3, META_IPV6, META_OUT } from '../../../shared/flow-key.ts';
import { ENTRY_SHIFT, SLOT_SHIFT } from './layout';

/** Keeps the loads of `touchEntries` from being optimised away. */
export let touched: i32 = 0;

/** As FlowTable.hash and reverseHash, of `count` slots from `keys` on. `sourceBits`: those that follow from the source alone. */
export function hashSlots(keys: usize, count: i32, hashes: usize, reverse: usize, secret0: i32, secret1: i32, sourceBits: i32): void {
  let at = keys;
  for (let slot = 0; slot < count; slot++) {
    const meta = load<i32>(at, KEY_META * 4);
    const ports = load<i32>(at, KEY_PORTS * 4);
    let source = (load<i32>(at, KEY_SRC3 * 4) ^ secret1) * secret0;
    let destination = (load<i32>(at, KEY_DST3 * 4) ^ secret1) * secret0;
    if ((meta & META_IPV6) != 0) {
      source = (source ^ (source >>> 15) ^ load<i32>(at, KEY_SRC2 * 4)) * <i32>0x85ebca6b ^ load<i32>(at, KEY_SRC1 * 4);
      source = (source ^ (source >>> 13)) * <i32>0xc2b2ae35 ^ load<i32>(at, KEY_SRC0 * 4);
      destination = (destination ^ (destination >>> 15) ^ load<i32>(at, KEY_DST2 * 4)) * <i32>0x85ebca6b ^ load<i32>(at, KEY_DST1 * 4);
      destination = (destination ^ (destination >>> 13)) * <i32>0xc2b2ae35 ^ load<i32>(at, KEY_DST0 * 4);
    }
    source = (source ^ (source >>> 15) ^ (ports >>> 16)) * <i32>0x9e3779b1;
    destination = (destination ^ (destination >>> 15) ^ (ports & 0xffff)) * <i32>0x9e3779b1;
    const both = (source ^ (source >>> 14)) + (destination ^ (destination >>> 14));
    const mixed = (both ^ (both >>> 16) ^ (meta & ~META_OUT)) * secret0;
    const hash = mixed ^ (mixed >>> 15);
    store<i32>(hashes + (<usize>slot << 2), hash ^ ((source ^ (source >>> 17)) & sourceBits));
    store<i32>(reverse + (<usize>slot << 2), hash ^ ((destination ^ (destination >>> 17)) & sourceBits));
    at += 1 << SLOT_SHIFT;
  }
}

/** As FlowTable.prepare: loads what the lookups of these hashes will need, all of them at once; of a new flow, for its opposite. */
export function touchEntries(hashes: usize, reverse: usize, count: i32, index: usize, mask: i32, words: usize, slotEntry: i32): void {
  let sum = 0;
  for (let slot = 0; slot < count; slot++) {
    let entry = load<i32>(index + (<usize>(load<i32>(hashes + (<usize>slot << 2)) & mask) << 2)) & slotEntry;
    if (entry == 0) entry = load<i32>(index + (<usize>(load<i32>(reverse + (<usize>slot << 2)) & mask) << 2)) & slotEntry;
    // of a free slot, the first entry: no branch to be guessed
    sum ^= load<i32>(words + (<usize>(entry - i32(entry != 0)) << ENTRY_SHIFT));
  }
  touched = sum;
}
