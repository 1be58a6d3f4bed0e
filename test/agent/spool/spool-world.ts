/** An agent, its spool on a simulated disk and a collector, all in one process, with an account of every row. */
import { gunzipSync } from 'node:zlib';
import { AgentPositions } from '../../../aggregator/receive/agent-positions.ts';
import type { BatchContents } from '../../../agent/ship/batch-packer.ts';
import type { PostAnswer, BatchNumber, Progress } from '../../../agent/ship/collector-post.ts';
import { Spool } from '../../../agent/spool/spool.ts';
import { droppedRows, emptySeal } from '../../../agent/spool/window-loss.ts';
import { addSeals } from '../../../shared/seal.ts';
import { decodeCheckedColumnar } from '../../../shared/wire/decode-columnar.ts';
import type { WireSeal } from '../../../shared/wire/wire-seal.ts';
import { sealOf } from '../../shared/wire/wire-samples.ts';
import { SimulatedDisk } from './simulated-disk.ts';

export const WINDOW_SECONDS = 60;
export const ENIS = ['eni-a', 'eni-b'];
const AGENT = 'agent-1';
const FIRST_START = 1_700_000_040;

interface Row {
  readonly id: string;
  readonly eniId: string;
  readonly packets: number;
}

interface ProducedWindow {
  readonly start: number;
  readonly batches: Row[][];
  handedOn: boolean;
}

function wireSeal(eniId: string, windowStart: number): WireSeal {
  return { ...sealOf({ eniId, windowStart, windowSeconds: WINDOW_SECONDS }), vswitchId: null, vmId: null, vpcId: null, accountId: null, region: null };
}

interface StoredBatch {
  readonly epoch: number;
  readonly sequence: number;
  readonly rows: readonly Row[];
  /** Starts of those that it says something of. */
  readonly windows: readonly number[];
}

interface Sent {
  readonly body: Uint8Array;
  readonly number: BatchNumber;
}

const EMPTY = Buffer.from('{"rows":[],"seals":[]}');

/** Stores as the real one does, by the real one's idea of the numbers. */
export class ModelCollector {
  readonly rows = new Map<string, number>();
  readonly seals = new Map<string, WireSeal>();
  /** What the next attempts come to; absent: taken. */
  luck: () => 'taken' | 'refused' | 'answer lost' | 'away' = () => 'taken';
  private positions = new AgentPositions();
  /** Starts of windows of which it has lost something that it had acknowledged. */
  readonly bereft = new Set<number>();
  /** All that was ever sent, whether it came or not: copies of it may come at any time. */
  private readonly sent: Sent[] = [];
  /** In the order in which they came. */
  private unpublished: StoredBatch[] = [];
  private readonly damaged = new Set<StoredBatch>();
  private struck: BatchNumber | null = null;

  async post(body: Uint8Array, number: BatchNumber): Promise<PostAnswer> {
    this.sent.push({ body, number });
    const luck = this.luck();
    if (luck === 'away') return { kind: 'failed', reason: 'away', retryAfterMs: 0 };
    const answer = this.receive(body, number);
    return luck === 'answer lost' ? { kind: 'failed', reason: 'answer lost', retryAfterMs: 0 } : answer;
  }

  /** Copies of what was sent at some time, or just now, in the order in which it was. */
  comeLate(random: () => number): void {
    const count = 1 + Math.floor(random() * 8);
    const first = random() < 0.5 ? Math.floor(random() * this.sent.length) : Math.max(0, this.sent.length - count);
    for (const { body, number } of this.sent.slice(first, first + count)) this.receive(body, number);
  }

  private receive(body: Uint8Array, { agentId, epoch, sequence }: BatchNumber): PostAnswer {
    const again = [...this.damaged].find((batch) => batch.epoch === epoch && batch.sequence === sequence);
    if (again) {
      this.damaged.delete(again);
      this.storeRows(read(Buffer.from(body)).rows);
    }
    const place = this.positions.place(agentId, epoch, sequence);
    if (place.kind === 'gap' || place.kind === 'stale-epoch') {
      return { kind: 'out-of-order', newestEpoch: place.kind === 'gap' ? 0 : place.newest, reason: place.kind };
    }
    if (place.kind === 'next') {
      this.unpublished.push({ epoch, sequence, ...this.store(Buffer.from(body)) });
      this.positions.advance(agentId, epoch, sequence);
    }
    return { kind: 'acknowledged' };
  }

