import { Records, type RecordContext } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import { statusRow } from '../../shared/status-rows.ts';
import type { WindowSink } from '../seal/sealer.ts';
import type { RecordFormatter } from './record-format.ts';
import type { TextOutput } from './text-output.ts';

/** Text is written in pieces of about this size. */
const PIECE_CHARACTERS = 1 << 16;

/** Prints records, and behind those of a window the NODATA and SKIPDATA rows that its seals give rise to. */
export class RecordWriter implements WindowSink {
  private readonly output: TextOutput;
  private readonly formatter: RecordFormatter;
  private text: string;

  /** `header`: what stands above the first row. */
  constructor(output: TextOutput, formatter: RecordFormatter, header = formatter.header) {
    this.output = output;
    this.formatter = formatter;
    this.text = header;
  }

  rows(rows: Records, context: RecordContext): void {
    for (let row = 0; row < rows.count; row++) {
      this.text += this.formatter.line(rows, row, context);
      if (this.text.length >= PIECE_CHARACTERS) this.flush();
    }
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
    this.rows(rows, context);
    this.flush();
  }

  flush(): void {
    if (this.text.length > 0) this.output.write(this.text);
    this.text = '';
  }
}
