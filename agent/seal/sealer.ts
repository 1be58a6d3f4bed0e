import { mergeRows } from '../../shared/record-merge.ts';
import { Records, type RecordContext } from '../../shared/records.ts';
import type { Seal } from '../../shared/seal.ts';
import type { WindowAccount } from './window-account.ts';

/** What takes a window's rows and seals: a printer, the spool. Rows of a window come before its seals. */
export interface WindowSink {
  /** The sink owns the rows from here on, and releases them when it has done with them. */
  rows(rows: Records, context: RecordContext): void;
  /** One seal an ENI; nothing more comes for this window. */
  seals(seals: Seal[], context: RecordContext): void;
}

/** Hands rows on, counts them for the seal, and states the seal when a window closes. */
export class Sealer {
  /** Set before the last windows are closed by something else than the end of the input. */
  isPartial = false;
  revision: number;
  private readonly context: RecordContext;
  private readonly sink: WindowSink;

  constructor(context: RecordContext, revision: number, sink: WindowSink) {
    this.context = context;
    this.revision = revision;
    this.sink = sink;
  }

  /** Hands on what is there so far of an open window, so that memory stays bounded. */
  handOn(account: WindowAccount): void {
    // the next ones are likely to be as many; a sink may leave nothing of the arrays that it is given
    const capacity = account.rows.eni.length;
    this.giveRows(account);
    account.rows = Records.take(account.windowStart, account.windowSeconds, capacity);
  }

  /** The window has given all its rows. */
  seal(account: WindowAccount): void {
    this.giveRows(account);
    const seals: Seal[] = [];
    this.context.enis.forEach((eni, index) => {
      if (!account.concerns(index)) return;
      seals.push(account.seal(index, eni.eniId, this.context.agentId, this.revision, this.isPartial));
    });
    this.sink.seals(seals, this.context);
  }

  private giveRows(account: WindowAccount): void {
    const { rows } = account;
    if (account.needsMerge) mergeRows(rows);
    account.countRows(rows);
    if (rows.count > 0) this.sink.rows(rows, this.context);
  }
}
