import { isDeepStrictEqual } from 'node:util';
import type { Resource } from './resource-kinds.ts';
import type { RuleSet } from './rule-revisions.ts';

/** One thing that is different between two revisions. */
export interface RuleChange {
  readonly kind: 'security-group' | 'rule' | 'prefix-list' | 'entry' | 'member';
  /** Of the group or prefix list. */
  readonly id: string;
  /** Of the rule; the entry; ENI and address of the member; null: the group or list itself. */
  readonly item: string | null;
  readonly before: unknown;
  readonly after: unknown;
}

/** What became different from `a` to `b`. */
export function ruleDiff(a: RuleSet, b: RuleSet): RuleChange[] {
  return [
    ...groupChanges(a.securityGroups, b.securityGroups),
    ...listChanges(a.prefixLists, b.prefixLists),
    ...pairs(a.members, b.members).flatMap(([id, before = [], after = []]) =>
      setChanges('member', id, before.map((pair) => pair.join(' ')), after.map((pair) => pair.join(' ')))),
  ];
}

function groupChanges(a: RuleSet['securityGroups'], b: RuleSet['securityGroups']): RuleChange[] {
  return pairs(a, b).flatMap(([id, before, after]) => {
    const changes: RuleChange[] = [];
    const own = (group: Resource | undefined): unknown => (group ? { ...group, rules: undefined } : null);
    if (!isDeepStrictEqual(own(before), own(after))) changes.push({ kind: 'security-group', id, item: null, before: head(before), after: head(after) });
    for (const [ruleId, old, now] of pairs(rulesOf(before), rulesOf(after))) {
      if (!isDeepStrictEqual(old, now)) changes.push({ kind: 'rule', id, item: ruleId, before: old ?? null, after: now ?? null });
    }
    return changes;
  });
}

function listChanges(a: RuleSet['prefixLists'], b: RuleSet['prefixLists']): RuleChange[] {
  return pairs(a, b).flatMap(([id, before, after]) => {
    const changes: RuleChange[] = [];
    if (before === undefined || after === undefined || before['name'] !== after['name']) {
      changes.push({ kind: 'prefix-list', id, item: null, before: before?.['name'] ?? null, after: after?.['name'] ?? null });
    }
    return [...changes, ...setChanges('entry', id, entriesOf(before), entriesOf(after))];
  });
}

function setChanges(kind: 'entry' | 'member', id: string, before: readonly string[], after: readonly string[]): RuleChange[] {
  const old = new Set(before);
  const now = new Set(after);
  return [
    ...before.filter((item) => !now.has(item)).map((item): RuleChange => ({ kind, id, item, before: item, after: null })),
    ...after.filter((item) => !old.has(item)).map((item): RuleChange => ({ kind, id, item, before: null, after: item })),
  ];
}

/** The group without its rules, which are told one by one. */
function head(group: Resource | undefined): unknown {
  if (!group) return null;
  const { rules: _rules, ...rest } = group;
  return rest;
}

function rulesOf(group: Resource | undefined): Map<string, Resource> {
  return new Map(((group?.['rules'] ?? []) as Resource[]).map((rule) => [String(rule['rule-id']), rule]));
}

function entriesOf(list: Resource | undefined): string[] {
  return (list?.['entries'] ?? []) as string[];
}

/** Everything that either has, by key: those of `a` in their order, then what only `b` has. */
function pairs<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): [string, T | undefined, T | undefined][] {
  return [...new Set([...a.keys(), ...b.keys()])].map((key) => [key, a.get(key), b.get(key)]);
}
