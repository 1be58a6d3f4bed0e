import { referenceProblems } from '../../shared/topology/topology-document.ts';
import type { Topology } from '../../shared/topology/topology.ts';
import { Problem } from '../api/problem.ts';
import type { ControlState } from './control-state.ts';
import type { Outcome } from './control-store.ts';
import { topologyWithDocument, type DocumentJob } from './document-process.ts';
import { findResource, resourceDocument, withResource, withoutResource, type Resource, type ResourceKind } from './resource-kinds.ts';
import { withTopology, type ControlSettings } from './state-change.ts';
import type { ResourceChange } from './topology-diff.ts';

/**
 * Brings the inventory to what a document says. What the document does not name stays, or goes where it is to be
 * pruned and the document lists its kind. Throws ConfigurationError with everything that is wrong.
 */
export function applyDocument(document: DocumentJob, settings: ControlSettings) {
  return async (state: ControlState, now: Date): Promise<Outcome<readonly ResourceChange[]>> => {
    const topology = await topologyWithDocument(state.topology, document);
    const next = withTopology(state, topology, now, settings);
    return { ...next, answer: next.changes };
  };
}

/** Creates a resource, or makes it what `given` says. */
export function putResource(kind: ResourceKind, id: string, given: Resource, settings: ControlSettings) {
  return (state: ControlState, now: Date): Outcome<{ readonly isNew: boolean }> => {
    const named = given[kind.idKey];
    if (named !== undefined && named !== id) throw new Problem(422, `${kind.idKey} is ${JSON.stringify(named)}, but the address names ${id}; leave it out, or use the same`);
    const isNew = findResource(state.topology, kind, id) === null;
    const topology = withResource(state.topology, kind, { ...given, [kind.idKey]: id });
    return { ...withTopology(state, topology, now, settings), answer: { isNew } };
  };
}

/** Refuses where something refers to it. */
export function deleteResource(kind: ResourceKind, id: string, settings: ControlSettings) {
  return (state: ControlState, now: Date): Outcome<null> => {
    requireResource(state.topology, kind, id);
    const topology = withoutResource(state.topology, kind, id);
    const problems = referenceProblems(topology);
    if (problems.length > 0) {
      const references = problems.slice(0, 100).map(({ path }) => path);
      throw new Problem(409, `${kind.name} ${id} is still referred to by ${references.slice(0, 3).join('; ')}${problems.length > 3 ? `; and ${problems.length - 3} more` : ''}: change or delete those first`,
        { type: 'urn:weir:problem:in-use', references });
    }
    return { ...withTopology(state, topology, now, settings), answer: null };
  };
}

export function resourceView({ topology, dates }: ControlState, kind: ResourceKind, id: string, item = requireResource(topology, kind, id)): Resource {
  const { created = null, updated = null } = dates.get(`${kind.name} ${id}`) ?? {};
  return { ...resourceDocument(kind, item), created, updated };
}

function requireResource(topology: Topology, kind: ResourceKind, id: string): object {
  const item = findResource(topology, kind, id);
  if (!item) throw new Problem(404, `there is no ${kind.name} ${JSON.stringify(id.slice(0, 100))}`);
  return item;
}
