import { RecordFormatter } from '../../agent/output/record-format.ts';
import { RecordWriter } from '../../agent/output/record-writer.ts';
import { replay, type ReplaySummary } from '../../agent/replay.ts';
import { WeirError } from '../../shared/errors.ts';
import type { Seal } from '../../shared/seal.ts';
import { DEFAULT_TOPOLOGY } from '../../shared/topology/topology.ts';

/** The columns of `weir replay --format json` that the tests add up. */
export interface ReplayedRow {
  readonly srcaddr: string;
  readonly dstaddr: string;
  readonly protocol: number;
  readonly srcport: number;
  readonly dstport: number;
  readonly packets: number;
  readonly bytes: number;
}

export interface ReplayedFile {
  /** Rows with log-status OK. */
  readonly rows: readonly ReplayedRow[];
  readonly seals: readonly Seal[];
  /** Null where the file cannot be read at all; `error` says why. */
  readonly summary: ReplaySummary | null;
  readonly error: WeirError | null;
}

const FIELDS = ['srcaddr', 'dstaddr', 'protocol', 'srcport', 'dstport', 'packets', 'bytes', 'log-status'];
/** Flows of the largest corpus file fit; a smaller table starts faster, once for each of 1,630 files. */
const TABLE_CAPACITY = 1 << 15;

/** The file through `weir replay FILE --format json` without a topology, in this process. */
export async function replayFile(path: string): Promise<ReplayedFile> {
  let text = '';
  const output = { write: (piece: string) => void (text += piece) };
  const writer = new RecordWriter(output, new RecordFormatter('json', FIELDS));
  const seals: Seal[] = [];
  let summary: ReplaySummary | null = null;
  let error: WeirError | null = null;
  try {
    summary = await replay([path], { topology: DEFAULT_TOPOLOGY, tableCapacity: TABLE_CAPACITY }, {
      rows: (rows, context) => writer.rows(rows, context),
      seals: (closed, context) => { seals.push(...closed); writer.seals(closed, context); },
    });
    writer.flush();
  } catch (thrown) {
    if (!(thrown instanceof WeirError)) throw thrown;
    error = thrown;
  }
  const rows = text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as ReplayedRow & { 'log-status': string });
  return { rows: rows.filter((row) => row['log-status'] === 'OK'), seals, summary, error };
}
