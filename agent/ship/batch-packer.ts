import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import type { RecordContext, Records } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import { encodeColumnar } from '../../shared/wire/encode-columnar.ts';
import { wireSeals, type WireSeal } from '../../shared/wire/wire-seal.ts';
import type { WindowSink } from '../seal/sealer.ts';

const gzip = promisify(gzipCallback);

/** A batch is cut when it holds this many rows; a window's seals end one too. */
const ROWS_PER_BATCH = 1 << 16;
/** Level 1 halves the time of level 6 and costs a few percent of size. */
const GZIP_LEVEL = 1;
/** Batches that may wait before the reading has to. Each has some 150 bytes a row until it is compressed. */
const MAX_WAITING = 2;

/** What a batch holds: rows of one window, and its seals where no more rows of it come. */
export interface BatchContents {
  /** Unix seconds. */
  readonly windowStart: number;
  readonly windowSeconds: number;
  readonly rows: number;
  /** Packets in those rows. */
  readonly packets: number;
  /** Seals that state nothing but the loss of the rows, one of each ENI that has some. */
  readonly ifLost: readonly WireSeal[];
  readonly seals: readonly WireSeal[];
}

/** Takes a batch that is ready to be sent; resolves when the next one can come. */
export type SendBatch = (gzipped: Buffer, contents: BatchContents) => Promise<void>;

/** Packs rows and seals into columnar batches, each of one window, and hands them on one at a time, in order. */
export class BatchPacker implements WindowSink {
  private readonly send: SendBatch;
  private readonly rowsWaiting = new Map<string, Records[]>();
  private tail: Promise<void> = Promise.resolve();
  /** Of each batch that is not sent yet, oldest first, when it is. */
  private readonly waiting: Promise<void>[] = [];
  private failure: unknown = null;

  constructor(send: SendBatch) {
    this.send = send;
  }

  rows(rows: Records, context: RecordContext): void {
    const waiting = this.rowsWaiting.get(keyOf(rows)) ?? [];
    waiting.push(rows);
    this.rowsWaiting.set(keyOf(rows), waiting);
    if (waiting.reduce((sum, { count }) => sum + count, 0) >= ROWS_PER_BATCH) this.cut(rows, [], context);
  }

  seals(seals: Seal[], context: RecordContext): void {
    if (seals[0]) this.cut(seals[0], seals, context);
  }

  /** Resolves when few enough batches wait; rejects once sending has failed. */
  async drained(): Promise<void> {
    while (this.waiting.length > MAX_WAITING && this.failure === null) await this.waiting[0];
    if (this.failure !== null) throw this.failure;
  }

  /** Resolves when everything handed in so far has been sent; rejects if that failed. */
  async sent(): Promise<void> {
    await this.tail;
    if (this.failure !== null) throw this.failure;
  }

  private cut(window: WindowBounds, seals: Seal[], context: RecordContext): void {
    const { windowStart, windowSeconds } = window;
    const rows = this.rowsWaiting.get(keyOf(window)) ?? [];
    this.rowsWaiting.delete(keyOf(window));
    const encoded = encodeColumnar(rows, seals, context);
    const contents = { windowStart, windowSeconds, ...rowCounts(rows, context), seals: wireSeals(seals, context) };
    for (const records of rows) records.release();
    // at once, not in turn: what waits to be sent is small, and a second core has something to do
    const gzipped = gzip(encoded, { level: GZIP_LEVEL });
    gzipped.catch(() => {}); // it is awaited below, but later
    this.tail = this.tail.then(async () => {
      try {
        if (this.failure === null) await this.send(await gzipped, contents);
      } catch (error) {
        this.failure ??= error;
      } finally {
        this.waiting.shift();
      }
    });
    this.waiting.push(this.tail);
  }
}

interface WindowBounds {
  readonly windowStart: number;
  readonly windowSeconds: number;
}

function keyOf({ windowStart, windowSeconds }: WindowBounds): string {
  return `${windowStart} ${windowSeconds}`;
}

function rowCounts(rows: readonly Records[], context: RecordContext): Pick<BatchContents, 'rows' | 'packets' | 'ifLost'> {
  const rowsOf = new Float64Array(context.enis.length);
  const packetsOf = new Float64Array(context.enis.length);
  for (const { count, eni, packets } of rows) {
    for (let row = 0; row < count; row++) {
      rowsOf[eni[row]!]!++;
      packetsOf[eni[row]!]! += packets[row]!;
    }
  }
  const lost = context.enis.flatMap(({ eniId }, eni): Seal[] => (rowsOf[eni] === 0 ? [] : [{
    agentId: context.agentId, eniId, windowStart: rows[0]!.windowStart, windowSeconds: rows[0]!.windowSeconds,
    records: 0, packets: 0, bytes: 0, packetsSeen: 0, filteredPackets: 0, nonIpPackets: 0, undecodable: {}, latePackets: 0, overflowPackets: 0,
    droppedRecords: rowsOf[eni]!, droppedPackets: packetsOf[eni]!, ringDrops: 0, gapPackets: 0, revision: 0, partial: false, trafficType: 'All',
  }]));
  return { rows: sum(rowsOf), packets: sum(packetsOf), ifLost: wireSeals(lost, context) };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
