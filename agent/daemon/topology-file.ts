import { readFileSync, statSync } from 'node:fs';
import { WeirError } from '../../shared/errors.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import type { Topology } from '../../shared/topology/topology.ts';

/** A change is noticed so late at most. Polling sees replaced files and links too, on every kind of file system. */
const POLL_MS = 1_000;

/** The inventory of an agent without a collector to give it one. */
export class TopologyFile {
  readonly path: string;
  private stamp = '';
  private timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Throws CONFIGURATION with everything that is wrong. */
  read(): Topology {
    this.stamp = stampOf(this.path);
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      throw new WeirError('CONFIGURATION', `the topology ${this.path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
    return parseTopology(text, this.path);
  }

  /** Calls back after each change until `unwatch`. */
  watch(onChange: () => void): void {
    this.timer = setInterval(() => {
      const stamp = stampOf(this.path);
      // a file that is gone for a moment is about to be replaced
      if (stamp === '' || stamp === this.stamp) return;
      this.stamp = stamp;
      onChange();
    }, POLL_MS);
  }

  unwatch(): void {
    clearInterval(this.timer);
  }
}

/** Empty if there is no such file. */
function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? '' : `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs}`;
}
