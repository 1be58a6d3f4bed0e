import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { BatchPacker, type BatchContents } from '../../../agent/ship/batch-packer.ts';
import type { SpoolDisk } from '../../../agent/spool/spool-disk.ts';
import { Spool } from '../../../agent/spool/spool.ts';
import { numberColumn } from '../../../shared/wire/column-batch.ts';
import { decodeCheckedColumnar } from '../../../shared/wire/decode-columnar.ts';
import { encodeColumns, encodeColumnar } from '../../../shared/wire/encode-columnar.ts';
import { CONTEXT, recordsOf, sampleRow, sealOf, WINDOW_START, type SampleRow } from '../../shared/wire/wire-samples.ts';

export const ROWS: readonly SampleRow[] = fc.sample(sampleRow, { numRuns: 3000, seed: 5 }).map((row, i) => ({
  ...row, eni: i % 2, source: [0, 0, 0xffff, i], packets: 1 + (i % 7), bytes: 100, fragments: 0, firstSeenUs: WINDOW_START * 1e6, lengthUs: 0,
}));

export function openSpool(disk: SpoolDisk, notes: string[] = [], limitBytes = 64 * 1024 * 1024): Promise<Spool> {
  return Spool.open({
    disk, limitBytes, agentId: 'agent-1', nextEpoch: () => Date.now(),
    events: {
      lost: (_sum, reason) => notes.push(reason), forgotten: (_windows, reason) => notes.push(reason), trouble: ({ message }) => notes.push(message),
      recovered() {}, written() {}, found: (text) => notes.push(text),
    },
  });
}

export interface SpooledBatch {
  readonly gzipped: Buffer;
  readonly contents: BatchContents;
}

/** Rows of the window that starts so many windows after the first, and its seals. */
export async function windowBatch(window: number, rows: readonly SampleRow[]): Promise<SpooledBatch> {
  const batches: SpooledBatch[] = [];
  const packer = new BatchPacker(async (gzipped, contents) => void batches.push({ gzipped, contents }));
  const windowStart = WINDOW_START + 600 * window;
  packer.rows(recordsOf(rows, windowStart), CONTEXT);
  packer.seals(CONTEXT.enis.slice(0, 2).map(({ eniId }, eni) => {
    const own = rows.filter((row) => row.eni === eni);
    const packets = own.reduce((sum, row) => sum + row.packets, 0);
    return sealOf({ eniId, windowStart, records: own.length, packets, packetsSeen: packets, bytes: own.length * 100 });
  }), CONTEXT);
  await packer.sent();
  return batches[0]!;
}

/** The same with a version that no collector knows in these rows. */
export function spoiled({ contents }: SpooledBatch, rows: readonly SampleRow[], bad: readonly number[]): SpooledBatch {
  const decoded = decodeCheckedColumnar(encodeColumnar([recordsOf(rows, contents.windowStart)], [], CONTEXT));
  const version = numberColumn(decoded.batches[0]!, 'version').values as Uint8Array;
  const spoilt = { ...decoded.batches[0]!, columns: new Map(decoded.batches[0]!.columns) };
  spoilt.columns.set('version', { kind: 'number', values: version.map((value, row) => (bad.includes(row) ? 9 : value)), valid: null });
  return { gzipped: gzipSync(encodeColumns([spoilt], contents.seals)), contents };
}
