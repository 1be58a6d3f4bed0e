import { KEY_META, META_ENI_SHIFT } from '../../shared/flow-key.ts';
import {
  ENTRY_BYTES, ENTRY_DOUBLES, ENTRY_FRAGMENTS, ENTRY_PACKETS, ENTRY_STATE, ENTRY_VERDICT, ENTRY_WINDOW, ENTRY_WORDS, PREFIX_WORDS, STATE_DIRTY,
  STATE_GENERATION, STATE_TCP_FLAGS,
} from '../table/entry.ts';
import { FREE, type FlowTable } from '../table/flow-table.ts';
import type { SavedEntries } from './saved-state.ts';

const SAVED_WORDS = ENTRY_WORDS + PREFIX_WORDS;

/** Entries that have changed since the last call, those that were freed included; with `all`, every entry in use. */
export function saveEntries(table: FlowTable, all: boolean): SavedEntries {
  const { words } = table;
  const places: number[] = [];
  for (let place = 0; place < table.highWater; place++) {
    const state = words[place * ENTRY_WORDS + ENTRY_STATE]!;
    if (all ? !table.isInUse(place) : (state & STATE_DIRTY) === 0) continue;
    places.push(place);
  }
  for (let place = 0; place < table.highWater; place++) words[place * ENTRY_WORDS + ENTRY_STATE]! &= ~STATE_DIRTY;
  const saved = new Int32Array(places.length * SAVED_WORDS);
  places.forEach((place, i) => table.save(place, saved, i * SAVED_WORDS));
  return { places: Int32Array.from(places), words: saved };
}

/** What the entries of successive checkpoints add up to. */
export class EntryReplay {
  private readonly words = new Map<number, Int32Array>();

  add({ places, words }: SavedEntries): void {
    places.forEach((place, i) => {
      const entry = words.subarray(i * SAVED_WORDS, (i + 1) * SAVED_WORDS);
      if (entry[KEY_META] === FREE) this.words.delete(place);
      else this.words.set(place, entry);
    });
  }

  /**
   * Into an empty table, in the order of their old places. Entries of ENIs that are no more are left out. Counters stay
   * only where `isOpen` says that their window does: those of others have been handed on. Every verdict is checked against
   * the rules with the entry's next packet.
   */
  into(table: FlowTable, isOpen: (ordinal: number) => boolean, eniNumbers: Int32Array, verdictNumbers: Int32Array): void {
    for (const place of [...this.words.keys()].sort((a, b) => a - b)) {
      if (table.isFull) return;
      const entry = this.words.get(place)!.slice();
      const meta = entry[KEY_META]!;
      const eni = eniNumbers[meta >>> META_ENI_SHIFT]!;
      if (eni < 0) continue;
      entry[KEY_META] = (meta & ((1 << META_ENI_SHIFT) - 1)) | (eni << META_ENI_SHIFT);
      entry[ENTRY_VERDICT] = verdictNumbers[entry[ENTRY_VERDICT]!]!;
      entry[ENTRY_STATE] = (entry[ENTRY_STATE]! & ~STATE_GENERATION) | STATE_DIRTY;
      const isCounted = isOpen(entry[ENTRY_WINDOW]!);
      if (!isCounted) {
        entry[ENTRY_PACKETS] = 0;
        entry[ENTRY_FRAGMENTS] = 0;
        entry[ENTRY_STATE]! &= ~STATE_TCP_FLAGS;
      }
      const adopted = table.adopt(entry);
      if (!isCounted) table.doubles[adopted * ENTRY_DOUBLES + ENTRY_BYTES] = 0;
    }
  }
}
