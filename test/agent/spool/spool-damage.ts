/** A spool with batches of several windows whose files are damaged while no agent runs. */
import { SimulatedDisk } from './simulated-disk.ts';
import { SpoolWorld } from './spool-world.ts';

export interface FileBytes {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Windows in two segments, some of them sent. */
export async function filledSpool(random: () => number, windows = 10): Promise<SpoolWorld> {
  const world = new SpoolWorld(random, 32 * 64 * 1024, 600);
  await world.start();
  for (let window = 0; window < windows; window++) {
    world.produce(3);
    if (window % 3 === 0) world.produce(2);
    world.sealWindow();
    await world.settled();
    if (window === 2) await world.ship(4);
    if (window === Math.ceil(windows / 2)) {
      // a restart begins another segment
      world.crash(false);
      await world.start();
    }
  }
  // the last answer is lost: that batch is stored and will be sent again
  world.collector.luck = () => 'answer lost';
  await world.ship(1);
  world.collector.luck = () => 'taken';
  world.crash(false);
  return world;
}

export function filesOf(world: SpoolWorld): FileBytes[] {
  return [...world.disk.files()].map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes) }));
}

/** The same agent and collector, with these files, until everything is sent. */
export async function afterDamage(world: SpoolWorld, files: readonly FileBytes[], random: () => number): Promise<SpoolWorld> {
  const copy = world.copy();
  copy.disk = await diskOf(files, random);
  await copy.start();
  copy.sealWindow();
  await copy.settled();
  await copy.ship(Infinity);
  return copy;
}

async function diskOf(files: readonly FileBytes[], random: () => number): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(random);
  for (const { name, bytes } of files) {
    const file = await disk.open(name, 'create');
    await file.write(bytes, 0);
    await file.sync();
  }
  await disk.syncNames();
  return disk;
}
