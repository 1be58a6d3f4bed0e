import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { scanSegment } from '../journal/segment.ts';
import type { LedgerRecord } from './ledger-record.ts';
import { LedgerState } from './ledger-state.ts';

export const FILE_NAME = /^ledger-(\d{10})\.log$/;

/** What the ledger's files leave open. */
export interface LedgerDoubt {
  /** Publications up to this one are known; of later ones, records may be missing. */
  readonly commit: number;
  readonly damaged: readonly LedgerDamage[];
}

export interface LedgerDamage {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  /** Of the newest file: most likely a record that was being written when the collector was killed. */
  readonly isTail: boolean;
}

/** What the whole records of a ledger add up to; a snapshot that is whole ends all doubt about what was before it. */
export function readLedgers(directory: string): { state: LedgerState; doubt: LedgerDoubt; number: number } {
  const names = readdirSync(directory).filter((name) => FILE_NAME.test(name)).sort();
  const state = new LedgerState();
  let knownCommit: number | null = null;
  let damaged: LedgerDamage[] = [];
  const doubt = (damage: LedgerDamage): void => {
    damaged.push(damage);
    knownCommit ??= state.commit;
  };
  for (const [i, name] of names.entries()) {
    const path = join(directory, name);
    const records: { record: LedgerRecord; offset: number }[] = [];
    const scan = scanSegment(path, (header, { stretch }) => void records.push({ record: header as LedgerRecord, offset: stretch.offset }));
    const left = scan.damaged.map((stretch) => ({ path, ...stretch, isTail: false }));
    for (const { record, offset } of records) {
      while (left[0] && left[0].offset < offset) doubt(left.shift()!);
      state.apply(record);
      if (record.type !== 'snapshot') continue;
      knownCommit = null;
      damaged = [];
    }
    for (const damage of left) doubt(damage);
    const isWhole = records[0]?.record.type === 'snapshot';
    const tail = { path, offset: scan.goodBytes, bytes: scan.fileBytes - scan.goodBytes };
    if (scan.fileBytes > scan.goodBytes && left.length === 0) doubt({ ...tail, isTail: isWhole && i === names.length - 1 });
    else if (!isWhole && left.length === 0 && damaged.length === 0) doubt({ ...tail, isTail: false });
  }
  return { state, doubt: { commit: knownCommit ?? state.commit, damaged }, number: Number(names.at(-1)?.match(FILE_NAME)?.[1] ?? 0) };
}
