import { setImmediate } from 'node:timers/promises';
import { BatchError, quoted } from '../../shared/wire/batch-error.ts';
import { symbolColumn } from '../../shared/wire/column-batch.ts';
import { decodeColumnar, type DecodedBatch } from '../../shared/wire/decode-columnar.ts';
import { decodeNdjson } from '../../shared/wire/decode-ndjson.ts';
import { encodeColumns } from '../../shared/wire/encode-columnar.ts';
import { Problem } from '../api/problem.ts';
import type { BatchHeader, BatchNumber, JournalFrame } from '../journal/batch-frame.ts';
import type { Journal } from '../journal/journal.ts';
import type { AgentPositions } from './agent-positions.ts';
import { batchContents } from './batch-contents.ts';
import { FairBudget, type Share } from './fair-budget.ts';
import { inflate, inflatedSizes, tooLarge, type BodyLimits } from './inflate.ts';
import type { IntakeLimits } from './intake-limits.ts';

export const COLUMNAR_TYPE = 'application/vnd.apache.arrow.stream';
export const NDJSON_TYPE = 'application/x-ndjson';

/** A batch as it came, after authentication. */
export interface IncomingBatch {
  readonly agent: string;
  readonly epoch: number;
  readonly sequence: number;
  /** null: rows go where flow logs say, and nowhere else. */
  readonly logStore: string | null;
  readonly contentType: string;
  readonly contentEncoding: string | undefined;
  readonly body: Uint8Array;
}

/** Those that are damaged in the journal and may come again. */
export interface DamagedBatches {
  isWanted(number: BatchNumber): boolean;
  /** false: it is not wanted any more, or the rows are others. */
  mend(number: BatchNumber, body: Uint8Array): Promise<boolean>;
}

export interface Received {
  readonly status: 'stored' | 'duplicate';
  readonly rows: number;
}

/** Windows that one batch may touch: each costs the publisher a file. */
const MAX_WINDOWS = 4096;
/** ENIs times windows, for the same reason. */
const MAX_CONTENTS = 1 << 18;

/**
 * Takes batches in.
 *
 * I1. `stored` is answered only when the batch is durable in the journal; the position advances with it, so the next
 *     attempt of the same batch is a duplicate.
 * I2. Batches of one agent are read and enter the journal one at a time, in the order of their numbers.
 * I3. What is held of batches in memory is bounded, and each agent has his turn at it: who sends much waits for himself.
 */
export class Receiver {
  private readonly journal: Journal;
  private readonly positions: AgentPositions;
  private readonly limits: BodyLimits;
  private readonly onStored: (frame: JournalFrame) => void;
  private readonly intake: IntakeLimits;
  private readonly damaged: DamagedBatches;
  private readonly bodies: FairBudget;
  private readonly contents: FairBudget;
  private readonly turns = new Map<string, Promise<unknown>>();

  constructor(journal: Journal, positions: AgentPositions, limits: BodyLimits, intake: IntakeLimits, damaged: DamagedBatches, onStored: (frame: JournalFrame) => void) {
    this.journal = journal;
    this.positions = positions;
    this.limits = limits;
    this.intake = intake;
    this.damaged = damaged;
    this.bodies = new FairBudget(intake.bodies);
    this.contents = new FairBudget(intake.contents);
    this.onStored = onStored;
  }

  /** For metrics. */
  get heldBytes(): number {
    return this.bodies.heldBytes + this.contents.heldBytes;
  }

  get waitingBatches(): number {
    return this.bodies.waiting + this.contents.waiting;
  }

  /** Room for a body of so many bytes, before any of it is read. Throws Problem 429 or 503 where there is none. */
  admit(agent: string, bodyBytes: number): Promise<Share> {
    const { backlogBytes, backlogBytesPerAgent } = this.intake;
    const { unpublished } = this.journal;
    const refusal = this.journal.refusal();
    if (refusal) throw refusal;
    if (unpublished.bytesOf(agent) >= backlogBytesPerAgent) {
      throw new Problem(429, `what agent ${agent} has sent and is not published yet takes ${unpublished.bytesOf(agent)} bytes of memory, ${
        backlogBytesPerAgent} are the limit: its windows wait for their end, for seals, or for the publisher`, {}, { 'retry-after': '5' });
    }
    if (unpublished.bytes >= backlogBytes) {
      throw new Problem(503, 'publication lags behind what agents send; send it again later', {}, { 'retry-after': '5' });
    }
    return this.bodies.take(agent, Math.min(bodyBytes, this.limits.compressedBytes));
  }

  async receive(batch: IncomingBatch): Promise<Received> {
    if (this.damaged.isWanted(batch)) return this.inTurn(batch.agent, () => this.takeAgain(batch));
    // Looked at first: a batch that will not be stored need not be read.
    if (!this.isNext(batch)) return { status: 'duplicate', rows: 0 };
    return this.inTurn(batch.agent, async () => {
      // Reading a batch takes the thread: between two of them others have their chance.
      await setImmediate();
      if (!this.isNext(batch)) return { status: 'duplicate', rows: 0 };
      const { bytes, share } = await this.inflated(batch);
      try {
        const { header, body, rows } = readBatch(batch, bytes);
        const frame = await this.journal.append(header, body);
        this.positions.advance(batch.agent, batch.epoch, batch.sequence);
        this.onStored(frame);
        return { status: 'stored', rows };
      } finally {
        share.release();
      }
    });
  }

