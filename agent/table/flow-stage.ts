import { META_ENI_SHIFT, KEY_META } from '../../shared/flow-key.ts';
import { TCP_FIN, TCP_RST, TCP_SYN } from '../../shared/protocol.ts';
import { RECORDS_ACCEPT, RECORDS_REJECT } from '../../shared/traffic-bits.ts';
import type { VerdictEngine } from '../../shared/verdict/engine.ts';
import { EntryReplay, saveEntries } from '../checkpoint/table-state.ts';
import type { SavedPipeline } from '../checkpoint/saved-state.ts';
import type { KeyQueue } from '../decode/key-queue.ts';
import { QUEUE_FRAGMENT, QUEUE_QUOTES, QUEUE_TCP_FLAGS, SLOT_BYTES, SLOT_FLAGS, SLOT_STATUS, SLOT_WORDS } from '../decode/key-slot.ts';
import { STATUS_DECODED } from '../decode/packet-status.ts';
import type { PacketMemory } from '../kernel/packet-memory.ts';
import type { Sealer } from '../seal/sealer.ts';
import type { WindowAccount } from '../seal/window-account.ts';
import { Windows } from '../seal/windows.ts';
import { Connections } from './connections.ts';
import {
  ENTRY_BYTES, ENTRY_DOUBLES, ENTRY_FIRST_US, ENTRY_FRAGMENTS, ENTRY_LAST_US, ENTRY_PACKETS, ENTRY_STATE, ENTRY_WINDOW, ENTRY_WORDS,
  MAX_ENTRY_PACKETS, STATE_ACCEPT, STATE_CLOSED, STATE_DIRTY, STATE_GENERATION, STATE_NEW, STATE_TCP_FLAGS, STATE_TIMER, STATE_TIMER_SHIFT,
} from './entry.ts';
import { writeRow } from './flow-rows.ts';
import { NO_ENTRY, FlowTable } from './flow-table.ts';
import type { IdleTimers } from './idle-timers.ts';
import { PlainPackets } from './plain-packets.ts';

export interface FlowStageOptions {
  readonly tableCapacity: number;
  readonly windowSeconds: number;
  readonly graceSeconds: number;
  /** By ENI index: what is recorded, as WatchedEnis has it. */
  readonly watch: Uint8Array;
  readonly timers: IdleTimers;
  /** By ENI index: 1 where packets have a direction. */
  readonly hasDirection: Uint8Array;
  /** Of the table, of counters, and of the queues that are consumed. */
  readonly memory: PacketMemory;
}

/** Rows of an open window that are kept back so that rows of one key can be merged; to merge more takes too long a pause. */
const MAX_ROWS_KEPT = 1 << 16;
/**
 * A closing window's packets leave the table in slices, so that capture goes on meanwhile: at once, after each SLICE_SLOTS
 * queue slots, counted from the first packet on (so that rows come in the same order whatever the batches are), and with the
 * clock, where there are no packets.
 */
const SLICE_SLOTS = 256;
const SLICE_ENTRIES = SLICE_SLOTS * 16;
const TICK_ENTRIES = 1 << 16;
/** Entries of which the memory that the closing window will look into is loaded at a time. */
const TOUCHED_ENTRIES = 64;
/** Connections that leave a full table at a time: several, so that the memory that this needs is loaded at once. */
const MAX_LEAVING = 32;
/** Packets that take the long way in a row, at most, before the kernel is tried again: more and more where it does not get far. */
const MAX_STRETCH = 64;
/** A run of the kernel that is not shorter has been worth the call. */
const FAR = 8;
/** Queue flags that call for the long path before the packet is counted, and those that call for more after it. */
const BEFORE = TCP_SYN | QUEUE_QUOTES;
const AFTER = TCP_FIN | TCP_RST | QUEUE_FRAGMENT;

/**
 * Adds decoded packets up: key queue in, rows and seals out.
 *
 * I1. An entry with packets belongs to an open window; closing a window takes its packets out of every entry.
 * I2. A row holds packets of one verdict: whatever changes an entry's verdict writes its row first.
 * I3. Each packet in the queue is counted once in packetsSeen, and once in a row, a status, as filtered or as late.
 * I4. Whether a packet is kept was settled when it came: what changes the traffic type of a window writes the rows first.
 */
