import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scanSegment } from '../../../aggregator/journal/segment.ts';
import type { DiskFaults, Fault } from './disk-faults.ts';
import { rowsOf, StorageModel, type Batch, type Settings } from './storage-model.ts';

const SETTINGS: Settings = { segmentBytes: 700, compactBytes: 100, wantedMs: 3_600_000 };
/** More windows than one publication takes. */
const MANY = Array.from({ length: 70 }, (_, window) => window);

export interface MendCase {
  readonly name: string;
  readonly batches: readonly Batch[];
  /** The one whose rows are damaged. */
  readonly damaged: Batch;
  /** Of its windows some are published before. */
  readonly isPartlyPublished: boolean;
  /** It is certain that it was stored. */
  readonly isKnown: boolean;
}

function batch(agent: string, sequence: number, windows: readonly number[]): Batch {
  return { agent, epoch: 1, sequence, logStore: 'default', windows };
}

const [A1, A1_MANY, A2, B1] = [batch('a', 1, [0, 1]), batch('a', 1, MANY), batch('a', 2, [3]), batch('b', 1, [0])];

export const MEND_CASES: readonly MendCase[] = [
  { name: 'a batch after which others came', batches: [A1, A2, B1], damaged: A1, isPartlyPublished: false, isKnown: true },
  { name: 'one that is partly published', batches: [A1_MANY, A2, B1], damaged: A1_MANY, isPartlyPublished: true, isKnown: true },
  { name: 'the last one of an agent', batches: [A1, A2, B1], damaged: A2, isPartlyPublished: false, isKnown: false },
  { name: 'the first and last one of an agent', batches: [A1, A2, B1], damaged: B1, isPartlyPublished: false, isKnown: false },
  { name: 'the last one, that is partly published', batches: [A1_MANY], damaged: A1_MANY, isPartlyPublished: true, isKnown: true },
];

/** A storage that was ended in the midst of its work, and then damaged. */
export async function makeDamaged(root: string, { batches, damaged, isPartlyPublished }: MendCase): Promise<void> {
  const model = await StorageModel.open(root, { ...SETTINGS, publications: isPartlyPublished ? 1 : 0 });
  for (const each of batches) await model.send(each);
  await model.publish().catch(() => {});
  await model.close();
  damageRows(join(root, 'journal'), damaged);
}

/** One bit of the batch's rows, in a journal. */
export function damageRows(journal: string, { agent, sequence }: Pick<Batch, 'agent' | 'sequence'>): void {
  for (const name of readdirSync(journal).filter((each) => each.endsWith('.log'))) {
    const path = join(journal, name);
    let at = -1;
    scanSegment(path, (header, { place }) => {
      const frame = header as Batch;
      if (frame.agent === agent && frame.sequence === sequence) at = place.offset + (place.length >> 1);
    });
    if (at < 0) continue;
    const bytes = readFileSync(path);
    bytes[at]! ^= 4;
    writeFileSync(path, bytes);
    return;
  }
  throw new Error(`no batch ${sequence} of ${agent}`);
}

/** The agent sends the batch again, with one fault of the disk on the way; what is wrong in the end, and the steps until the storage was open, and until it was taken. */
export async function mendWith(faults: DiskFaults, root: string, { batches, damaged }: MendCase, fault: Fault | null): Promise<{ opened: number; steps: number; wrong: string[] }> {
  faults.begin(root, fault);
  let model: StorageModel | null = null;
  let opened = 0;
  let steps = 0;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      model ??= await StorageModel.open(root, SETTINGS);
      opened ||= faults.steps;
      await model.send(damaged);
      steps = faults.steps;
      await model.publish();
      break;
    } catch {
      if (fault && fault.kind !== 'ENOSPC' && fault.kind !== 'EIO') break;
    }
  }
  await faults.end();
  // nobody has told the agent that it is stored
  const next = await StorageModel.open(root, SETTINGS);
  await next.send(damaged);
  const wrong = next.wanted(damaged.agent).map(({ sequence }) => `${sequence} is still wanted`);
  await next.publish();
  wrong.push(...next.faults(), ...compare(next.rows(), batches.flatMap(rowsOf)), ...[...await next.incomplete()].map((window) => `not whole: ${window}`));
  await next.close();
  return { opened, steps, wrong };
}

/** It is published as lost before it comes again: which of its rows are missing, and what is wrong. */
export async function mendTooLate(root: string, { batches, damaged }: MendCase): Promise<{ lost: string[]; wrong: string[] }> {
  const expected = batches.flatMap(rowsOf);
  const wrong: string[] = [];
  let lost: string[] = [];
  for (let life = 0; life < 2; life++) {
    const model = await StorageModel.open(root, SETTINGS);
    await model.publish();
    await model.send(damaged);
    await model.publish();
    const rows = model.rows();
    lost = expected.filter((row) => !rows.includes(row));
    wrong.push(...model.faults(), ...compare(rows, expected.filter((row) => !lost.includes(row))));
    const incomplete = await model.incomplete();
    const told = lost.map((row) => `${row.slice(0, 1)} ${row.split('@')[1]}`);
    wrong.push(...told.filter((window) => !incomplete.has(window)).map((window) => `lost without a word: ${window}`));
    wrong.push(...[...incomplete].filter((window) => !told.includes(window)).map((window) => `nothing is missing of ${window}`));
    await model.close();
  }
  return { lost, wrong };
}

function compare(rows: readonly string[], expected: readonly string[]): string[] {
  const found = new Set(rows);
  return [
    ...rows.filter((row, i) => rows.indexOf(row) !== i).map((row) => `doubled: ${row}`),
    ...expected.filter((row) => !found.has(row)).map((row) => `lost: ${row}`),
    ...rows.filter((row) => !expected.includes(row)).map((row) => `foreign: ${row}`),
  ];
}
