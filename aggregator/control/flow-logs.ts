import { randomBytes } from 'node:crypto';
import type { FlowLog, Topology } from '../../shared/topology/topology.ts';
import { Problem } from '../api/problem.ts';
import type { ControlState } from './control-state.ts';
import type { Outcome } from './control-store.ts';
import { coveredEnis } from './coverage.ts';
import { resourceDocument, resourceKind, withResource, type Resource } from './resource-kinds.ts';
import { withTopology, type ControlSettings } from './state-change.ts';

const FLOW_LOGS = resourceKind('flow-logs');

/** A flow log as the API shows it. */
export type FlowLogView = Resource & { readonly 'flow-log-id': string };

/** `given`: keys of the document's flow log, in its spelling. */
export function createFlowLog(given: Resource, settings: ControlSettings) {
  const flowLogId = `fl-${randomBytes(8).toString('hex')}`;
  return (state: ControlState, now: Date): Outcome<FlowLogView> => withFlowLog(state, { ...given, 'flow-log-id': flowLogId }, now, settings);
}

export function updateFlowLog(id: string, given: Resource, settings: ControlSettings) {
  return (state: ControlState, now: Date): Outcome<FlowLogView> => {
    const before = resourceDocument(FLOW_LOGS, findFlowLog(state, id));
    return withFlowLog(state, { ...before, ...given, 'flow-log-id': id }, now, settings);
  };
}

export function deleteFlowLog(id: string, settings: ControlSettings) {
  return (state: ControlState, now: Date): Outcome<null> => {
    findFlowLog(state, id);
    const topology = { ...state.topology, flowLogs: state.topology.flowLogs.filter(({ flowLogId }) => flowLogId !== id) };
    return { ...withTopology(state, topology, now, settings), answer: null };
  };
}

/** `sees`: whether the one who asks may know of the LogStore. */
export function findFlowLog({ topology: { flowLogs } }: ControlState, id: string, sees: (logStore: string) => boolean = () => true): FlowLog {
  const found = flowLogs.find(({ flowLogId, logStore }) => flowLogId === id && sees(logStore));
  if (!found) throw new Problem(404, `there is no flow log ${JSON.stringify(id.slice(0, 100))}; weir flow-log list shows those that there are`);
  return found;
}

export function flowLogView({ topology, dates }: ControlState, flowLog: FlowLog): FlowLogView {
  const view = resourceDocument(FLOW_LOGS, flowLog) as FlowLogView;
  const { created = null, updated = null } = dates.get(`flow-log ${flowLog.flowLogId}`) ?? {};
  return { ...view, 'region': topology.region, 'enis': coveredEnis(topology, flowLog.resourceType, flowLog.resourceId).length, created, updated };
}

function withFlowLog(state: ControlState, given: FlowLogView, now: Date, settings: ControlSettings): Outcome<FlowLogView> {
  requireLogStore(state.topology, String(given['logstore']));
  const topology = withResource(state.topology, FLOW_LOGS, given);
  const next = withTopology(state, topology, now, settings);
  return { ...next, answer: flowLogView(next.state, findFlowLog(next.state, given['flow-log-id'])) };
}

/** Said before everything else of the flow log is judged. */
function requireLogStore({ logStores }: Topology, logStore: string): void {
  if (logStores.some(({ name }) => name === logStore)) return;
  const known = logStores.slice(0, 10).map(({ name }) => name).join(', ');
  throw new Problem(422, `there is no LogStore ${JSON.stringify(logStore)}; ${known === '' ? '' : `there are ${known}; or `}create it: weir logstore create NAME`, { type: 'urn:weir:problem:no-such-logstore' });
}
