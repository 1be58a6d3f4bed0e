import test from 'ava';
import { MemoryDisk } from '../../../agent/spool/memory-disk.ts';
import { SpoolSegment } from '../../../agent/spool/spool-segment.ts';
import { ROWS, openSpool, windowBatch } from '../ship/spooled-batches.ts';

test('killed between the making of a segment and its first frame: its number was nobody\'s, and is no loss', async (t) => {
  const disk = new MemoryDisk();
  const notes: string[] = [];
  const spool = await openSpool(disk, notes);
  const append = async (to: Awaited<ReturnType<typeof openSpool>>, window: number): Promise<void> => {
    const { gzipped, contents } = await windowBatch(window, ROWS.slice(0, 5));
    await to.append(gzipped, contents);
  };
  await append(spool, 0);
  // the life after it gets no further than this
  await SpoolSegment.create(disk, 2, 65_536, 1);
  // windows pass in which nobody runs
  await append(await openSpool(disk, notes), 5);
  const last = await openSpool(disk, notes);
  await append(last, 6);
  t.deepEqual(notes, []);
  t.is(last.waitingBatches, 3, 'and no statement of one');
});
