import { join } from 'node:path';
import { DiskFaults, endsProcess, type Fault, type FaultKind } from './disk-faults.ts';
import { rowsOf, StorageModel, type Batch } from './storage-model.ts';

const SETTINGS = { segmentBytes: 700, compactBytes: 100 };
const UNLIMITED = { name: 'default', retentionDays: null, retentionBytes: null, search: true };

/** What happens to a storage, one thing after the other; each is tried until it is done. */
interface Act {
  readonly name: string;
  readonly run: (model: StorageModel) => Promise<unknown>;
  readonly batch?: Batch;
  /** Rows of this LogStore that were sent before go. */
  readonly drops?: string;
}

function sending(agent: string, sequence: number, logStore: string, windows: readonly number[]): Act {
  const batch = { agent, epoch: 1, sequence, logStore, windows };
  return { name: `batch ${agent}/${sequence}`, run: (model) => model.send(batch), batch };
}

const PUBLISH: Act = { name: 'publish', run: (model) => model.publish() };

/** A publication, amendments, segments that go, compactions, a LogStore that is dropped, and windows that expire. */
export const STORY: readonly Act[] = [
  sending('a', 1, 'default', [0, 1]), sending('b', 1, 'default', [0]), PUBLISH,
  sending('a', 2, 'default', [1, 2]), sending('b', 2, 'other', [1]), PUBLISH,
  sending('b', 3, 'default', [0]), PUBLISH,
  { name: 'drop', run: (model) => model.drop('other'), drops: 'other' },
  { name: 'expire', run: expireAll, drops: 'default' },
  sending('a', 3, 'default', [3]), PUBLISH,
];

async function expireAll(model: StorageModel): Promise<void> {
  model.logStores = [{ ...UNLIMITED, retentionBytes: 1 }];
  try {
    await model.publish();
  } finally {
    model.logStores = [UNLIMITED];
  }
}

export interface Outcome {
  readonly steps: number;
  readonly faults: readonly string[];
}

/** Tells the story with one fault of the disk. After a crash the next process goes on; where the disk failed with EIO, one that is started when the act is done. */
export async function tellStory(faults: DiskFaults, directory: string, fault: Fault | null): Promise<Outcome> {
  const root = join(directory, 'data');
  const wrong: string[] = [];
  faults.begin(root, fault);
  const isCrash = fault !== null && endsProcess(fault.kind);
  let model: StorageModel | null = null;
  let steps = 0;
  const acknowledged = new Set<string>();
  const dropped = new Set<string>();
  for (const act of STORY) {
    let wasRefused = false;
    for (let attempt = 0; ; attempt++) {
      try {
        model ??= await StorageModel.open(root, SETTINGS);
        if (act.drops) for (const row of rowsBefore(act, act.drops)) dropped.add(row);
        await act.run(model);
        break;
      } catch (error) {
        if (attempt === 3) return { steps: faults.steps, faults: [...wrong, `${act.name}: ${(error as Error).message}`] };
        wasRefused = !isCrash;
        if (wasRefused) continue;
        steps = Math.max(steps, faults.steps);
        await faults.end();
        faults.begin(root, null);
        model = await StorageModel.open(root, SETTINGS);
        wrong.push(...await judge(model, acknowledged, dropped, `after the crash in ${act.name}`));
      }
    }
    if (act.batch) for (const row of rowsOf(act.batch)) acknowledged.add(row);
    if (wasRefused && fault!.kind === 'EIO') {
      await model.close();
      model = null;
    }
  }
  await model?.close();
  await faults.end();
  const last = await StorageModel.open(root, SETTINGS);
  wrong.push(...await judge(last, acknowledged, dropped, 'at the end'));
  for (const row of last.rows()) if (dropped.has(row)) wrong.push(`came back: ${row}`);
  await last.close();
  return { steps: Math.max(steps, faults.steps), faults: wrong };
}

function rowsBefore(act: Act, logStore: string): string[] {
  return STORY.slice(0, STORY.indexOf(act)).flatMap(({ batch }) => (batch?.logStore === logStore ? rowsOf(batch) : []));
}

/** Publishes all, and compares: each acknowledged row once, of those that are dropped none or, while it is not done, each once. */
async function judge(model: StorageModel, acknowledged: ReadonlySet<string>, dropped: ReadonlySet<string>, when: string): Promise<string[]> {
  await model.publish();
  const rows = model.rows();
  const found = new Set(rows);
  const wrong = model.faults();
  if (rows.length > found.size) wrong.push(`doubled: ${rows.filter((row, i) => rows.indexOf(row) !== i).join(' ')}`);
  for (const row of acknowledged) if (!found.has(row) && !dropped.has(row)) wrong.push(`lost: ${row}`);
  const known = new Set(STORY.flatMap(({ batch }) => (batch ? rowsOf(batch) : [])));
  for (const row of found) if (!known.has(row)) wrong.push(`foreign: ${row}`);
  const complete = await model.complete();
  for (const row of acknowledged) if (!dropped.has(row) && !complete.has(windowOf(row))) wrong.push(`not whole: the window of ${row}`);
  if (model.damage.some(({ kind }) => kind !== 'tail')) wrong.push(`damage: ${model.damage.map(({ kind, text }) => `${kind} ${text}`).join('; ')}`);
  return wrong.map((text) => `${when}: ${text}`);
}

/** As the model names it, by agent and start. */
function windowOf(row: string): string {
  return `${row.split('/')[0]} ${row.split('@')[1]}`;
}

/** A kill before a step is one after the step before it. */
export function* everyFault(steps: number): Generator<Fault> {
  const kinds = (step: number): FaultKind[] => ['crash-before', 'crash-cut', 'power-data', step % 2 === 0 ? 'power' : 'power-names', step % 2 === 0 ? 'ENOSPC' : 'EIO'];
  for (let step = 1; step <= steps; step++) for (const kind of kinds(step)) yield { step, kind };
}
