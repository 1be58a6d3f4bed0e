import type { CompletenessPage, CompletenessSummary, FlowLog, LogStore, QueryRows } from '../../api/answers.ts';
import { ApiProblem, request } from '../../api/client.ts';

const DAY_SECONDS = 86_400;
/** A flow log of what is accepted has no part in what others of the LogStore record besides. */
const ACTIONS = { All: '', Allow: " AND action = 'ACCEPT'", Drop: " AND action = 'REJECT'" } as const;
const ID_COLUMNS = { ENI: 'eni_id', VSwitch: 'vswitch_id', VPC: 'vpc_id' } as const;

/** Of the LogStore that a flow log writes to. */
export interface StoreState {
  readonly lastDay: CompletenessSummary | null;
  /** Whether it may be asked for records at all. */
  readonly isSearchable: boolean;
  /** By id of the flow log, when the last packet of its records was seen; null: none in the last day, or it cannot be asked. */
  readonly lastRecords: ReadonlyMap<string, string | null>;
}

/** By LogStore: one question each about completeness and about the last records, for all flow logs that write to it. */
export async function storeStates(flowLogs: readonly FlowLog[], signal: AbortSignal): Promise<Map<string, StoreState>> {
  const { logstores: known } = await request<{ logstores: readonly LogStore[] }>('GET', '/v1/logstores', { signal });
  const logStores = [...new Set(flowLogs.map(({ logstore }) => logstore))];
  return new Map(await Promise.all(logStores.map(async (logStore): Promise<[string, StoreState]> => {
    const own = flowLogs.filter(({ logstore }) => logstore === logStore);
    const isSearchable = known.some(({ name, search }) => name === logStore && search);
    const [lastDay, lastRecords] = await Promise.all([orNull(lastDayOf(logStore, signal)), isSearchable ? orNull(lastRecordsOf(logStore, own, signal)) : null]);
    return [logStore, { lastDay, isSearchable, lastRecords: lastRecords ?? new Map() }];
  })));
}

/** The list is worth something without what one of its LogStores cannot tell. */
function orNull<T>(answer: Promise<T>): Promise<T | null> {
  return answer.catch((error: unknown) => {
    if (error instanceof ApiProblem && error.status !== 401) return null;
    throw error;
  });
}

async function lastDayOf(logStore: string, signal: AbortSignal): Promise<CompletenessSummary | null> {
  const to = Math.floor(Date.now() / 1000);
  const { summary } = await request<CompletenessPage>('GET', '/v1/completeness', { parameters: { logstore: logStore, from: to - DAY_SECONDS, to, limit: 1 }, signal });
  return summary;
}

async function lastRecordsOf(logStore: string, flowLogs: readonly FlowLog[], signal: AbortSignal): Promise<Map<string, string | null>> {
  const columns = flowLogs.map((flowLog, at) =>
    `max(last_seen) FILTER (WHERE ${ID_COLUMNS[flowLog['resource-type']]} = '${flowLog['resource-id'].replaceAll("'", "''")}'${ACTIONS[flowLog['traffic-type']]}) AS f${at}`);
  const answer = await request<QueryRows>('POST', `/v1/logstores/${encodeURIComponent(logStore)}/query`, {
    body: { query: `log-status:OK | SELECT ${columns.join(', ')}`, from: '-1d' }, signal,
  });
  return new Map(flowLogs.map((flowLog, at) => [flowLog['flow-log-id'], (answer.rows[0]?.[at] ?? null) as string | null]));
}
