import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EMPTY_TOPOLOGY, type Topology } from '../../shared/topology/topology.ts';
import { makeDirectory, replaceFile } from '../journal/durable.ts';
import { Problem } from '../api/problem.ts';
import { partChanges, ruleSetOf, type PartChange, type RuleSet } from './rule-set.ts';

const REVISION_NAME = /^(\d{8})\.json$/;
/** Every so many revisions one is written whole: so many files are read at most to know one. */
const WHOLE_EVERY = 256;

export interface RevisionSummary {
  readonly revision: number;
  readonly created: string;
  /** Token that made the change. */
  readonly by: string;
  readonly 'security-groups': number;
  readonly 'prefix-lists': number;
  readonly 'rules': number;
  /** ENIs in groups; one in two groups counts twice. */
  readonly 'members': number;
}

interface RevisionFile extends RevisionSummary {
  /** What `changes` are against; null: against nothing, so they are the whole rule set. */
  readonly after: number | null;
  readonly changes: readonly PartChange[];
}

/** A state of the rules with its number. */
interface Numbered {
  readonly revision: number;
  readonly topology: Topology;
}

/**
 * Every state that the rules have been in, one file a revision.
 *
 * I1. A file is durable before anything names its revision, and no other content ever gets the same number, but for
 *     one that nothing has named.
 * I2. A file says what is different from the revision before; now and then, all there is.
 */
export class RuleRevisions {
  private readonly directory: string;
  private inForce: Numbered;

  private constructor(directory: string, inForce: Numbered) {
    this.directory = directory;
    this.inForce = inForce;
  }

  /** `revision` is in force, and `topology` has its rules. A later file was written by a change that never came to be. */
  static async open(directory: string, revision: number, topology: Topology): Promise<RuleRevisions> {
    await makeDirectory(directory);
    return new RuleRevisions(directory, { revision, topology: revision === 0 ? EMPTY_TOPOLOGY : topology });
  }

  /** The last number in a directory whose rules have got lost. */
  static lastIn(directory: string): number {
    if (!existsSync(directory)) return 0;
    return Math.max(0, ...readdirSync(directory).map((name) => Number(REVISION_NAME.exec(name)?.[1] ?? 0)));
  }

  /** The number of this topology's rules: the one in force if they are the same, else the next. */
  async revisionOf(topology: Topology, created: string, by: string): Promise<number> {
    const { revision: before } = this.inForce;
    const changes = partChanges(this.inForce.topology, topology);
    if (changes.length === 0) return before;
    const revision = before + 1;
    // what the topology in force does not say is not known by a difference from it
    const isWhole = revision % WHOLE_EVERY === 1 || isEmpty(this.inForce.topology);
    const content = isWhole ? partChanges(EMPTY_TOPOLOGY, topology) : changes;
    const { securityGroups, prefixLists, enis } = topology;
    const head = {
      revision, created, by, 'after': isWhole ? null : before,
      'security-groups': securityGroups.length, 'prefix-lists': prefixLists.length,
      'rules': securityGroups.reduce((sum, { rules }) => sum + rules.length, 0),
      'members': enis.reduce((sum, eni) => sum + eni.securityGroups.length, 0),
    };
    const lines = content.map((change) => JSON.stringify(change)).join(',\n');
    await replaceFile(this.path(revision), `${JSON.stringify(head).slice(0, -1)},"changes":[\n${lines}\n]}\n`);
    return revision;
  }

  /** From now on this revision is in force. */
  use(revision: number, topology: Topology): void {
    this.inForce = { revision, topology };
  }

  /** Newest first, below `before`. */
  async history(before: number, limit: number): Promise<RevisionSummary[]> {
    const summaries: RevisionSummary[] = [];
    for (let revision = Math.min(before - 1, this.inForce.revision); revision >= 1 && summaries.length < limit; revision--) {
      const { after: _after, changes: _changes, ...summary } = await this.file(revision);
      summaries.push(summary);
    }
    return summaries;
  }

  /** Throws a problem of 404 where there is none of that number. */
  async read(revision: number): Promise<RuleSet & Pick<RevisionSummary, 'revision' | 'created' | 'by'>> {
    const { inForce } = this;
    if (revision > inForce.revision) {
      throw new Problem(404, `there is no revision ${revision} of the rules; ${inForce.revision === 0 ? 'there is none yet' : `there are 1 to ${inForce.revision}`}`);
    }
    const last = await this.file(revision);
    const files = [last];
    for (let file = last; file.after !== null;) files.push((file = await this.file(file.after)));
    return { revision, created: last.created, by: last.by, ...ruleSetOf(files.toReversed().flatMap(({ changes }) => changes)) };
  }

  private async file(revision: number): Promise<RevisionFile> {
    return JSON.parse(await readFile(this.path(revision), 'utf8')) as RevisionFile;
  }

  private path(revision: number): string {
    return join(this.directory, `${String(revision).padStart(8, '0')}.json`);
  }
}

function isEmpty({ securityGroups, prefixLists, enis }: Topology): boolean {
  return securityGroups.length === 0 && prefixLists.length === 0 && enis.length === 0;
}
