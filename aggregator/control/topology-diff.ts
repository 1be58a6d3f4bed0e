import { isDeepStrictEqual } from 'node:util';
import type { Topology } from '../../shared/topology/topology.ts';
import { RESOURCE_KINDS, resourceDocument, resourcesOf, type Resource } from './resource-kinds.ts';

/** One resource before and after; null: it is not there. */
export interface ResourceChange {
  readonly kind: string;
  readonly id: string;
  readonly before: Resource | null;
  readonly after: Resource | null;
}

/** What is different, in the order in which the kinds refer to each other. */
export function topologyDiff(before: Topology, after: Topology): ResourceChange[] {
  const changes: ResourceChange[] = [];
  if (before.accountId !== after.accountId || before.region !== after.region) {
    const of = ({ accountId, region }: Topology): Resource => ({ 'account-id': accountId, region });
    changes.push({ kind: 'account', id: after.accountId ?? 'default', before: of(before), after: of(after) });
  }
  for (const kind of RESOURCE_KINDS) {
    if (before[kind.list] === after[kind.list]) continue;
    const old = resourcesOf(before, kind);
    for (const [id, item] of resourcesOf(after, kind)) {
      const known = old.get(id);
      old.delete(id);
      if (known === item || isDeepStrictEqual(known, item)) continue;
      changes.push({ kind: kind.name, id, before: known ? resourceDocument(kind, known) : null, after: resourceDocument(kind, item) });
    }
    for (const [id, item] of old) changes.push({ kind: kind.name, id, before: resourceDocument(kind, item), after: null });
  }
  return changes;
}
