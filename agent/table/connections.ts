import { KEY_META, KEY_WORDS, META_ENI_SHIFT } from '../../shared/flow-key.ts';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../shared/protocol.ts';
import type { VerdictEngine } from '../../shared/verdict/engine.ts';
import {
  ENTRY_DOUBLES, ENTRY_HASH, ENTRY_LAST_US, ENTRY_STATE, ENTRY_VERDICT, ENTRY_WORDS, PREFIX_WORDS, STATE_ACCEPT, STATE_CLOSED, STATE_DIRTY,
  STATE_FIN, STATE_GENERATION, STATE_GENERATION_SHIFT, STATE_INITIATOR, STATE_INITIATOR_SHIFT, STATE_NEW, STATE_OPENER, STATE_TIMER,
  STATE_TIMER_SHIFT, TIMER_CLOSED,
} from './entry.ts';
import { entryKey } from './entry-key.ts';
import { NO_ENTRY, type FlowTable } from './flow-table.ts';
import { idleTimersUs, timerOf, type IdleTimers } from './idle-timers.ts';
import { reverseKey } from './reverse-key.ts';

/** Indices into INITIATORS. */
const INITIATOR_SRC = 0;
const INITIATOR_DST = 1;
const INITIATOR_UNKNOWN = 2;

const MAX_GENERATION = STATE_GENERATION >> STATE_GENERATION_SHIFT;
/** Last-seen time of an entry whose connection has been replaced by a new one: expired at any time. */
const NEVER_US = -Infinity;

/** Called before an entry's verdict changes, so that no row mixes two; `isEnded`: the connection is over. */
export type BeforeChange = (entry: number, isEnded: boolean) => void;

/**
 * Connections are pairs of flow table entries with opposite keys. What a connection is allowed is decided once, when
 * its first packet opens it; the opposite direction is `established` as long as the connection lives.
 *
 * I1. Two entries are one connection iff both are ACCEPT and exactly one has STATE_OPENER.
 * I2. The rules are asked only when an entry opens a connection, or when the rule that opened it is gone.
 */
export class Connections {
  private readonly table: FlowTable;
  private readonly engine: VerdictEngine;
  private readonly beforeChange: BeforeChange;
  /** Idle time after which a connection is over, by the TIMER_ constants. */
  readonly idleUs: Float64Array;
  /** By ENI index: 1 where packets have a direction, 0 where all are `in`. */
  private hasDirection: Uint8Array;
  /** Moves on with every change of rules. */
  private generation = 1;
  private readonly key = new Int32Array(KEY_WORDS);
  private readonly reverse = new Int32Array(KEY_WORDS);

  constructor(table: FlowTable, engine: VerdictEngine, timers: IdleTimers, hasDirection: Uint8Array, beforeChange: BeforeChange) {
    this.table = table;
    this.engine = engine;
    this.idleUs = idleTimersUs(timers);
    this.hasDirection = hasDirection;
    this.beforeChange = beforeChange;
  }

  /** The rules have changed: every entry is looked at again with its next packet. */
  revise(hasDirection: Uint8Array): void {
    this.hasDirection = hasDirection;
    this.generation = this.generation === MAX_GENERATION ? 1 : this.generation + 1;
  }

  /** Bits of STATE_GENERATION that an entry checked against the current rules has. */
  get generationBits(): number {
    return this.generation << STATE_GENERATION_SHIFT;
  }

  private idleLimitUs(state: number): number {
    return this.idleUs[(state & STATE_TIMER) >> STATE_TIMER_SHIFT]!;
  }

  /** Whether the entry's connection still lives at that time. */
  isLive(entry: number, timeUs: number): boolean {
    const { words, doubles } = this.table;
    const lastUs = doubles[entry * ENTRY_DOUBLES + ENTRY_LAST_US]!;
    if (lastUs === NEVER_US) return false;
    const limitUs = this.idleLimitUs(words[entry * ENTRY_WORDS + ENTRY_STATE]!);
    if (timeUs - lastUs <= limitUs) return true;
    const opposite = this.opposite(entry);
    return opposite !== NO_ENTRY && timeUs - doubles[opposite * ENTRY_DOUBLES + ENTRY_LAST_US]! <= limitUs;
  }

  /** The other direction of the same connection, or NO_ENTRY. */
  opposite(entry: number): number {
    const words = this.table.words;
    const mine = words[entry * ENTRY_WORDS + ENTRY_STATE]!;
    if ((mine & STATE_ACCEPT) === 0) return NO_ENTRY;
    this.loadKey(entry);
    const other = this.findReverse(this.reverseHash(entry));
    if (other === NO_ENTRY) return NO_ENTRY;
    const theirs = words[other * ENTRY_WORDS + ENTRY_STATE]!;
    return (theirs & STATE_ACCEPT) !== 0 && ((mine ^ theirs) & STATE_OPENER) !== 0 ? other : NO_ENTRY;
  }

