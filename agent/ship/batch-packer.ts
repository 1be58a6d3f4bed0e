import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import type { RecordContext, Records } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import { encodeColumnar } from '../../shared/wire/encode-columnar.ts';
import type { WindowSink } from '../seal/sealer.ts';

const gzip = promisify(gzipCallback);

/** A batch is cut when it holds this many rows; a window's seals end one too. */
const ROWS_PER_BATCH = 1 << 17;
/** Level 1 halves the time of level 6 and costs a few percent of size. */
const GZIP_LEVEL = 1;
/** Encoded batches that may wait before the reading has to. */
const MAX_WAITING = 4;

/** What a batch holds, for whoever may have to say that it is lost. */
export interface BatchContents {
  /** Unix seconds; in the order of coming. */
  readonly windowStarts: readonly number[];
  readonly rows: number;
  /** Packets in those rows. */
  readonly packets: number;
  /** Those of the windows whose seals are in it; rows of the next window may be there too. */
  readonly sealedStarts: readonly number[];
}

/** Takes a batch that is ready to be sent; resolves when it is safe with the receiver. */
export type SendBatch = (gzipped: Buffer, contents: BatchContents) => Promise<void>;

/** Packs rows and seals into columnar batches and hands them on one at a time, in order. */
export class BatchPacker implements WindowSink {
  private readonly send: SendBatch;
  private rowsWaiting: Records[] = [];
  private rowCount = 0;
  private tail: Promise<void> = Promise.resolve();
  private waiting = 0;
  private failure: unknown = null;

  constructor(send: SendBatch) {
    this.send = send;
  }

  rows(rows: Records, context: RecordContext): void {
    this.rowsWaiting.push(rows);
    this.rowCount += rows.count;
    if (this.rowCount >= ROWS_PER_BATCH) this.cut([], context);
  }

  seals(seals: Seal[], context: RecordContext): void {
    this.cut(seals, context);
  }

  /** Resolves when few enough batches wait; rejects once sending has failed. */
  async drained(): Promise<void> {
    while (this.waiting > MAX_WAITING && this.failure === null) await this.tail;
    if (this.failure !== null) throw this.failure;
  }

  /** Resolves when everything handed in so far has been sent; rejects if that failed. */
  async sent(): Promise<void> {
    await this.tail;
    if (this.failure !== null) throw this.failure;
  }

  private cut(seals: Seal[], context: RecordContext): void {
    const encoded = encodeColumnar(this.rowsWaiting, seals, context);
    const contents = contentsOf(this.rowsWaiting, seals);
    this.rowsWaiting = [];
    this.rowCount = 0;
    this.waiting++;
    this.tail = this.tail.then(async () => {
      try {
        if (this.failure === null) await this.send(await gzip(encoded, { level: GZIP_LEVEL }), contents);
      } catch (error) {
        this.failure ??= error;
      } finally {
        this.waiting--;
      }
    });
  }
}

function contentsOf(rows: readonly Records[], seals: readonly Seal[]): BatchContents {
  let packets = 0;
  for (const records of rows) for (let row = 0; row < records.count; row++) packets += records.packets[row]!;
  return {
    windowStarts: [...new Set([...rows, ...seals].map(({ windowStart }) => windowStart))],
    rows: rows.reduce((sum, { count }) => sum + count, 0),
    packets,
    sealedStarts: [...new Set(seals.map(({ windowStart }) => windowStart))],
  };
}
