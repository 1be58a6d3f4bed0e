import { KEY_META, KEY_SRC0, META_ENI_SHIFT, META_IPV6 } from '../../../shared/flow-key.ts';
import { QUEUE_FRAGMENT, QUEUE_QUOTES, QUEUE_TCP_FLAGS, SLOT_BYTES, SLOT_FLAGS, SLOT_STATUS } from '../../decode/key-slot.ts';
import {
  ENTRY_BYTES, ENTRY_FIRST_US, ENTRY_LAST_US, ENTRY_PACKETS, ENTRY_STATE, ENTRY_WINDOW, MAX_ENTRY_PACKETS, STATE_DIRTY,
  STATE_GENERATION, STATE_TIMER, STATE_TIMER_SHIFT,
} from '../../table/entry.ts';
import { TCP_FIN, TCP_RST, TCP_SYN } from '../../../shared/protocol.ts';
import { ENTRY_SHIFT, PREFIX_SHIFT, SLOT_SHIFT } from './layout';

const UNUSUAL: i32 = TCP_SYN | TCP_FIN | TCP_RST | QUEUE_FRAGMENT | QUEUE_QUOTES;

/**
 * Packets of known flows, which change nothing but their entry's counters: as FlowStage.consumeSlots. Slots [from, to) of a
 * queue at `keys`, from `fromUs` on and before `untilUs`, which is in the window `ordinal`. `clock`: doubles, the latest time of any
 * packet, which is moved on, and the idle times by timer. Returns the slot at which it stopped.
 */
export function countPackets(
  keys: usize, times: usize, hashes: usize, from: i32, to: i32,
  index: usize, mask: i32, slotEntry: i32, slotTag: i32, words: usize, prefixes: usize,
  packetsSeen: usize, ordinal: i32, generation: i32, fromUs: f64, untilUs: f64, clock: usize,
): i32 {
  let latestUs = load<f64>(clock);
  let slot = from;
  for (; slot < to; slot++) {
    const at = keys + (<usize>slot << SLOT_SHIFT);
    const timeUs = load<f64>(times + (<usize>slot << 3));
    const flags = load<i32>(at, SLOT_FLAGS * 4);
    if (timeUs < fromUs || timeUs >= untilUs || load<i32>(at, SLOT_STATUS * 4) != 0 || (flags & UNUSUAL) != 0) break;
    const entry = find(at, load<i32>(hashes + (<usize>slot << 2)), index, mask, slotEntry, slotTag, words, prefixes);
    if (entry == 0) break;
    const state = load<i32>(entry, ENTRY_STATE * 4);
    const packets = load<i32>(entry, ENTRY_PACKETS * 4);
    const lastUs = load<f64>(entry, ENTRY_LAST_US * 8);
    const idleLimitUs = load<f64>(clock + (<usize>((state & STATE_TIMER) >> STATE_TIMER_SHIFT) << 3), 8);
    if (
      load<i32>(entry, ENTRY_WINDOW * 4) != ordinal || (state & STATE_GENERATION) != generation ||
      timeUs - lastUs > idleLimitUs || packets >= MAX_ENTRY_PACKETS
    ) break;
    if (timeUs > latestUs) latestUs = timeUs;
    const seen = packetsSeen + (<usize>(load<i32>(at, KEY_META * 4) >>> META_ENI_SHIFT) << 3);
    store<f64>(seen, load<f64>(seen) + 1);
    store<i32>(entry, packets + 1, ENTRY_PACKETS * 4);
    if (packets == 0 || timeUs < load<f64>(entry, ENTRY_FIRST_US * 8)) store<f64>(entry, timeUs, ENTRY_FIRST_US * 8);
    store<f64>(entry, load<f64>(entry, ENTRY_BYTES * 8) + <f64>load<i32>(at, SLOT_BYTES * 4), ENTRY_BYTES * 8);
    if (timeUs > lastUs) store<f64>(entry, timeUs, ENTRY_LAST_US * 8);
    store<i32>(entry, state | (flags & QUEUE_TCP_FLAGS) | STATE_DIRTY, ENTRY_STATE * 4);
  }
  store<f64>(clock, latestUs);
  return slot;
}

/** As FlowTable.find: where the entry is, or 0. */
function find(
  at: usize, hash: i32, index: usize, mask: i32, slotEntry: i32, slotTag: i32, words: usize, prefixes: usize,
): usize {
  const key = v128.load(at);
  let place = hash & mask;
  let found = load<i32>(index + (<usize>place << 2));
  while (found != 0) {
    if (((found ^ hash) & slotTag) == 0) {
      const number = <usize>((found & slotEntry) - 1);
      const entry = words + (number << ENTRY_SHIFT);
      if (
        i32x4.all_true(i32x4.eq(v128.load(entry), key)) &&
        ((load<i32>(at, KEY_META * 4) & META_IPV6) == 0 || hasPrefixes(prefixes + (number << PREFIX_SHIFT), at + KEY_SRC0 * 4))
      ) return entry;
    }
    place = (place + 1) & mask;
    found = load<i32>(index + (<usize>place << 2));
  }
  return 0;
}

/** The first 96 bits of both addresses: six words. */
function hasPrefixes(prefixes: usize, key: usize): bool {
  return i32x4.all_true(i32x4.eq(v128.load(prefixes), v128.load(key))) && load<i64>(prefixes, 16) == load<i64>(key, 16);
}