  /** A packet opens a connection, or joins one that its opposite has opened. `reverseHash`: of its key. */
  open(entry: number, tcpFlags: number, timeUs: number, reverseHash: number): void {
    this.loadKey(entry);
    const protocol = this.key[KEY_META]! & 0xff;
    const isLoneSyn = protocol === PROTOCOL_TCP && (tcpFlags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) === TCP_SYN;
    const reverse = this.findReverse(reverseHash);
    if (reverse !== NO_ENTRY) {
      if (this.opens(reverse, isLoneSyn, timeUs)) {
        this.join(entry, reverse);
        return;
      }
      this.detach(reverse);
      // what was asked about the opposite may have loaded its key
      this.loadKey(entry);
    }
    this.decideLoaded(entry, protocol !== PROTOCOL_TCP || isLoneSyn ? INITIATOR_SRC : INITIATOR_UNKNOWN);
  }

  /** A lone SYN after the end of the connection begins the next one (RFC 9293 section 3.6.1 lets the ports be used again). */
  isReopenedBy(entry: number, tcpFlags: number): boolean {
    return (
      (this.table.words[entry * ENTRY_WORDS + ENTRY_STATE]! & STATE_CLOSED) !== 0 &&
      (tcpFlags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) === TCP_SYN
    );
  }

  /** The entry's verdict is older than the rules: it stays if the rule that opened the connection does. */
  revalidate(entry: number, tcpFlags: number, timeUs: number): void {
    const words = this.table.words;
    const base = entry * ENTRY_WORDS;
    const state = words[base + ENTRY_STATE]!;
    const eni = words[base + KEY_META]! >>> META_ENI_SHIFT;
    this.loadKey(entry);
    const verdict = words[base + ENTRY_VERDICT]!;
    if ((state & STATE_ACCEPT) !== 0 ? this.engine.survives(verdict, eni, this.key, 0) : this.engine.isOfToday(verdict)) {
      words[base + ENTRY_STATE] = (state & ~STATE_GENERATION) | STATE_DIRTY | this.generationBits;
      return;
    }
    this.beforeChange(entry, false);
    const isNew = words[base + ENTRY_STATE]! & STATE_NEW;
    const isOpener = (state & STATE_OPENER) !== 0;
    if (isOpener && (state & STATE_ACCEPT) !== 0) {
      this.decide(entry, (state & STATE_INITIATOR) >> STATE_INITIATOR_SHIFT);
    } else {
      this.open(entry, tcpFlags, timeUs, this.reverseHash(entry));
    }
    // the flow goes on, whatever its verdict is now
    words[base + ENTRY_STATE] = (words[base + ENTRY_STATE]! & ~STATE_NEW) | isNew;
  }

  /** An ICMP error belongs to the connection that it quotes, if that lives; else the rules decide about the error itself. */
  relate(entry: number, quoted: Int32Array, at: number, timeUs: number): void {
    const words = this.table.words;
    const base = entry * ENTRY_WORDS;
    const about = this.table.find(quoted, at, this.table.hash(quoted, at));
    const state = words[base + ENTRY_STATE]!;
    if (about === NO_ENTRY || !this.isAcceptedNow(about, timeUs)) {
      if ((state & STATE_OPENER) !== 0) return;
      if (state !== 0) this.beforeChange(entry, false);
      this.decide(entry, INITIATOR_SRC);
      return;
    }
    const verdict = this.engine.established(words[about * ENTRY_WORDS + ENTRY_VERDICT]!);
    if (state !== 0 && (state & STATE_OPENER) === 0 && words[base + ENTRY_VERDICT] === verdict) return;
    if (state !== 0) this.beforeChange(entry, false);
    const aboutInitiator = (words[about * ENTRY_WORDS + ENTRY_STATE]! & STATE_INITIATOR) >> STATE_INITIATOR_SHIFT;
    this.begin(entry, verdict, aboutInitiator === INITIATOR_SRC ? INITIATOR_DST : INITIATOR_UNKNOWN, 0);
  }

  /** Whether the entry belongs to a live connection that the current rules have not ended. */
  private isAcceptedNow(entry: number, timeUs: number): boolean {
    const words = this.table.words;
    const at = entry * ENTRY_WORDS + ENTRY_STATE;
    if ((words[at]! & STATE_ACCEPT) === 0 || !this.isLive(entry, timeUs)) return false;
    if ((words[at]! & STATE_GENERATION) !== this.generationBits) this.revalidate(entry, 0, timeUs);
    return (words[at]! & STATE_ACCEPT) !== 0;
  }