export class FlowStage {
  readonly table: FlowTable;
  readonly windows: Windows;
  private readonly connections: Connections;
  private readonly plain: PlainPackets;
  private readonly sealer: Sealer;
  /** Entries that are to leave a full table. */
  private readonly leaving: Int32Array;
  /** Slots until the next slice of the closing window. */
  private untilSlice = SLICE_SLOTS;
  /** The entry that the closing window's scan has reached. */
  private scanned = 0;

  constructor(engine: VerdictEngine, sealer: Sealer, options: FlowStageOptions) {
    const { memory } = options;
    this.table = new FlowTable(options.tableCapacity, memory);
    this.leaving = new Int32Array(Math.max(1, Math.min(MAX_LEAVING, options.tableCapacity >> 4)));
    this.sealer = sealer;
    this.windows = new Windows(options.windowSeconds, options.graceSeconds, options.watch, memory, (toTheEnd) => {
      this.closeSlice(toTheEnd ? Infinity : SLICE_ENTRIES);
    });
    this.connections = new Connections(this.table, engine, options.timers, options.hasDirection, (entry, isEnded) => {
      this.takeRow(entry, isEnded);
    });
    this.plain = new PlainPackets(this.table, this.windows, this.connections.idleUs, memory);
  }

  consume(queue: KeyQueue): void {
    this.table.hashAll(queue);
    for (let from = 0; from < queue.count; ) {
      const to = Math.min(queue.count, from + this.untilSlice);
      this.table.prepare(queue, from, to);
      this.consumeSlots(queue, from, to);
      this.untilSlice -= to - from;
      from = to;
      if (this.untilSlice > 0) continue;
      this.untilSlice = SLICE_SLOTS;
      if (this.windows.closing !== null) this.closeSlice(SLICE_ENTRIES);
    }
  }

  /** The kernel takes what is nothing but a packet more of a known flow; the rest goes the long way. */
  private consumeSlots(queue: KeyQueue, from: number, to: number): void {
    let stretch = 1;
    for (let slot = from; slot < to; ) {
      const reached = this.plain.count(queue, slot, to, this.connections.generationBits);
      stretch = reached >= slot + FAR ? 1 : Math.min(2 * stretch, MAX_STRETCH);
      slot = Math.min(to, reached + stretch);
      this.consumeOneByOne(queue, reached, slot);
    }
  }

