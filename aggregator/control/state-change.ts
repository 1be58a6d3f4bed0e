import type { FlowLog, LogStore, Topology } from '../../shared/topology/topology.ts';
import { Problem } from '../api/problem.ts';
import { accountOf, type ControlState, type ResourceDates } from './control-state.ts';
import { followFlowLogs } from './coverage.ts';
import { reportQueries, isReportQuery } from './report-queries.ts';
import { topologyDiff } from './topology-diff.ts';

export interface ControlSettings {
  /** Flow logs that there may be in a region. */
  readonly flowLogQuota: number;
}

export const DEFAULT_FLOW_LOG_QUOTA = 10;
/** Seconds; each divides the next, so that rows of a shorter window add up to those of a longer one. */
export const FLOW_LOG_WINDOWS: readonly number[] = [1, 5, 10, 30, 60, 300, 600];

/**
 * The state with this topology: dates, coverage and reports follow. Throws a Problem where a flow log may not be as
 * the topology has it.
 */
export function withTopology(state: ControlState, topology: Topology, now: Date, settings: ControlSettings): ControlState {
  checkFlowLogs(state, topology, settings);
  const reported = withReports(state, topology);
  const changes = topologyDiff(state.topology, reported.topology);
  if (changes.length === 0) return state;
  const dates: Record<string, ResourceDates> = { ...state.dates };
  const time = now.toISOString();
  for (const { kind, id, after } of changes) {
    const key = `${kind} ${id}`;
    if (after === null) delete dates[key];
    else dates[key] = { created: dates[key]?.created ?? time, updated: time };
  }
  return { ...reported, dates, coverage: followFlowLogs(state.coverage, reported.topology.flowLogs, now.getTime()) };
}

function checkFlowLogs({ topology: before, authorizations }: ControlState, after: Topology, { flowLogQuota }: ControlSettings): void {
  const known = new Map(before.flowLogs.map((flowLog) => [flowLog.flowLogId, flowLog]));
  const changed = after.flowLogs.filter((flowLog) => known.get(flowLog.flowLogId) !== flowLog);
  const created = changed.filter(({ flowLogId }) => !known.has(flowLogId));
  const account = accountOf(after);
  if (created.length > 0 && !authorizations.some(({ accountId }) => accountId === account)) {
    throw new Problem(403, `account ${account} has not allowed flow logs to write to LogStores; weir authorize (PUT /v1/authorization) does, once`,
      { type: 'urn:weir:problem:not-authorized' });
  }
  if (created.length > 0 && after.flowLogs.length > flowLogQuota) {
    throw new Problem(409, `there may be ${flowLogQuota} flow logs in a region, and there are ${before.flowLogs.length}; delete one, or start the collector with a higher --flow-log-quota`,
      { type: 'urn:weir:problem:flow-log-quota', quota: flowLogQuota });
  }
  for (const flowLog of changed) checkFlowLog(flowLog, after);
}

function checkFlowLog(flowLog: FlowLog, { flowLogs }: Topology): void {
  const { flowLogId, name, logStore, windowSeconds, analysisReport } = flowLog;
  const others = flowLogs.filter((other) => other.flowLogId !== flowLogId);
  const namesake = others.find((other) => other.name === name);
  if (namesake) throw new Problem(409, `flow log ${namesake.flowLogId} has the name ${JSON.stringify(name)} already; give another name`, { type: 'urn:weir:problem:name-taken', 'flow-log-id': namesake.flowLogId });
  if (!FLOW_LOG_WINDOWS.includes(windowSeconds)) {
    throw new Problem(422, `flow log ${name}: a window of ${windowSeconds} s; 60s, 300s and 600s are possible, and for tests ${FLOW_LOG_WINDOWS.filter((seconds) => seconds < 60).map((seconds) => `${seconds}s`).join(', ')}`,
      { type: 'urn:weir:problem:window' });
  }
  const reporting = analysisReport && others.find((other) => other.analysisReport && other.logStore === logStore);
  if (reporting) {
    throw new Problem(409, `LogStore ${logStore} has its analysis report already, by flow log ${reporting.flowLogId} (${reporting.name}); create this one without`, { type: 'urn:weir:problem:report-exists' });
  }
}

/** An analysis report makes its LogStore searchable and brings its queries; they go with it. */
function withReports(state: ControlState, topology: Topology): ControlState {
  const reporting = new Set(topology.flowLogs.filter(({ analysisReport }) => analysisReport).map(({ logStore }) => logStore));
  const before = new Set(state.topology.flowLogs.filter(({ analysisReport }) => analysisReport).map(({ logStore }) => logStore));
  const begun = [...reporting].filter((logStore) => !before.has(logStore));
  const ended = [...before].filter((logStore) => !reporting.has(logStore));
  if (begun.length === 0 && ended.length === 0) return { ...state, topology };
  const logStores = topology.logStores.map((store): LogStore => (begun.includes(store.name) && !store.search ? { ...store, search: true } : store));
  const kept = state.savedQueries.filter((query) => !ended.some((logStore) => isReportQuery(query, logStore)));
  return { ...state, topology: { ...topology, logStores }, savedQueries: [...kept, ...begun.flatMap(reportQueries)] };
}