  /** FIN and RST move the connection towards its end. */
  close(entry: number, tcpFlags: number): void {
    const words = this.table.words;
    const state = words[entry * ENTRY_WORDS + ENTRY_STATE]! | ((tcpFlags & TCP_FIN) !== 0 ? STATE_FIN : 0);
    words[entry * ENTRY_WORDS + ENTRY_STATE] = state;
    const opposite = this.opposite(entry);
    const isFinBothWays = opposite !== NO_ENTRY && (state & words[opposite * ENTRY_WORDS + ENTRY_STATE]! & STATE_FIN) !== 0;
    if ((tcpFlags & TCP_RST) === 0 && !isFinBothWays) return;
    this.markClosed(entry);
    if (opposite !== NO_ENTRY) this.markClosed(opposite);
  }

  private markClosed(entry: number): void {
    const at = entry * ENTRY_WORDS + ENTRY_STATE;
    this.table.words[at] = (this.table.words[at]! & ~STATE_TIMER) | STATE_CLOSED | STATE_DIRTY | (TIMER_CLOSED << STATE_TIMER_SHIFT);
  }

  /** Whether `reverse` has opened a connection that its opposite, with this packet, is part of. */
  private opens(reverse: number, isLoneSyn: boolean, timeUs: number): boolean {
    const words = this.table.words;
    const at = reverse * ENTRY_WORDS + ENTRY_STATE;
    if (!this.isOpener(words[at]!) || !this.isLive(reverse, timeUs)) return false;
    if (isLoneSyn && (words[at]! & STATE_CLOSED) !== 0) return false;
    if ((words[at]! & STATE_GENERATION) !== this.generationBits) {
      this.revalidate(reverse, 0, timeUs);
      return this.isOpener(words[at]!);
    }
    return true;
  }

  private isOpener(state: number): boolean {
    return (state & (STATE_ACCEPT | STATE_OPENER)) === (STATE_ACCEPT | STATE_OPENER);
  }

  private join(entry: number, opener: number): void {
    const words = this.table.words;
    const openerState = words[opener * ENTRY_WORDS + ENTRY_STATE]!;
    const openedBySrc = (openerState & STATE_INITIATOR) >> STATE_INITIATOR_SHIFT === INITIATOR_SRC;
    const verdict = this.engine.established(words[opener * ENTRY_WORDS + ENTRY_VERDICT]!);
    this.begin(entry, verdict, openedBySrc ? INITIATOR_DST : INITIATOR_UNKNOWN, 0);
    if ((openerState & STATE_CLOSED) !== 0) this.markClosed(entry);
  }

  /** An entry that was the answering side of a connection that is over must be decided anew with its next packet. */
  private detach(reverse: number): void {
    const words = this.table.words;
    const at = reverse * ENTRY_WORDS + ENTRY_STATE;
    if ((words[at]! & STATE_ACCEPT) === 0) return;
    this.beforeChange(reverse, true);
    words[at] = (words[at]! & ~(STATE_FIN | STATE_CLOSED)) | STATE_DIRTY;
    this.table.doubles[reverse * ENTRY_DOUBLES + ENTRY_LAST_US] = NEVER_US;
  }

  private decide(entry: number, initiator: number): void {
    this.loadKey(entry);
    this.decideLoaded(entry, initiator);
  }

  private decideLoaded(entry: number, initiator: number): void {
    const verdict = this.engine.classify(this.key, 0);
    this.begin(entry, verdict, initiator, STATE_OPENER);
  }

  private begin(entry: number, verdict: number, initiator: number, opener: number): void {
    const words = this.table.words;
    const base = entry * ENTRY_WORDS;
    words[base + ENTRY_VERDICT] = verdict;
    words[base + ENTRY_STATE] =
      opener | STATE_NEW | STATE_DIRTY | (this.engine.isAccept(verdict) ? STATE_ACCEPT : 0) | (initiator << STATE_INITIATOR_SHIFT) |
      (timerOf(words[base + KEY_META]! & 0xff) << STATE_TIMER_SHIFT) | this.generationBits;
  }

  /** Of the entry, whose key is loaded. */
  private reverseHash(entry: number): number {
    return this.table.reverseHash(this.key, 0, this.table.words[entry * ENTRY_WORDS + ENTRY_HASH]!);
  }

  /** The entry with the opposite key of the one that is loaded, whose hash this is except in ICMP, or NO_ENTRY. */
  private findReverse(hash: number): number {
    const { table, key, reverse } = this;
    const protocol = key[KEY_META]! & 0xff;
    const isIcmp = protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6;
    if (!isIcmp && !table.mayHave(hash)) return NO_ENTRY;
    const hasDirection = this.hasDirection[key[KEY_META]! >>> META_ENI_SHIFT] === 1;
    if (!reverseKey(key, 0, hasDirection, reverse)) return NO_ENTRY;
    return table.find(reverse, 0, isIcmp ? table.hash(reverse, 0) : hash);
  }

  /** The entry's key to `this.key`. */
  private loadKey(entry: number): void {
    entryKey(this.table.words, entry * ENTRY_WORDS, this.table.prefixes, entry * PREFIX_WORDS, this.key);
  }
}
