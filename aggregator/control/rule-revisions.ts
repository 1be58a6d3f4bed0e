import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SecurityGroup, Topology } from '../../shared/topology/topology.ts';
import { makeDirectory, replaceFile } from '../journal/durable.ts';
import { Problem } from '../api/problem.ts';
import { resourceDocument, resourceKind, type Resource } from './resource-kinds.ts';

const REVISION_NAME = /^(\d{8})\.json$/;
const GROUPS = resourceKind('security-groups');
const PREFIX_LISTS = resourceKind('prefix-lists');

/** All that verdicts depend on, as it was at one revision. */
export interface RuleSet {
  readonly revision: number;
  readonly created: string;
  /** Token that made the change. */
  readonly by: string;
  /** In the spelling of the topology document, by id. */
  readonly securityGroups: ReadonlyMap<string, Resource>;
  readonly prefixLists: ReadonlyMap<string, Resource>;
  /** By group: pairs of ENI and address, sorted. */
  readonly members: ReadonlyMap<string, readonly (readonly [string, string])[]>;
}

export interface RevisionSummary {
  readonly revision: number;
  readonly created: string;
  readonly by: string;
  readonly 'security-groups': number;
  readonly 'prefix-lists': number;
  readonly 'rules': number;
  readonly 'members': number;
}

/** Digest of a part, and the revision in whose file it stands. */
type PartReference = readonly [string, number];
/** `security-group sg-1`, `members sg-1`, `prefix-list pl-1`. */
type PartName = string;

interface RevisionFile {
  readonly revision: number;
  readonly created: string;
  readonly by: string;
  readonly rules: number;
  readonly members: number;
  readonly parts: Readonly<Record<PartName, PartReference>>;
  /** The parts that no earlier revision has, by digest. */
  readonly contents: Readonly<Record<string, unknown>>;
}

/**
 * Every state that the rules have been in, one file a revision.
 *
 * I1. A file is durable before anything names its revision, and no other content ever gets the same number, but for
 *     one that nothing has named.
 * I2. What has not changed stands in the file of the revision that brought it.
 */
export class RuleRevisions {
  private readonly directory: string;
  private last: RevisionFile | null = null;
  private readonly documents = new WeakMap<object, { readonly text: string; readonly digest: string }>();

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** `revision`: the one in force; a later file was written by a change that never came to be. */
  static async open(directory: string, revision: number): Promise<RuleRevisions> {
    await makeDirectory(directory);
    const revisions = new RuleRevisions(directory);
    if (revision > 0) revisions.last = revisions.stored(revision);
    return revisions;
  }

  /** The number of this topology's rules: the one in force if they are the same, else the next. */
  async revisionOf(topology: Topology, created: string, by: string): Promise<number> {
    const contents = new Map<PartName, { text: string; digest: string }>();
    for (const group of topology.securityGroups) contents.set(`security-group ${group.securityGroupId}`, this.document(GROUPS, group));
    for (const list of topology.prefixLists) contents.set(`prefix-list ${list.prefixListId}`, this.document(PREFIX_LISTS, list));
    const members = membersOf(topology);
    for (const [group, pairs] of members) contents.set(`members ${group}`, withDigest(JSON.stringify(pairs)));
    const before = this.last?.parts ?? {};
    const isSame = contents.size === Object.keys(before).length && [...contents].every(([name, { digest }]) => before[name]?.[0] === digest);
    const current = this.last?.revision ?? 0;
    if (isSame) return current;
    const revision = current + 1;
    const known = new Map(Object.values(before).map(([digest, where]) => [digest, where]));
    const file: RevisionFile = {
      revision, created, by,
      rules: topology.securityGroups.reduce((sum, { rules }) => sum + rules.length, 0),
      members: [...members.values()].reduce((sum, { length }) => sum + length, 0),
      parts: Object.fromEntries([...contents].map(([name, { digest }]) => [name, [digest, known.get(digest) ?? revision]])),
      contents: Object.fromEntries([...contents.values()].filter(({ digest }) => !known.has(digest)).map(({ digest, text }) => [digest, JSON.parse(text)])),
    };
    await replaceFile(this.path(revision), `${JSON.stringify(file, null, 1)}\n`);
    return revision;
  }

  /** From now on this revision is in force. */
  use(revision: number): void {
    if (revision !== (this.last?.revision ?? 0)) this.last = this.stored(revision);
  }

  /** Newest first, below `before`. */
  history(before: number, limit: number): RevisionSummary[] {
    const numbers = readdirSync(this.directory).flatMap((name) => Number(REVISION_NAME.exec(name)?.[1] ?? []));
    const inForce = this.last?.revision ?? 0;
    return numbers.filter((number) => number <= inForce && number < before).sort((a, b) => b - a).slice(0, limit).map((number) => {
      const { revision, created, by, parts, rules, members } = this.file(number);
      const count = (kind: string): number => Object.keys(parts).filter((name) => name.startsWith(`${kind} `)).length;
      return { revision, created, by, 'security-groups': count('security-group'), 'prefix-lists': count('prefix-list'), rules, members };
    });
  }

  /** Throws a problem of 404 where there is none of that number. */
  read(revision: number): RuleSet {
    const file = this.file(revision);
    const files = new Map([[revision, file]]);
    const content = ([digest, where]: PartReference): unknown => {
      let holder = files.get(where);
      if (!holder) files.set(where, (holder = this.file(where)));
      return holder.contents[digest];
    };
    const parts = <T>(kind: string): Map<string, T> => new Map(Object.entries(file.parts)
      .filter(([name]) => name.startsWith(`${kind} `))
      .map(([name, reference]) => [name.slice(kind.length + 1), content(reference) as T]));
    return {
      revision, created: file.created, by: file.by,
      securityGroups: parts('security-group'), prefixLists: parts('prefix-list'), members: parts('members'),
    };
  }

  private file(revision: number): RevisionFile {
    const inForce = this.last?.revision ?? 0;
    if (revision <= inForce) return this.stored(revision);
    throw new Problem(404, `there is no revision ${revision} of the rules; ${inForce === 0 ? 'there is none yet' : `there are 1 to ${inForce}`}`);
  }

  private stored(revision: number): RevisionFile {
    return JSON.parse(readFileSync(this.path(revision), 'utf8')) as RevisionFile;
  }

  /** Items are never changed, so what was worked out once stays true. */
  private document(kind: typeof GROUPS, item: object): { text: string; digest: string } {
    let known = this.documents.get(item);
    if (!known) this.documents.set(item, (known = withDigest(JSON.stringify(resourceDocument(kind, item)))));
    return known;
  }

  private path(revision: number): string {
    return join(this.directory, `${String(revision).padStart(8, '0')}.json`);
  }
}

function withDigest(text: string): { text: string; digest: string } {
  return { text, digest: createHash('sha256').update(text).digest('hex').slice(0, 32) };
}

/** Of the groups that have any. */
function membersOf({ enis, securityGroups }: Topology): Map<SecurityGroup['securityGroupId'], [string, string][]> {
  const members = new Map<string, [string, string][]>(securityGroups.map(({ securityGroupId }) => [securityGroupId, []]));
  for (const eni of enis) for (const group of eni.securityGroups) for (const address of eni.addresses) members.get(group)?.push([eni.eniId, address]);
  for (const [group, pairs] of members) {
    if (pairs.length === 0) members.delete(group);
    pairs.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1));
  }
  return members;
}
