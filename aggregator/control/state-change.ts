import type { FlowLog, LogStore, Topology } from '../../shared/topology/topology.ts';
import { Problem } from '../api/problem.ts';
import { accountOf, type ControlState } from './control-state.ts';
import type { Outcome } from './control-store.ts';
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
export function withTopology(before: ControlState, topology: Topology, now: Date, settings: ControlSettings): Pick<Outcome<unknown>, 'state' | 'changes'> {
  const state = withNamedAccount(before, topology);
  checkFlowLogs(state, topology, settings);
  const reported = withReports(state, topology);
  const changes = topologyDiff(state.topology, reported.topology);
  if (changes.length === 0) return { state: before, changes };
  const dropped = changes.find(({ kind, id, before: known }) => kind === 'logstore' && known === null && state.droppedLogStores.includes(id));
  if (dropped) throw new Problem(409, `LogStore ${dropped.id} is still being deleted; try again in a moment, or give another name`, { type: 'urn:weir:problem:being-deleted' });
  const dates = new Map(state.dates);
  const time = now.toISOString();
  for (const { kind, id, after } of changes) {
    const key = `${kind} ${id}`;
    if (after === null) dates.delete(key);
    else dates.set(key, { created: dates.get(key)?.created ?? time, updated: time });
  }
  return { state: { ...reported, dates, coverage: followFlowLogs(state.coverage, reported.topology.flowLogs, now.getTime()) }, changes };
}

/** An account that gets a name stays the same: what it has authorized still holds. */
function withNamedAccount(state: ControlState, { accountId }: Topology): ControlState {
  if (accountId === null || state.topology.accountId !== null) return state;
  const unnamed = accountOf(state.topology);
  return { ...state, authorizations: state.authorizations.map((known) => (known.accountId === unnamed ? { ...known, accountId } : known)) };
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
  if (namesake) throw new Problem(409, `flow log ${namesake.flowLogId} has the name ${JSON.stringify(name)} already; give another name`, { 'type': 'urn:weir:problem:name-taken', 'flow-log-id': namesake.flowLogId });
  if (!FLOW_LOG_WINDOWS.includes(windowSeconds)) {
    throw new Problem(422, `flow log ${name}: a window of ${windowSeconds} s; 60s, 300s and 600s are possible, and for tests ${FLOW_LOG_WINDOWS.filter((seconds) => seconds < 60).map((seconds) => `${seconds}s`).join(', ')}`,
      { type: 'urn:weir:problem:window' });
  }
  const reporting = analysisReport && others.find((other) => other.analysisReport && other.logStore === logStore);
  if (reporting) {
    throw new Problem(409, `LogStore ${logStore} has its analysis report already, by flow log ${reporting.flowLogId} (${reporting.name}); create this one without`, { 'type': 'urn:weir:problem:report-exists', 'flow-log-id': reporting.flowLogId });
  }
}

/** A LogStore with an analysis report is searchable; the report brings its queries, and takes them with it. */
function withReports(state: ControlState, topology: Topology): ControlState {
  const reporting = reportingLogStores(topology);
  const before = reportingLogStores(state.topology);
  const logStores = topology.logStores.some(({ name, search }) => !search && reporting.has(name))
    ? topology.logStores.map((store): LogStore => (reporting.has(store.name) ? { ...store, search: true } : store))
    : topology.logStores;
  const begun = [...reporting].filter((logStore) => !before.has(logStore));
  const ended = [...before].filter((logStore) => !reporting.has(logStore));
  const kept = state.savedQueries.filter((query) => !ended.some((logStore) => isReportQuery(query, logStore)));
  const savedQueries = begun.length === 0 && ended.length === 0 ? state.savedQueries : [...kept, ...begun.flatMap(reportQueries)];
  return { ...state, topology: { ...topology, logStores }, savedQueries };
}

function reportingLogStores({ flowLogs }: Topology): Set<string> {
  return new Set(flowLogs.filter(({ analysisReport }) => analysisReport).map(({ logStore }) => logStore));
}