  private async takeAgain(batch: IncomingBatch): Promise<Received> {
    await setImmediate();
    const { bytes, share } = await this.inflated(batch);
    try {
      const { body, rows } = readBatch(batch, bytes);
      return await this.damaged.mend(batch, body) ? { status: 'stored', rows } : { status: 'duplicate', rows: 0 };
    } finally {
      share.release();
    }
  }

  /** The body without its encoding, in memory that was granted for it. */
  private async inflated({ agent, body, contentEncoding, contentType }: IncomingBatch): Promise<{ bytes: Uint8Array; share: Share }> {
    const limits = contentType === NDJSON_TYPE ? { ...this.limits, inflatedBytes: Math.min(this.limits.ndjsonBytes, this.limits.inflatedBytes) } : this.limits;
    for (const size of inflatedSizes(body, contentEncoding, limits)) {
      if (size > limits.inflatedBytes) break;
      const share = await this.contents.take(agent, size);
      try {
        const bytes = await inflate(body, contentEncoding, size);
        if (bytes) return { bytes, share: shrunk(share, bytes.length) };
      } catch (error) {
        share.release();
        throw error;
      }
      share.release();
    }
    throw tooLarge(body.length, limits);
  }

  /** false: stored before. Throws the answer to what must not be stored. */
  private isNext({ agent, epoch, sequence }: IncomingBatch): boolean {
    const place = this.positions.place(agent, epoch, sequence);
    switch (place.kind) {
      case 'next': return true;
      case 'duplicate': return false;
      case 'gap':
        throw new Problem(409, `batch ${sequence} of agent ${agent}, epoch ${epoch}, came before batch ${place.expected}; send that one first`,
          { 'expected-sequence': place.expected });
      case 'stale-epoch':
        throw new Problem(409, `agent ${agent} has begun epoch ${place.newest}; epoch ${epoch} is closed`, { 'newest-epoch': place.newest });
    }
  }

  private async inTurn<T>(agent: string, work: () => Promise<T>): Promise<T> {
    const before = this.turns.get(agent) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(work);
    this.turns.set(agent, turn);
    try {
      return await turn;
    } finally {
      if (this.turns.get(agent) === turn) this.turns.delete(agent);
    }
  }
}

function shrunk(share: Share, bytes: number): Share {
  share.shrink(bytes);
  return share;
}

function readBatch(batch: IncomingBatch, bytes: Uint8Array): { header: BatchHeader; body: Uint8Array; rows: number } {
  try {
    const columnar = batch.contentType === COLUMNAR_TYPE;
    const decoded = columnar ? decodeColumnar(bytes) : decodeNdjson(bytes, batch.agent);
    checkAgent(decoded, batch.agent);
    const windows = batchContents(decoded.batches);
    if (windows.length > MAX_WINDOWS) throw new BatchError('invalid', `${windows.length} windows in one batch; at most ${MAX_WINDOWS} are taken`);
    const contents = windows.reduce((sum, window) => sum + window.enis.length, decoded.seals.length);
    if (contents > MAX_CONTENTS) throw new BatchError('invalid', `${contents} ENIs and windows in one batch; at most ${MAX_CONTENTS} are taken`);
    const header: BatchHeader = {
      agent: batch.agent, epoch: batch.epoch, sequence: batch.sequence, logStore: batch.logStore, receivedMs: Date.now(), windows, seals: decoded.seals,
    };
    const rows = decoded.batches.reduce((sum, { rows: count }) => sum + count, 0);
    return { header, body: columnar ? bytes : encodeColumns(decoded.batches, decoded.seals), rows };
  } catch (error) {
    if (error instanceof BatchError) throw new Problem(error.fault === 'malformed' ? 400 : 422, error.message);
    throw error;
  }
}

/** A token speaks for one agent: nobody reports in another's name. */
function checkAgent({ batches, seals }: DecodedBatch, agent: string): void {
  for (const [position, batch] of batches.entries()) {
    const { index, dictionary } = symbolColumn(batch, 'agent_id');
    if (dictionary.every((value) => value === agent)) continue;
    const row = index.findIndex((entry: number) => dictionary[entry] !== agent);
    if (row >= 0) throw new BatchError('invalid', `record batch ${position + 1}, row ${row + 1}: agent_id is ${quoted(dictionary[index[row]!])}, but ${quoted(agent)} sends it`);
  }
  for (const [position, seal] of seals.entries()) {
    if (seal.agentId !== agent) throw new BatchError('invalid', `seal ${position + 1}: agent-id is ${quoted(seal.agentId)}, but ${quoted(agent)} sends it`);
  }
}
