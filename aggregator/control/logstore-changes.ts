import { Problem } from '../api/problem.ts';
import type { ControlState } from './control-state.ts';
import type { Outcome } from './control-store.ts';
import { resourceView } from './inventory.ts';
import { findResource, resourceDocument, resourceKind, withResource, withoutResource, type Resource } from './resource-kinds.ts';
import { withTopology, type ControlSettings } from './state-change.ts';

const LOGSTORES = resourceKind('logstores');

export function createLogStore(given: Resource, settings: ControlSettings) {
  return (state: ControlState, now: Date): Outcome<Resource> => {
    const name = String(given['name']);
    if (findResource(state.topology, LOGSTORES, name)) throw new Problem(409, `there is a LogStore ${name} already; change it, or give another name`, { type: 'urn:weir:problem:name-taken' });
    return withLogStore(state, name, given, now, settings);
  };
}

export function updateLogStore(name: string, given: Resource, settings: ControlSettings) {
  return (state: ControlState, now: Date): Outcome<Resource> => {
    const known = findResource(state.topology, LOGSTORES, name);
    if (!known) throw noSuch(name);
    const reporting = state.topology.flowLogs.find(({ logStore, analysisReport }) => logStore === name && analysisReport);
    if (given['search'] === false && reporting) {
      throw new Problem(409, `flow log ${reporting.flowLogId} (${reporting.name}) has its analysis report in ${name}, which needs search; turn the report off first`,
        { 'type': 'urn:weir:problem:in-use', 'flow-log-id': reporting.flowLogId });
    }
    return withLogStore(state, name, { ...resourceDocument(LOGSTORES, known), ...given }, now, settings);
  };
}

/** Its records go too: `hasData` is true for one that came to be by batches that named it. */
export function deleteLogStore(name: string, hasData: boolean, settings: ControlSettings) {
  return (state: ControlState, now: Date): Outcome<null> => {
    const isKnown = findResource(state.topology, LOGSTORES, name) !== null;
    // asked again, because its data could not be deleted at once
    if (!isKnown && state.droppedLogStores.includes(name)) return { state, changes: [], answer: null };
    if (!isKnown && !hasData) throw noSuch(name);
    const user = state.topology.flowLogs.find(({ logStore }) => logStore === name);
    if (user) {
      throw new Problem(409, `flow log ${user.flowLogId} (${user.name}) writes to ${name}; delete it first, or give it another LogStore`,
        { 'type': 'urn:weir:problem:in-use', 'flow-log-id': user.flowLogId });
    }
    const { state: next, changes } = isKnown
      ? withTopology(state, withoutResource(state.topology, LOGSTORES, name), now, settings)
      : { state, changes: [{ kind: 'logstore', id: name, before: { name }, after: null }] };
    return {
      state: {
        ...next,
        // what is still on its way there has no place any more
        coverage: next.coverage.filter(({ logStore }) => logStore !== name),
        savedQueries: next.savedQueries.filter(({ logStore }) => logStore !== name),
        droppedLogStores: [...next.droppedLogStores, name],
      },
      changes, answer: null,
    };
  };
}

/** Their data is deleted. */
export function logStoresDropped(names: readonly string[]) {
  return (state: ControlState): Outcome<null> => {
    const left = state.droppedLogStores.filter((name) => !names.includes(name));
    return { state: left.length === state.droppedLogStores.length ? state : { ...state, droppedLogStores: left }, changes: [], answer: null };
  };
}

function withLogStore(state: ControlState, name: string, given: Resource, now: Date, settings: ControlSettings): Outcome<Resource> {
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  const topology = withResource(state.topology, LOGSTORES, present);
  const next = withTopology(state, topology, now, settings);
  return { ...next, answer: resourceView(next.state, LOGSTORES, name) };
}

function noSuch(name: string): Problem {
  return new Problem(404, `there is no LogStore ${JSON.stringify(name)}; weir logstore list shows those that there are`, { type: 'urn:weir:problem:unknown-logstore' });
}