  private consumeOneByOne(queue: KeyQueue, from: number, to: number): void {
    const { keys, timeUs: times, hash: hashes } = queue;
    const { table, windows } = this;
    const { words, doubles } = table;
    const { generationBits, idleUs } = this.connections;
    let { fromUs, untilUs, latestUs, current: account } = windows;
    for (let slot = from; slot < to; slot++) {
      const at = slot * SLOT_WORDS;
      const timeUs = times[slot]!;
      const eni = keys[at + KEY_META]! >>> META_ENI_SHIFT;
      if (timeUs > latestUs) latestUs = timeUs;
      if (timeUs < fromUs || timeUs >= untilUs) {
        windows.latestUs = latestUs;
        const isOpen = windows.moveTo(timeUs);
        ({ fromUs, untilUs, current: account } = windows);
        if (!isOpen) {
          this.countLate(eni);
          continue;
        }
      }
      account.packetsSeen[eni]!++;
      if (keys[at + SLOT_STATUS] !== STATUS_DECODED) {
        account.countStatus(eni, keys[at + SLOT_STATUS]!);
        continue;
      }
      const flags = keys[at + SLOT_FLAGS]!;
      let entry = table.find(keys, at, hashes[slot]!);
      if (entry === NO_ENTRY) {
        entry = this.addEntry(queue, at, hashes[slot]!, timeUs, account);
      } else {
        const state = words[entry * ENTRY_WORDS + ENTRY_STATE]!;
        const needsAttention =
          words[entry * ENTRY_WORDS + ENTRY_WINDOW] !== account.ordinal || (flags & BEFORE) !== 0 ||
          (state & STATE_GENERATION) !== generationBits ||
          timeUs - doubles[entry * ENTRY_DOUBLES + ENTRY_LAST_US]! > idleUs[(state & STATE_TIMER) >> STATE_TIMER_SHIFT]! ||
          words[entry * ENTRY_WORDS + ENTRY_PACKETS]! >= MAX_ENTRY_PACKETS;
        if (needsAttention && !this.attend(entry, queue, at, timeUs, account)) continue;
      }
      const base = entry * ENTRY_WORDS;
      const baseDouble = entry * ENTRY_DOUBLES;
      const packets = words[base + ENTRY_PACKETS]!;
      words[base + ENTRY_PACKETS] = packets + 1;
      if (packets === 0 || timeUs < doubles[baseDouble + ENTRY_FIRST_US]!) doubles[baseDouble + ENTRY_FIRST_US] = timeUs;
      doubles[baseDouble + ENTRY_BYTES]! += keys[at + SLOT_BYTES]!;
      if (timeUs > doubles[baseDouble + ENTRY_LAST_US]!) doubles[baseDouble + ENTRY_LAST_US] = timeUs;
      words[base + ENTRY_STATE]! |= (flags & QUEUE_TCP_FLAGS) | STATE_DIRTY;
      if ((flags & AFTER) !== 0) this.afterCounting(entry, flags);
    }
    windows.latestUs = latestUs;
  }

  /** The wall clock, where packets are live: opens the window of this time, and closes those that are due. */
  tick(nowUs: number): void {
    this.windows.tick(nowUs);
    if (this.windows.closing !== null) this.closeSlice(TICK_ENTRIES);
  }

  /** The part of a checkpoint that is this stage's. */
  save(all: boolean): Pick<SavedPipeline, 'windows' | 'entries'> {
    return { windows: this.windows.save(), entries: saveEntries(this.table, all) };
  }

  /** Into a stage that has seen no packet yet; `saved`, oldest first. `watch`: what is recorded from `nowUs` on. */
  restore(
    saved: readonly SavedPipeline[], sealedThroughUs: number, nowUs: number, eniNumbers: Int32Array, verdictNumbers: Int32Array, watch: Uint8Array,
  ): void {
    const entries = new EntryReplay();
    for (const checkpoint of saved) entries.add(checkpoint.entries);
    this.windows.restore(saved[saved.length - 1]!.windows, sealedThroughUs, nowUs, eniNumbers, verdictNumbers);
    entries.into(this.table, (ordinal) => this.windows.isOpen(ordinal), eniNumbers, verdictNumbers);
    if (!this.windows.isEmpty && this.windows.newest.endUs > nowUs) this.follow(watch);
  }

  /** The rules have changed, there may be more ENIs, and something else may be recorded of them. */
  revise(hasDirection: Uint8Array, watch: Uint8Array): void {
    this.follow(watch);
    this.connections.revise(hasDirection);
  }

  /**
   * The wall clock was set by this much: the open windows close, and the idle timers go on as if it had always been so
   * (they follow the time that has really passed).
   */
  clockStep(deltaUs: number): void {
    this.windows.restart();
    const { table } = this;
    for (let entry = 0; entry < table.highWater; entry++) {
      if (table.isInUse(entry)) table.doubles[entry * ENTRY_DOUBLES + ENTRY_LAST_US]! += deltaUs;
    }
  }

  /** Ends the input: every open window closes. */
  close(): void {
    this.windows.closeAll();
  }

  private addEntry(queue: KeyQueue, at: number, hash: number, timeUs: number, account: WindowAccount): number {
    if (this.table.isFull) this.evict();
    const entry = this.table.insert(queue.keys, at, hash);
    this.table.words[entry * ENTRY_WORDS + ENTRY_WINDOW] = account.ordinal;
    this.table.doubles[entry * ENTRY_DOUBLES + ENTRY_LAST_US] = timeUs;
    this.decide(entry, queue, at, timeUs);
    return entry;
  }

