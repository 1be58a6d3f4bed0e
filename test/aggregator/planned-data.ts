import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EMPTY_STATE } from '../../aggregator/control/control-state.ts';
import { followFlowLogs } from '../../aggregator/control/coverage.ts';
import type { WatchSpan } from '../../aggregator/control/spans.ts';
import { stateText } from '../../aggregator/control/state-file.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import type { Topology } from '../../shared/topology/topology.ts';

export interface PlannedData {
  /** An inventory document. */
  readonly inventory: string;
  /** Its flow logs are so old: they cover windows of the past too. */
  readonly sinceMs?: number;
  /** In the place of what the flow logs say; 1 s is too short for a document. */
  readonly windowSeconds?: number;
  /** Agents that have enrolled. */
  readonly agents?: readonly string[];
  readonly watches?: readonly WatchSpan[];
}

/** Makes a data directory in which everything of the plan has been decided before. */
export function writePlannedData(data: string, { inventory, sinceMs = 0, windowSeconds, agents = [], watches }: PlannedData): void {
  const parsed = parseTopology(inventory, 'inventory');
  const topology: Topology = windowSeconds === undefined ? parsed : { ...parsed, flowLogs: parsed.flowLogs.map((flowLog) => ({ ...flowLog, windowSeconds })) };
  const control = join(data, 'control');
  mkdirSync(control, { recursive: true });
  const write = (name: string, value: unknown): void => writeFileSync(join(control, name), JSON.stringify(value));
  writeFileSync(join(control, 'state.json'), stateText({ ...EMPTY_STATE, topology, coverage: followFlowLogs([], topology.flowLogs, sinceMs) }));
  write('agents.json', agents.map((agentId) => ({ agentId, created: new Date(sinceMs).toISOString(), isRevoked: false, report: null, lastSeenMs: Date.now() })));
  if (watches) write('watches.json', watches);
}
