import { isDeepStrictEqual } from 'node:util';
import type { Topology } from '../../shared/topology/topology.ts';
import { RESOURCE_KINDS, resourcesOf, type Listed } from './resource-kinds.ts';

/** What makes one topology of another. Can travel as JSON. */
export interface TopologyDelta extends Pick<Topology, 'accountId' | 'region'> {
  readonly lists: Partial<Record<Listed, ListDelta>>;
}

interface ListDelta {
  /** Items that are new, or different. */
  readonly set: readonly object[];
  readonly removed: readonly string[];
}

export function topologyDelta(before: Topology, after: Topology): TopologyDelta {
  const lists: Partial<Record<Listed, ListDelta>> = {};
  for (const kind of RESOURCE_KINDS) {
    if (before[kind.list] === after[kind.list]) continue;
    const old = resourcesOf(before, kind);
    const set: object[] = [];
    for (const [id, item] of resourcesOf(after, kind)) {
      const known = old.get(id);
      old.delete(id);
      if (known !== item && !isDeepStrictEqual(known, item)) set.push(item);
    }
    if (set.length > 0 || old.size > 0) lists[kind.list] = { set, removed: [...old.keys()] };
  }
  return { accountId: after.accountId, region: after.region, lists };
}

/** In the order of `before`, new items behind; what is not in the delta stays the same object. */
export function withDelta(before: Topology, { accountId, region, lists }: TopologyDelta): Topology {
  const next: Record<string, unknown> = { ...before, accountId, region };
  for (const kind of RESOURCE_KINDS) {
    const delta = lists[kind.list];
    if (!delta) continue;
    const removed = new Set(delta.removed);
    const items = resourcesOf(before, kind);
    for (const id of removed) items.delete(id);
    for (const item of delta.set) items.set((item as Record<string, string>)[kind.idProperty]!, item);
    next[kind.list] = [...items.values()];
  }
  return next as unknown as Topology;
}
