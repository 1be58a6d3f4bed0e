import { Records, type RecordContext } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import { statusRow } from '../../shared/status-rows.ts';
import type { WindowSink } from '../seal/sealer.ts';
import { LineBytes } from './line-bytes.ts';
import type { RecordFormatter } from './record-format.ts';
import type { TextOutput } from './text-output.ts';

/** Text is written in pieces of about this size. */
const PIECE_BYTES = 1 << 16;

/** Prints records, and behind those of a window the NODATA and SKIPDATA rows that its seals give rise to. */
export class RecordWriter implements WindowSink {
  private readonly output: TextOutput;
  private readonly formatter: RecordFormatter;
  private readonly lines = new LineBytes();

  /** `header`: what stands above the first row. */
  constructor(output: TextOutput, formatter: RecordFormatter, header = formatter.header) {
    this.output = output;
    this.formatter = formatter;
    this.lines.text(header);
  }

  rows(rows: Records, context: RecordContext): void {
    this.print(rows, context);
    rows.release();
  }

  seals(seals: Seal[], context: RecordContext): void {
    const first = seals[0];
    if (!first) return;
    const rows = new Records(first.windowStart, first.windowSeconds);
    const indexes = new Map(context.enis.map(({ eniId }, index) => [eniId, index]));
    for (const seal of seals) {
      const status = statusRow(seal);
      if (status) rows.addStatus(indexes.get(seal.eniId)!, status.status, status.skippedPackets);
    }
    this.print(rows, context);
    this.flush();
  }

  flush(): void {
    const { output, lines } = this;
    if (lines.length === 0) return;
    if (output.writeBytes) output.writeBytes(lines.written);
    else output.write(lines.written.toString());
    lines.clear();
  }

  private print(rows: Records, context: RecordContext): void {
    for (let row = 0; row < rows.count; row++) {
      this.formatter.line(this.lines, rows, row, context);
      if (this.lines.length >= PIECE_BYTES) this.flush();
    }
  }
}
