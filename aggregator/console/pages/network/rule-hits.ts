import type { CompletenessSummary, QueryRows } from '../../api/answers.ts';
import { request } from '../../api/client.ts';

export interface RuleHits {
  /** Packets that it decided itself. */
  readonly packets: number | string;
  /** Packets of connections that it opened, the other way. */
  readonly replies: number | string;
  /** RFC 3339. */
  readonly last: string | null;
}

export interface GroupHits {
  /** By rule id; of the inner access: null. */
  readonly rules: ReadonlyMap<string | null, RuleHits>;
  readonly completeness: CompletenessSummary;
}

/** What the records of a LogStore say about the rules of a group. */
export async function groupHits({ logStore, groupId, from, to, signal }: { logStore: string; groupId: string; from: number; to: number; signal: AbortSignal }): Promise<GroupHits> {
  const quoted = `"${groupId.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const query = `sg-id:${quoted} | SELECT rule_id, CAST(sum(packets) FILTER (WHERE rule_reason <> 'established') AS VARCHAR) AS packets, `
    + "CAST(sum(packets) FILTER (WHERE rule_reason = 'established') AS VARCHAR) AS replies, max(last_seen) FILTER (WHERE rule_reason <> 'established') AS last GROUP BY rule_id LIMIT 100000";
  const answer = await request<QueryRows>('POST', `/v1/logstores/${encodeURIComponent(logStore)}/query`, { body: { query, from, to }, signal });
  const rules = answer.rows.map(([ruleId, packets, replies, last]): [string | null, RuleHits] =>
    [ruleId as string | null, { packets: packets as string ?? 0, replies: replies as string ?? 0, last: last as string | null }]);
  return { rules: new Map(rules), completeness: answer.completeness };
}