  /** A start after the end of the journal was damaged: the last batches are gone without a trace, or the rows of the last one of an epoch are. */
  startWithLoss(random: () => number): void {
    const last = new Map(this.positions.list().map(([, epoch, sequence]) => [epoch, sequence]));
    const isTraced = random() < 0.5;
    for (let left = isTraced ? 1 : 1 + Math.floor(random() * 3); left > 0; left--) {
      const batch = this.unpublished.pop();
      if (!batch) break;
      last.set(batch.epoch, batch.sequence - 1);
      if (!this.damaged.delete(batch)) this.takeAway(batch.rows);
      for (const start of batch.windows) this.bereft.add(start);
      this.struck = isTraced ? { agentId: AGENT, ...batch } : null;
    }
    this.positions = new AgentPositions();
    for (const [epoch, sequence] of last) if (sequence > 0) this.positions.advance(AGENT, epoch, sequence);
    if (this.struck) this.positions.strike(AGENT, this.struck.epoch, this.struck.sequence);
  }

  take(other: ModelCollector): void {
    for (const [id, times] of other.rows) this.rows.set(id, times);
    for (const [key, seal] of other.seals) this.seals.set(key, seal);
    for (const [agent, epoch, sequence] of other.positions.list()) this.positions.advance(agent, epoch, sequence);
  }

  /** The rows of one that is not published are gone; which windows they were of is known. */
  damage(random: () => number): void {
    const batch = this.unpublished[Math.floor(random() * this.unpublished.length)];
    if (!batch || this.damaged.has(batch)) return;
    this.damaged.add(batch);
    this.takeAway(batch.rows);
  }

  /** Of so many of the oldest batches: what is damaged then is lost, and stated. */
  publish(batches: number): void {
    for (const batch of this.unpublished.splice(0, batches)) {
      if (!this.damaged.delete(batch)) continue;
      for (const { id, eniId, packets } of batch.rows) this.addSeals([droppedRows(wireSeal(eniId, Number(id.split(' ')[0])), 1, packets)]);
    }
  }

  progress(): Progress {
    const through = new Map(this.positions.list().map(([, epoch, sequence]) => [epoch, sequence]));
    for (const { epoch, sequence } of this.unpublished) through.set(epoch, Math.min(through.get(epoch)!, sequence - 1));
    const { struck } = this;
    const isStruck = struck !== null && this.positions.last(AGENT, struck.epoch) === struck.sequence - 1;
    return { publishedThrough: through, wanted: [...this.damaged, ...(isStruck ? [struck] : [])] };
  }

  private store(body: Buffer): Pick<StoredBatch, 'rows' | 'windows'> {
    const { rows, seals } = read(body);
    this.storeRows(rows);
    this.addSeals(seals);
    return { rows, windows: [...rows.map(({ id }) => Number(id.split(' ')[0])), ...seals.map(({ windowStart }) => windowStart)] };
  }

  private takeAway(rows: readonly Row[]): void {
    for (const { id } of rows) {
      const left = this.rows.get(id)! - 1;
      if (left > 0) this.rows.set(id, left);
      else this.rows.delete(id);
    }
  }

  private storeRows(rows: readonly Row[]): void {
    for (const { id } of rows) this.rows.set(id, (this.rows.get(id) ?? 0) + 1);
  }

  private addSeals(seals: Iterable<WireSeal>): void {
    for (const seal of seals) {
      const key = `${seal.windowStart} ${seal.eniId}`;
      const known = this.seals.get(key);
      this.seals.set(key, known ? addSeals(known, seal) : seal);
    }
  }
}

function read(body: Buffer): { rows: Row[]; seals: readonly WireSeal[] } {
  if (body[0] === 0x7b) return JSON.parse(body.toString('utf8').trimEnd()) as { rows: Row[]; seals: WireSeal[] };
  return { rows: [], seals: decodeCheckedColumnar(gunzipSync(body)).seals };
}