  private decide(entry: number, queue: KeyQueue, at: number, timeUs: number): void {
    const flags = queue.keys[at + SLOT_FLAGS]!;
    if ((flags & QUEUE_QUOTES) !== 0) this.connections.relate(entry, queue.quoted, at, timeUs);
    else this.connections.open(entry, flags & QUEUE_TCP_FLAGS, timeUs, queue.reverseHash[at / SLOT_WORDS]!);
  }

  /** The long path of a known flow. False when the packet is dealt with. */
  private attend(entry: number, queue: KeyQueue, at: number, timeUs: number, account: WindowAccount): boolean {
    const { words, doubles } = this.table;
    const base = entry * ENTRY_WORDS;
    const flags = queue.keys[at + SLOT_FLAGS]!;
    const behind = account.ordinal - words[base + ENTRY_WINDOW]!;
    if (behind < 0) {
      this.addLateRow(entry, queue, at, timeUs, account);
      return false;
    }
    if (words[base + ENTRY_PACKETS]! >= MAX_ENTRY_PACKETS) this.takeRow(entry, false);
    const isOver = !this.connections.isLive(entry, timeUs) || this.connections.isReopenedBy(entry, flags & QUEUE_TCP_FLAGS);
    if (isOver) {
      this.takeRow(entry, true);
      words[base + ENTRY_STATE] = 0;
      doubles[entry * ENTRY_DOUBLES + ENTRY_LAST_US] = timeUs;
      this.decide(entry, queue, at, timeUs);
    } else {
      if (behind > 0) this.takeRow(entry, false);
      if ((words[base + ENTRY_STATE]! & STATE_GENERATION) !== this.connections.generationBits) {
        this.connections.revalidate(entry, flags & QUEUE_TCP_FLAGS, timeUs);
      }
      if ((flags & QUEUE_QUOTES) !== 0) this.connections.relate(entry, queue.quoted, at, timeUs);
    }
    words[base + ENTRY_WINDOW] = account.ordinal;
    return true;
  }

  private afterCounting(entry: number, flags: number): void {
    if ((flags & QUEUE_FRAGMENT) !== 0) this.table.words[entry * ENTRY_WORDS + ENTRY_FRAGMENTS]!++;
    else if ((flags & QUEUE_QUOTES) === 0 && (flags & (TCP_FIN | TCP_RST)) !== 0) this.connections.close(entry, flags & QUEUE_TCP_FLAGS);
  }

  /** A packet that came after its flow had moved on to a newer window, while its own is still open. */
  private addLateRow(entry: number, queue: KeyQueue, at: number, timeUs: number, account: WindowAccount): void {
    const flags = queue.keys[at + SLOT_FLAGS]!;
    if (!this.keeps(entry, account)) {
      account.filteredPackets[queue.keys[at + KEY_META]! >>> META_ENI_SHIFT]!++;
      return;
    }
    const rows = account.rows;
    const row = writeRow(this.table, entry, rows, false);
    rows.packets[row] = 1;
    rows.bytes[row] = queue.keys[at + SLOT_BYTES]!;
    rows.firstSeenUs[row] = timeUs;
    rows.lastSeenUs[row] = timeUs;
    rows.tcpFlags[row] = flags & QUEUE_TCP_FLAGS;
    rows.fragments[row] = (flags & QUEUE_FRAGMENT) !== 0 ? 1 : 0;
    this.afterRow(account);
  }

  private countLate(eni: number): void {
    const newest = this.windows.newest;
    newest.packetsSeen[eni]!++;
    newest.latePackets[eni]!++;
  }

  /** Moves the entry's counters to the rows of their window. */
  private takeRow(entry: number, isEnded: boolean): void {
    const words = this.table.words;
    const base = entry * ENTRY_WORDS;
    if (words[base + ENTRY_PACKETS] === 0) return;
    const account = this.windows.byOrdinal(words[base + ENTRY_WINDOW]!);
    this.moveRow(entry, isEnded, account);
    this.afterRow(account);
  }

