import { join } from 'node:path';
import test from 'ava';
import { Segment } from '../../../aggregator/journal/segment.ts';
import { directoryInMemory } from './directory-in-memory.ts';
import { rowsOf, StorageModel, type Batch } from './storage-model.ts';

const SETTINGS = { segmentBytes: 1500, compactBytes: 1500 };
const batch = (sequence: number): Batch => ({ agent: 'a', epoch: 1, sequence, logStore: 'default', windows: [sequence] });

for (const isRestarted of [false, true]) {
  test(`killed when a segment had its name and no batch yet: no later one has that name${isRestarted ? ', after another start neither' : ''}`, async (t) => {
    const root = join(directoryInMemory(t), 'data');
    let model = await StorageModel.open(root, SETTINGS);
    await model.send(batch(1));
    await model.close();
    // all that the one that is killed has done
    const empty = await Segment.create(join(root, 'journal', 'batches-0000000000000002.log'));
    await empty.close();
    model = await StorageModel.open(root, SETTINGS);
    await model.publish();
    if (isRestarted) {
      await model.close();
      model = await StorageModel.open(root, SETTINGS);
    }
    t.true(await model.send(batch(2)));
    await model.close();
    model = await StorageModel.open(root, SETTINGS);
    t.true(await model.send(batch(3)), 'the number of the one before is known');
    await model.publish();
    t.deepEqual(model.rows().sort(), [1, 2, 3].flatMap((sequence) => rowsOf(batch(sequence))).sort());
    await model.close();
  });
}