export class SpoolWorld {
  readonly collector = new ModelCollector();
  readonly windows: ProducedWindow[] = [];
  readonly notes: string[] = [];
  sentAgain = 0;
  renumbered = 0;
  spool!: Spool;
  disk: SimulatedDisk;
  /** What the agent's own state file says. */
  private rememberedThrough = -Infinity;
  private epoch = 1000;
  private life = 0;
  private readonly random: () => number;
  private readonly limitBytes: number;
  private readonly bodyBytes: number;
  private open: ProducedWindow | null = null;
  private shipping: Promise<void> | null = null;
  private attempts = 0;
  private settling: Promise<unknown>[] = [];
  /** As the shipping does, read once however often it is sent. */
  private body: { frame: unknown; bytes: Buffer } | null = null;

  constructor(random: () => number, limitBytes: number, bodyBytes: number) {
    this.random = random;
    this.limitBytes = limitBytes;
    this.bodyBytes = bodyBytes;
    this.disk = new SimulatedDisk(random);
  }

  async start(): Promise<void> {
    this.life++;
    this.settling = [];
    this.shipping = null;
    this.body = null;
    for (let tries = 0; ; tries++) {
      try {
        this.spool = await Spool.open({
          disk: this.disk, limitBytes: this.limitBytes, agentId: AGENT, nextEpoch: () => ++this.epoch,
          events: { lost() {}, forgotten() {}, trouble() {}, recovered() {}, written() {}, found: (text) => this.notes.push(text) },
        });
        break;
      } catch (error) {
        // an agent goes on in memory; here it is started until it has its disk
        if (tries > 50) throw error;
      }
    }
    // the checkpoint has what was not handed on, but for what is known to be sealed
    const through = this.spool.sealed.reduce((latest, { start }) => Math.max(latest, start), this.rememberedThrough);
    const known = this.windows.filter((window) => !window.handedOn);
    for (const window of known) {
      if (window.start <= through) {
        window.handedOn = true;
        continue;
      }
      for (const rows of window.batches) this.append(window, rows, false);
      if (window !== this.open) this.seal(window);
    }
  }

  /** Rows of the open window, in a batch before its seals. */
  produce(rows: number): void {
    this.open ??= this.newWindow();
    const first = this.open.batches.flat().length;
    const batch = Array.from({ length: rows }, (_, i): Row => (
      { id: `${this.open!.start} ${first + i}`, eniId: ENIS[Math.floor(this.random() * ENIS.length)]!, packets: 1 + Math.floor(this.random() * 9) }));
    this.open.batches.push(batch);
    this.append(this.open, batch, false);
  }

  sealWindow(): void {
    const window = (this.open ??= this.newWindow());
    this.open = null;
    this.seal(window);
  }

  async settled(): Promise<void> {
    await Promise.all(this.settling);
  }

  crash(isPower: boolean): void {
    this.life++;
    this.disk = isPower ? this.disk.powerOff() : this.disk.processEnds();
    if (isPower) this.rememberedThrough = -Infinity; // its state file was never made durable
  }

  /** So many attempts to send, while there is something. */
  ship(attempts: number): Promise<void> {
    this.attempts = attempts;
    this.shipping ??= this.shipNext(this.spool).finally(() => (this.shipping = null));
    return this.shipping;
  }

  /** What an agent asks now and then that holds batches. */
  async heed(): Promise<void> {
    const { spool, collector } = this;
    const { publishedThrough, wanted } = collector.progress();
    for (const { epoch, sequence } of wanted) {
      const body = await spool.readHeld(epoch, sequence);
      if (body === null) continue;
      this.sentAgain++;
      await collector.post(body, { agentId: AGENT, epoch, sequence });
    }
    await spool.published(publishedThrough);
  }

  private async shipNext(spool: Spool): Promise<void> {
    for (; this.attempts > 0; this.attempts--) {
      const next = await spool.next(true).catch(() => null);
      if (next === null) return;
      if (this.body?.frame !== next.frame) {
        const bytes = await spool.readBody(next.frame).catch(() => null);
        this.body = bytes && { frame: next.frame, bytes };
      }
      if (!this.body) continue;
      const body = this.body.bytes;
      const answer = await this.collector.post(body, { agentId: next.frame.agentId, epoch: next.epoch, sequence: next.sequence });
      if (answer.kind === 'out-of-order') await this.renumber(spool, answer.newestEpoch);
      if (answer.kind === 'acknowledged') await spool.acknowledged().catch(() => {});
    }
  }