  private moveRow(entry: number, isEnded: boolean, account: WindowAccount): void {
    const { words, doubles } = this.table;
    const base = entry * ENTRY_WORDS;
    if (this.keeps(entry, account)) writeRow(this.table, entry, account.rows, isEnded);
    else account.filteredPackets[words[base + KEY_META]! >>> META_ENI_SHIFT]! += words[base + ENTRY_PACKETS]!;
    words[base + ENTRY_PACKETS] = 0;
    words[base + ENTRY_FRAGMENTS] = 0;
    doubles[entry * ENTRY_DOUBLES + ENTRY_BYTES] = 0;
    words[base + ENTRY_STATE] = (words[base + ENTRY_STATE]! & ~(STATE_TCP_FLAGS | STATE_NEW)) | STATE_DIRTY;
  }

  /** After a row was written ahead of its window's end: another of the same key may follow. */
  private afterRow(account: WindowAccount): void {
    account.needsMerge = true;
    if (account.rows.count >= MAX_ROWS_KEPT) this.sealer.handOn(account);
  }

  private keeps(entry: number, account: WindowAccount): boolean {
    return account.keeps(this.table.words[entry * ENTRY_WORDS + KEY_META]! >>> META_ENI_SHIFT, this.trafficBit(entry));
  }

  private trafficBit(entry: number): number {
    return (this.table.words[entry * ENTRY_WORDS + ENTRY_STATE]! & STATE_ACCEPT) !== 0 ? RECORDS_ACCEPT : RECORDS_REJECT;
  }

  /** What has come until now is written by the traffic types that were in force until now. */
  private follow(watch: Uint8Array): void {
    const { table, windows } = this;
    const account = windows.isEmpty ? null : windows.newest;
    const changed = account?.changedBits(watch);
    const until = changed?.some((bits) => bits !== 0) ? table.highWater : 0;
    for (let entry = 0; entry < until; entry++) {
      const base = entry * ENTRY_WORDS;
      if (!table.isInUse(entry) || table.words[base + ENTRY_WINDOW] !== account!.ordinal) continue;
      if ((changed![table.words[base + KEY_META]! >>> META_ENI_SHIFT]! & this.trafficBit(entry)) !== 0) this.takeRow(entry, false);
    }
    windows.follow(watch);
  }

  /** Makes room: connections seen longest ago give their rows and leave, both directions together. */
  private evict(): void {
    const { table, leaving } = this;
    table.oldest(leaving);
    for (const entry of leaving) {
      // the other direction of one before it, or chosen twice in a small table
      if (!table.isInUse(entry)) continue;
      const opposite = this.connections.opposite(entry);
      this.takeRow(entry, false);
      table.remove(entry);
      if (opposite === NO_ENTRY) continue;
      this.takeRow(opposite, false);
      table.remove(opposite);
    }
  }

  /** Takes the closing window's packets out of this many entries, lets go of connections that are over; seals at the end. */
  private closeSlice(entries: number): void {
    const { table, connections } = this;
    const { words } = table;
    const account = this.windows.closing!;
    const { ordinal, endUs } = account;
    const until = Math.min(table.highWater, this.scanned + entries);
    for (let entry = this.scanned; entry < until; entry++) {
      if (entry % TOUCHED_ENTRIES === 0) table.touch(entry, Math.min(until, entry + TOUCHED_ENTRIES));
      if (!table.isInUse(entry)) continue;
      const base = entry * ENTRY_WORDS;
      const isOver = !connections.isLive(entry, endUs);
      if (words[base + ENTRY_PACKETS] !== 0 && words[base + ENTRY_WINDOW] === ordinal) {
        this.moveRow(entry, isOver || (words[base + ENTRY_STATE]! & STATE_CLOSED) !== 0, account);
        if (account.rows.count >= MAX_ROWS_KEPT) this.sealer.handOn(account);
      }
      if (isOver && words[base + ENTRY_PACKETS] === 0) table.remove(entry);
    }
    this.scanned = until;
    if (until < table.highWater) return;
    this.scanned = 0;
    this.sealer.seal(account);
    this.windows.closed();
  }
}
