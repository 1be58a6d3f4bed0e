import { isDeepStrictEqual } from 'node:util';
import type { Resource } from './resource-kinds.ts';
import type { RuleSet } from './rule-set.ts';

/** One thing that is different between two revisions. */
export interface RuleChange {
  readonly kind: 'security-group' | 'rule' | 'prefix-list' | 'entry' | 'eni';
  /** Of the group, prefix list or ENI. */
  readonly id: string;
  /** Of the rule; the entry; null: the group, list or ENI itself. */
  readonly item: string | null;
  readonly before: unknown;
  readonly after: unknown;
}

/** What became different from `a` to `b`. */
export function ruleDiff(a: RuleSet, b: RuleSet): RuleChange[] {
  return [
    ...pairs(a.securityGroups, b.securityGroups).flatMap(([id, before, after]) => groupChanges(id, before, after)),
    ...pairs(a.prefixLists, b.prefixLists).flatMap(([id, before, after]) => listChanges(id, before, after)),
    ...pairs(a.enis, b.enis).flatMap(([id, before, after]) => change('eni', id, null, before, after)),
  ];
}

function groupChanges(id: string, before: Resource | undefined, after: Resource | undefined): RuleChange[] {
  const [old, now] = [rulesOf(before), rulesOf(after)];
  const order = [...now.keys()];
  const isOrderTold = before && after && !isDeepStrictEqual([...[...old.keys()].filter((ruleId) => now.has(ruleId)), ...order.filter((ruleId) => !old.has(ruleId))], order);
  const head = (group: Resource | undefined, rules: ReadonlyMap<string, Resource>): Resource | undefined => {
    if (!group) return undefined;
    const { rules: _rules, ...rest } = group;
    // decides between rules of one priority
    return isOrderTold ? { ...rest, 'rule-order': [...rules.keys()] } : rest;
  };
  return [
    ...change('security-group', id, null, head(before, old), head(after, now)),
    ...pairs(old, now).flatMap(([ruleId, earlier, later]) => change('rule', id, ruleId, earlier, later)),
  ];
}

function listChanges(id: string, before: Resource | undefined, after: Resource | undefined): RuleChange[] {
  const entries = (list: Resource | undefined): ReadonlyMap<string, string> => new Map(((list?.['entries'] ?? []) as string[]).map((entry) => [entry, entry]));
  return [
    ...change('prefix-list', id, null, before?.['name'], after?.['name']),
    ...pairs(entries(before), entries(after)).flatMap(([entry, earlier, later]) => change('entry', id, entry, earlier, later)),
  ];
}

function change(kind: RuleChange['kind'], id: string, item: string | null, before: unknown = null, after: unknown = null): RuleChange[] {
  return isDeepStrictEqual(before, after) ? [] : [{ kind, id, item, before, after }];
}

function rulesOf(group: Resource | undefined): ReadonlyMap<string, Resource> {
  return new Map(((group?.['rules'] ?? []) as Resource[]).map((rule) => [String(rule['rule-id']), rule]));
}

/** Everything that either has, by key: those of `a` in their order, then what only `b` has. */
function pairs<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): [string, T | undefined, T | undefined][] {
  return [...new Set([...a.keys(), ...b.keys()])].map((key) => [key, a.get(key), b.get(key)]);
}