  private async renumber(spool: Spool, newestEpoch: number): Promise<void> {
    this.renumbered++;
    const closing = spool.renumber(newestEpoch);
    if (closing === null) return;
    const answer = await this.collector.post(EMPTY, { agentId: AGENT, epoch: closing, sequence: 1 });
    if (answer.kind === 'acknowledged') spool.epochClosed();
  }

  /** As it is between two lives; it and its collector go their own way from here. */
  copy(): SpoolWorld {
    const copy = new SpoolWorld(this.random, this.limitBytes, this.bodyBytes);
    copy.windows.push(...this.windows.map((window) => ({ ...window, batches: window.batches.map((rows) => [...rows]) })));
    copy.rememberedThrough = this.rememberedThrough;
    copy.epoch = this.epoch;
    copy.collector.take(this.collector);
    return copy;
  }

  /** What does not add up; each row at most once, and each window's rows either there or stated, to the packet. */
  faults(mayBeUnknown = false): string[] {
    const faults: string[] = [];
    for (const [id, times] of this.collector.rows) if (times !== 1) faults.push(`row ${id} came ${times} times`);
    for (const { start, batches } of this.windows) {
      if (this.open?.start === start || this.collector.bereft.has(start)) continue;
      for (const eniId of ENIS) {
        const produced = batches.flat().filter((row) => row.eniId === eniId);
        const missing = produced.filter(({ id }) => !this.collector.rows.has(id));
        const seal = this.collector.seals.get(`${start} ${eniId}`);
        const packets = missing.reduce((sum, row) => sum + row.packets, 0);
        const isUnknown = !seal || seal.gapPackets === null || produced.length - missing.length < seal.records - seal.droppedRecords;
        if (mayBeUnknown && isUnknown) continue;
        if (!seal) faults.push(`${start} ${eniId}: no seal`);
        else if (seal.records !== produced.length || seal.droppedRecords !== missing.length || seal.droppedPackets !== packets) {
          faults.push(`${start} ${eniId}: ${produced.length} rows, ${missing.length} with ${packets} packets missing; stated ${seal.records}, ${seal.droppedRecords} with ${seal.droppedPackets} lost, gap ${seal.gapPackets}`);
        }
      }
    }
    return faults;
  }

  get droppedRows(): number {
    return [...this.collector.seals.values()].reduce((sum, { droppedRecords }) => sum + droppedRecords, 0);
  }

  private newWindow(): ProducedWindow {
    const window = { start: FIRST_START + this.windows.length * WINDOW_SECONDS, batches: [], handedOn: false };
    this.windows.push(window);
    return window;
  }

  private seal(window: ProducedWindow): void {
    this.append(window, [], true);
    const { life, settling } = this;
    void Promise.all(settling.slice()).then(() => {
      if (this.life !== life) return;
      window.handedOn = true;
      this.rememberedThrough = Math.max(this.rememberedThrough, window.start);
    });
  }

  private append(window: ProducedWindow, rows: readonly Row[], isSealing: boolean): void {
    const all = window.batches.flat();
    const seals = isSealing ? ENIS.map((eniId) => {
      const own = all.filter((row) => row.eniId === eniId);
      const packets = own.reduce((sum, row) => sum + row.packets, 0);
      return { ...emptySeal(wireSeal(eniId, window.start)), records: own.length, packets, packetsSeen: packets };
    }) : [];
    const ifLost = ENIS.flatMap((eniId) => {
      const own = rows.filter((row) => row.eniId === eniId);
      return own.length === 0 ? [] : [droppedRows(wireSeal(eniId, window.start), own.length, own.reduce((sum, row) => sum + row.packets, 0))];
    });
    const contents: BatchContents = {
      windowStart: window.start, windowSeconds: WINDOW_SECONDS, rows: rows.length, packets: rows.reduce((sum, row) => sum + row.packets, 0), ifLost, seals,
    };
    const text = JSON.stringify({ rows, seals });
    this.settling.push(this.spool.append(Buffer.from(text.padEnd(this.bodyBytes * Math.ceil(text.length / this.bodyBytes))), contents));
  }
}
