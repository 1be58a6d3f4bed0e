import type { Chart, SavedQuery } from './control-state.ts';

/** Dashboard, name, chart, query. `window_start` is the time that charts over time go by. */
const QUERIES: readonly (readonly [string, string, Chart, string])[] = [
  ['overview', 'Accepted and rejected', 'number', '* | SELECT coalesce(sum(packets) FILTER (WHERE action = \'ACCEPT\'), 0) AS accepted_packets, coalesce(sum(packets) FILTER (WHERE action = \'REJECT\'), 0) AS rejected_packets, coalesce(sum(bytes) FILTER (WHERE action = \'ACCEPT\'), 0) AS accepted_bytes, coalesce(sum(bytes) FILTER (WHERE action = \'REJECT\'), 0) AS rejected_bytes, count(*) AS records WHERE action IS NOT NULL'],
  ['overview', 'Accepted and rejected packets', 'line', '* | SELECT window_start, sum(packets) FILTER (WHERE action = \'ACCEPT\') AS accepted, sum(packets) FILTER (WHERE action = \'REJECT\') AS rejected GROUP BY window_start ORDER BY window_start LIMIT 2000'],
  ['overview', 'Bytes', 'line', '* | SELECT window_start, sum(bytes) FILTER (WHERE direction = \'in\') AS bytes_in, sum(bytes) FILTER (WHERE direction = \'out\') AS bytes_out GROUP BY window_start ORDER BY window_start LIMIT 2000'],
  ['overview', 'Bytes by ENI', 'bar', '* | SELECT eni_id, sum(bytes) AS bytes WHERE action IS NOT NULL GROUP BY eni_id ORDER BY bytes DESC LIMIT 20'],
  ['overview', 'Packets by protocol', 'pie', '* | SELECT protocol, sum(packets) AS packets WHERE protocol IS NOT NULL GROUP BY protocol ORDER BY packets DESC LIMIT 10'],
  ['rejections', 'Share of rejected packets', 'number', '* | SELECT round(100.0 * sum(packets) FILTER (WHERE action = \'REJECT\') / sum(packets), 2) AS percent WHERE action IS NOT NULL'],
  ['rejections', 'Sources', 'bar', 'action:REJECT | SELECT srcaddr, sum(packets) AS packets GROUP BY srcaddr ORDER BY packets DESC LIMIT 20'],
  ['rejections', 'Destination ports', 'bar', 'action:REJECT | SELECT dstport, protocol, sum(packets) AS packets GROUP BY dstport, protocol ORDER BY packets DESC LIMIT 20'],
  ['rejections', 'Rules', 'table', 'action:REJECT | SELECT sg_id, rule_id, rule_reason, sum(packets) AS packets, count(*) AS records GROUP BY sg_id, rule_id, rule_reason ORDER BY packets DESC LIMIT 50'],
  ['rejections', 'Over time', 'line', 'action:REJECT | SELECT window_start, sum(packets) AS packets GROUP BY window_start ORDER BY window_start LIMIT 2000'],
  ['top talkers', 'Sources', 'bar', '* | SELECT srcaddr, sum(bytes) AS bytes WHERE srcaddr IS NOT NULL GROUP BY srcaddr ORDER BY bytes DESC LIMIT 20'],
  ['top talkers', 'Destinations', 'bar', '* | SELECT dstaddr, sum(bytes) AS bytes WHERE dstaddr IS NOT NULL GROUP BY dstaddr ORDER BY bytes DESC LIMIT 20'],
  ['top talkers', 'Pairs', 'sankey', '* | SELECT srcaddr, dstaddr, sum(bytes) AS bytes WHERE srcaddr IS NOT NULL GROUP BY srcaddr, dstaddr ORDER BY bytes DESC LIMIT 30'],
  ['top talkers', 'Destination ports', 'bar', '* | SELECT dstport, protocol, sum(bytes) AS bytes WHERE dstport IS NOT NULL GROUP BY dstport, protocol ORDER BY bytes DESC LIMIT 20'],
];

/** What an analysis report puts beside the LogStore. */
export function reportQueries(logStore: string): SavedQuery[] {
  return QUERIES.map(([dashboard, name, chart, query], at) => ({
    id: `${reportPrefix(logStore)}${at + 1}`, name, description: '', logStore, query, chart, dashboard,
  }));
}

export function isReportQuery({ id }: SavedQuery, logStore: string): boolean {
  return id.startsWith(reportPrefix(logStore));
}

/** A LogStore's name holds no dot. */
function reportPrefix(logStore: string): string {
  return `report.${logStore}.`;
}
