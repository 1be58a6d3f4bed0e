import { seededRandom } from '../../../bench/random.ts';
import { SpoolWorld } from './spool-world.ts';

export interface ModelRun {
  readonly faults: readonly string[];
  readonly crashes: number;
  readonly dropped: number;
  readonly sentAgain: number;
  /** Times that the collector has refused a number, since it had lost what it knew. */
  readonly renumbered: number;
  readonly windows: number;
}

/** Everything that can happen to a spool but damage, at random; what does not add up at the end. */
export async function runModel(seed: number, steps: number): Promise<ModelRun> {
  const random = seededRandom(seed);
  const isSmall = random() < 0.5;
  const limitBytes = (isSmall ? 8 : 64) * 64 * 1024;
  const world = new SpoolWorld(random, limitBytes, isSmall ? 9000 : 500);
  const faults: string[] = [];
  const faultRate = random() < 0.5 ? 0 : random() * 0.1;
  const isAway = random() < 0.3;
  const isForgetful = random() < 0.5;
  world.collector.luck = () => {
    const luck = random();
    return luck < (isAway ? 0.9 : 0.1) ? 'away' : luck < 0.95 ? 'taken' : 'answer lost';
  };
  let crashes = 0;
  const setFaults = (): void => {
    world.disk.fault = (call) => (random() < faultRate && call !== 'list' ? (random() < 0.5 ? 'EIO' : 'ENOSPC') : null);
  };
  await world.start();
  for (let step = 0; step < steps; step++) {
    setFaults();
    const luck = random();
    if (luck < 0.3) world.produce(1 + Math.floor(random() * 4));
    else if (luck < 0.48) world.sealWindow();
    else if (luck < 0.66) await Promise.race([world.ship(1 + Math.floor(random() * 4)), pause(random)]);
    else if (luck < 0.7) await Promise.race([world.settled(), pause(random)]);
    else if (luck < 0.75) world.collector.damage(random);
    else if (luck < 0.78) world.collector.publish(Math.floor(random() * 6));
    else if (luck < 0.84) await Promise.race([world.heed(), pause(random)]);
    else if (luck < 0.89) world.collector.comeLate(random);
    else if (luck < 0.92 && isForgetful) world.collector.startWithLoss(random);
    else {
      await pause(random);
      crashes++;
      world.crash(random() < 0.6);
      if (random() < 0.5) world.disk.fault = () => null;
      await world.start();
    }
    if (world.spool.bytes > limitBytes) faults.push(`${world.spool.bytes} bytes`);
  }
  world.disk.fault = () => null;
  world.collector.luck = () => 'taken';
  // begins with what the last one left, as an agent does, and brings it to its end
  world.crash(true);
  await world.start();
  world.sealWindow();
  await world.settled();
  await world.ship(Infinity);
  for (let times = 0; times < 10; times++) world.collector.comeLate(random);
  world.collector.publish(Infinity);
  return { faults: [...faults, ...world.faults()], sentAgain: world.sentAgain, renumbered: world.renumbered, crashes, dropped: world.droppedRows, windows: world.windows.length };
}

/** A random number of turns of the event loop: a simulated call takes one. */
async function pause(random: () => number): Promise<void> {
  for (let turns = Math.floor(random() * 60); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
}
