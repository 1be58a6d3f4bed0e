import { referenceProblems, parseTopology } from '../../shared/topology/parse.ts';
import type { Topology } from '../../shared/topology/topology.ts';
import { Problem } from '../api/problem.ts';
import type { ControlState } from './control-state.ts';
import type { Outcome } from './control-store.ts';
import { resourceDocument, resourcesOf, withResource, withoutResource, type Resource, type ResourceKind } from './resource-kinds.ts';
import { withTopology, type ControlSettings } from './state-change.ts';
import { topologyDiff, type ResourceChange } from './topology-diff.ts';

/**
 * Brings the inventory to what a document says. What the document does not name stays, or goes where `prune` is true
 * and the document lists its kind. Throws ConfigurationError with everything that is wrong.
 */
export function applyDocument(text: string, source: string, prune: boolean, settings: ControlSettings) {
  return (state: ControlState, now: Date): Outcome<readonly ResourceChange[]> => {
    const topology = parseTopology(text, source, { base: state.topology, prune });
    checkReferences(topology);
    const next = withTopology(state, topology, now, settings);
    return { state: next, answer: topologyDiff(state.topology, next.topology) };
  };
}

/** Creates a resource, or makes it what `given` says. */
export function putResource(kind: ResourceKind, id: string, given: Resource, settings: ControlSettings) {
  return (state: ControlState, now: Date): Outcome<{ readonly resource: Resource; readonly isNew: boolean }> => {
    const named = given[kind.idKey];
    if (named !== undefined && named !== id) throw new Problem(422, `${kind.idKey} is ${JSON.stringify(named)}, but the address names ${id}; leave it out, or use the same`);
    const isNew = !resourcesOf(state.topology, kind).has(id);
    const topology = withResource(state.topology, kind, { ...given, [kind.idKey]: id });
    const next = withTopology(state, topology, now, settings);
    return { state: next, answer: { resource: resourceView(next, kind, id), isNew } };
  };
}

/** Refuses where something refers to it. */
export function deleteResource(kind: ResourceKind, id: string, settings: ControlSettings) {
  return (state: ControlState, now: Date): Outcome<null> => {
    requireResource(state.topology, kind, id);
    const topology = withoutResource(state.topology, kind, id);
    const problems = referenceProblems(topology);
    if (problems.length > 0) {
      throw new Problem(409, `${kind.name} ${id} is still referred to, by ${problems.length} others: ${problems.slice(0, 3).join('; ')}; change or delete those first`,
        { type: 'urn:weir:problem:in-use', references: problems.slice(0, 100) });
    }
    return { state: withTopology(state, topology, now, settings), answer: null };
  };
}

export function resourceView({ topology, dates }: ControlState, kind: ResourceKind, id: string): Resource {
  const { created = null, updated = null } = dates[`${kind.name} ${id}`] ?? {};
  return { ...resourceDocument(kind, requireResource(topology, kind, id)), created, updated };
}

function requireResource(topology: Topology, kind: ResourceKind, id: string): object {
  const item = resourcesOf(topology, kind).get(id);
  if (!item) throw new Problem(404, `there is no ${kind.name} ${JSON.stringify(id.slice(0, 100))}`);
  return item;
}

/** After a prune something may refer to what has gone. parseTopology has told what the document itself gets wrong. */
function checkReferences(topology: Topology): void {
  const problems = referenceProblems(topology);
  if (problems.length > 0) throw new Problem(422, problems.slice(0, 20).join('\n'));
}
