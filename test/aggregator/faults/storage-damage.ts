import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rowsOf, StorageModel, type Batch } from './storage-model.ts';

const SETTINGS = { segmentBytes: 1500, compactBytes: 1500 };
const AGENTS = ['a', 'b', 'c'];
const LOGS = ['journal', 'ledger'] as const;

export interface Damage {
  readonly what: string;
  readonly apply: (root: string) => void;
}

export interface Verdict {
  /** Rows that were acknowledged and are in no LogStore. */
  readonly lost: number;
  readonly faults: readonly string[];
}

/** A storage with a past: published and amended windows, some whose files were replaced, batches that wait. */
export class DamagedStorage {
  readonly root: string;
  /** Segments that there were, and that are published and gone. */
  readonly former = new Map<string, Buffer>();
  private readonly batches: Batch[] = [];

  private constructor(root: string) {
    this.root = root;
  }

  static async make(directory: string): Promise<DamagedStorage> {
    const storage = new DamagedStorage(join(directory, 'whole'));
    for (let life = 0; life < 2; life++) {
      const model = await StorageModel.open(storage.root, SETTINGS);
      for (let round = 0; round < 4; round++) {
        for (const agent of AGENTS) {
          const sequence = 1 + life * 4 + round;
          const batch = { agent, epoch: 1, sequence, logStore: agent === 'c' ? 'other' : 'default', windows: [sequence - 1, sequence] };
          if (!await model.send(batch)) throw new Error('a batch was not taken');
          storage.batches.push(batch);
        }
        for (const name of readdirSync(join(storage.root, 'journal'))) storage.former.set(name, readFileSync(join(storage.root, 'journal', name)));
        if (life === 0 || round === 0) await model.publish();
      }
      await model.close();
    }
    for (const name of readdirSync(join(storage.root, 'journal'))) storage.former.delete(name);
    return storage;
  }

  /** Paths of journal and ledger, with their sizes. */
  files(): { path: string; bytes: number }[] {
    return LOGS.flatMap((folder) => readdirSync(join(this.root, folder), { withFileTypes: true }).filter((entry) => entry.isFile())
      .map(({ name }) => ({ path: join(folder, name), bytes: readFileSync(join(this.root, folder, name)).length })));
  }

  /** Starts on a copy that is damaged, publishes, and lets agents send their last batch once more. */
  async judge(copy: string, { what, apply }: Damage): Promise<Verdict> {
    cpSync(this.root, copy, { recursive: true });
    const faults: string[] = [];
    let lost: string[] = [];
    try {
      apply(copy);
      let model = await StorageModel.open(copy, SETTINGS);
      const isTold = model.damage.length + model.told.length + model.doubt!.damaged.length > 0;
      for (const batch of AGENTS.map((agent) => this.batches.findLast((each) => each.agent === agent)!)) {
        await model.publish();
        const isThere = rowsOf(batch).some((row) => model.rows().includes(row));
        if (!await model.send(batch) && isThere) faults.push(`the last batch of ${batch.agent} would be doubled`);
      }
      await model.publish();
      const rows = model.rows();
      const found = new Set(rows);
      if (rows.length > found.size) faults.push(`${rows.length - found.size} rows doubled`);
      faults.push(...model.faults());
      lost = this.batches.flatMap(rowsOf).filter((row) => !found.has(row));
      const incomplete = await model.incomplete();
      const silent = lost.filter((row) => !incomplete.has(`${row.slice(0, 1)} ${row.split('@')[1]}`));
      // what the ledger said can be told from the files of publications, whatever is damaged of it
      if (lost.length > 0 && /^(all of )?ledger/.test(what)) faults.push(`lost by the ledger: ${lost.join(' ')}`);
      if (silent.length > 0 && !isTold) faults.push(`lost without a word: ${silent.join(' ')}`);
      await model.close();
      model = await StorageModel.open(copy, SETTINGS);
      await model.publish();
      if ([...model.rows()].sort().join() !== [...rows].sort().join()) faults.push('the next start has other rows');
      await model.close();
    } catch (error) {
      faults.push((error as Error).stack ?? String(error));
    }
    rmSync(copy, { recursive: true, force: true });
    return { lost: lost.length, faults: faults.map((fault) => `${what}: ${fault}`) };
  }
}

function change(path: string, edit: (bytes: Buffer) => Uint8Array): (root: string) => void {
  return (root) => writeFileSync(join(root, path), edit(readFileSync(join(root, path))));
}

export function flipped(path: string, at: number, bit: number): Damage {
  return { what: `${path}, byte ${at}, bit ${bit}`, apply: change(path, (bytes) => (bytes[at]! ^= 1 << bit, bytes)) };
}

export function cutOff(path: string, at: number): Damage {
  return { what: `${path} cut off at ${at}`, apply: change(path, (bytes) => bytes.subarray(0, at)) };
}

export function zeroed(path: string, at: number): Damage {
  return { what: `${path} zero from ${at}`, apply: change(path, (bytes) => bytes.fill(0, at)) };
}

export function gone(path: string): Damage {
  return { what: `${path} gone`, apply: (root) => rmSync(join(root, path)) };
}

/** Once more, under the number of a later file, or of an earlier one. */
export function doubled(path: string, number: number): Damage {
  const name = path.replace(/\d+(?=\.log)/, (digits) => String(number).padStart(digits.length, '0'));
  return { what: `${path} also as ${name}`, apply: (root) => cpSync(join(root, path), join(root, name)) };
}

/** Files that are whole, lost, there twice, or of another time. */
export function ofWholeFiles(storage: DamagedStorage): Damage[] {
  const paths = storage.files().map(({ path }) => path);
  const all = (folder: string): Damage => ({ what: `all of ${folder} gone`, apply: (root) => rmSync(join(root, folder), { recursive: true }) });
  return [
    ...paths.map(gone), ...LOGS.map(all), { what: 'the seals gone', apply: (root) => rmSync(join(root, 'windows'), { recursive: true }) },
    ...paths.filter((path) => path.startsWith('journal')).flatMap((path) => [doubled(path, 999), doubled(path, 0)]),
    ...Array.from(storage.former, ([name, bytes]): Damage => ({ what: `${name} back again`, apply: (root) => writeFileSync(join(root, 'journal', name), bytes) })),
  ];
}
