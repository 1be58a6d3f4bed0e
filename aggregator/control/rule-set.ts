import { isDeepStrictEqual } from 'node:util';
import type { Eni, PrefixList, SecurityGroup, Topology } from '../../shared/topology/topology.ts';
import { groupDocument, prefixListDocument } from '../../shared/topology/export.ts';
import type { Resource } from './resource-kinds.ts';

/** All that verdicts depend on, by id: groups and prefix lists in the spelling of the document. */
export interface RuleSet {
  readonly securityGroups: ReadonlyMap<string, Resource>;
  readonly prefixLists: ReadonlyMap<string, Resource>;
  /** Those that have groups: `security-groups`, in their order, and `addresses`. */
  readonly enis: ReadonlyMap<string, Resource>;
}

/** A part of a rule set that is different from the one before; null: it is gone. */
export type PartChange = readonly [kind: PartKind, id: string, content: Resource | null];
export type PartKind = 'security-group' | 'prefix-list' | 'eni';

const PART_KINDS: readonly { readonly kind: PartKind; readonly list: 'securityGroups' | 'prefixLists' | 'enis' }[] = [
  { kind: 'security-group', list: 'securityGroups' }, { kind: 'prefix-list', list: 'prefixLists' }, { kind: 'eni', list: 'enis' },
];

/** What the rules of `after` have that those of `before` have not. */
export function partChanges(before: Topology, after: Topology): PartChange[] {
  return PART_KINDS.flatMap(({ kind, list }): PartChange[] => {
    if (before[list] === after[list]) return [];
    const old = new Map((before[list] as readonly Part[]).map((item) => [idOf(item), item]));
    const changes: PartChange[] = [];
    for (const item of after[list] as readonly Part[]) {
      const id = idOf(item);
      const known = old.get(id);
      old.delete(id);
      if (known === item) continue;
      const content = contentOf(item);
      const earlier = known ? contentOf(known) : null;
      if (!isDeepStrictEqual(content, earlier)) changes.push([kind, id, content]);
    }
    for (const [id, item] of old) if (contentOf(item) !== null) changes.push([kind, id, null]);
    return changes;
  });
}

/** The rule set after these changes, in their order. */
export function ruleSetOf(changes: Iterable<PartChange>): RuleSet {
  const parts: Record<PartKind, Map<string, Resource>> = { 'security-group': new Map(), 'prefix-list': new Map(), 'eni': new Map() };
  for (const [kind, id, content] of changes) {
    if (content === null) parts[kind].delete(id);
    else parts[kind].set(id, content);
  }
  return { securityGroups: parts['security-group'], prefixLists: parts['prefix-list'], enis: parts['eni'] };
}

type Part = SecurityGroup | PrefixList | Eni;

function idOf(part: Part): string {
  return 'eniId' in part ? part.eniId : 'entries' in part ? part.prefixListId : part.securityGroupId;
}

/** null: verdicts do not depend on it. */
function contentOf(part: Part): Resource | null {
  if ('eniId' in part) return part.securityGroups.length === 0 ? null : { 'security-groups': part.securityGroups, 'addresses': part.addresses };
  return 'entries' in part ? prefixListDocument(part) : groupDocument(part);
}
