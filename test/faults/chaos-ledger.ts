import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** One life of an agent: it made its windows from `first` on, and was told of those up to `kept` that they outlive it. */
interface Life {
  readonly first: number;
  kept: number;
}

/**
 * What one agent of the chaos test has made, written by itself, line by line: `life FIRST` at each start, `kept NUMBER`
 * when its spool has confirmed a window and all before it. Kill -9 takes nothing that was written.
 *
 * A window belongs to the last life that began at or before it. That is exact: whether the spool counts a window that
 * it had no time to confirm is decided by what it says at the next start, and that life begins after it.
 */
export class ChaosLedger {
  readonly lives: readonly Life[];
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
    const lives: Life[] = [];
    for (const line of existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []) {
      const [word, number] = line.split(' ');
      if (word === 'life') lives.push({ first: Number(number), kept: -1 });
      else if (word === 'kept') lives.at(-1)!.kept = Number(number);
    }
    this.lives = lives;
  }

  /** The number of this life. */
  begin(first: number): number {
    appendFileSync(this.path, `life ${first}\n`);
    return this.lives.length;
  }

  kept(number: number): void {
    appendFileSync(this.path, `kept ${number}\n`);
  }

  /** The life of each window, by its number: those that count. The last life must have ended with all of it kept. */
  windows(): number[] {
    const lifeOf: number[] = [];
    for (const [life, { first, kept }] of this.lives.entries()) {
      const end = this.lives[life + 1]?.first ?? Math.max(first, kept + 1);
      lifeOf.length = Math.min(lifeOf.length, first);
      for (let number = first; number < end; number++) lifeOf[number] = life;
    }
    return lifeOf;
  }

  /** Windows that were confirmed, and that the spool did not know at the next start. */
  forgotten(): string[] {
    return this.lives.flatMap(({ kept }, life) => {
      const next = this.lives[life + 1];
      return next && next.first <= kept ? [`life ${life} kept windows up to ${kept}, the next one begins at ${next.first}`] : [];
    });
  }
}
