import { addSeals, lostPackets } from '../../shared/seal.ts';
import { NONE, STATUS_NODATA, STATUS_SKIPDATA } from '../../shared/records.ts';
import { statusRow, type StatusRow } from '../../shared/status-rows.ts';
import type { EniAttributes, WireSeal } from '../../shared/wire/wire-seal.ts';
import type { EniWindowCounts } from '../logstore/catalog.ts';
import type { Window } from '../logstore/window.ts';
import { covers, type Route, type Router } from './routing.ts';
import type { AgentWindow, WindowState } from './window-state.ts';

/** What all that one agent said of an ENI comes to in a window that may hold several of its own. */
export interface AgentStatus {
  readonly agentId: string;
  rows: number;
  /** null: it has sealed nothing. */
  seal: WireSeal | null;
  /** It was to seal, or sent rows, and no seal came for all or a part of the window. */
  isUnsealed: boolean;
  expected: EniAttributes | null;
  sealedSeconds: number;
}

export type EniStatuses = ReadonlyMap<string, readonly AgentStatus[]>;

/**
 * What the windows that lie in `target` say together, of each ENI that `routeOf` gives a route. An agent's part is
 * partial where it has not sealed all of the target's time, or where the flow logs asked for more than it recorded, or
 * not during all of it.
 */
export function rollUp(states: readonly WindowState[], target: Window, routeOf: (eniId: string, state: WindowState) => Pick<Route, 'trafficType' | 'isWhole'> | null): EniStatuses {
  const result = new Map<string, AgentStatus[]>();
  for (const state of states) {
    for (const [eniId, byAgent] of state.enis) {
      const route = routeOf(eniId, state);
      if (!route) continue;
      let together = result.get(eniId);
      if (!together) result.set(eniId, (together = []));
      for (const agent of byAgent.values()) addTo(together, agent, state.window.seconds, route);
    }
  }
  for (const agent of [...result.values()].flat()) {
    if (agent.seal && agent.sealedSeconds < target.seconds) agent.seal = { ...agent.seal, partial: true };
  }
  return result;
}

function addTo(together: AgentStatus[], agent: AgentWindow, seconds: number, { trafficType, isWhole }: Pick<Route, 'trafficType' | 'isWhole'>): void {
  let sum = together.find(({ agentId }) => agentId === agent.agentId);
  if (!sum) together.push((sum = { agentId: agent.agentId, rows: 0, seal: null, isUnsealed: false, expected: null, sealedSeconds: 0 }));
  sum.rows += agent.rows;
  sum.expected ??= agent.expected;
  if (!agent.seal) {
    sum.isUnsealed = true;
    return;
  }
  const isEnough = isWhole && (trafficType === null || covers(agent.seal.trafficType, trafficType));
  const seal = isEnough ? agent.seal : { ...agent.seal, partial: true };
  sum.seal = sum.seal ? addSeals(sum.seal, seal) : seal;
  sum.sealedSeconds += seconds;
}

/** Of the rows that the router sends to this LogStore's window. */
export function statusOf(logStore: string, target: Window, states: readonly WindowState[], router: Router): EniStatuses {
  return rollUp(states, target, (eniId, { window, enis }) => {
    const fallback = [...new Set([...enis.get(eniId)!.values()].flatMap((agent) => agent.logStores))];
    return router.routes(eniId, window, fallback).find((route) => route.logStore === logStore && route.windowSeconds === target.seconds) ?? null;
  });
}

/** A status row with all that it says of its ENI. */
export interface EniStatusRow extends StatusRow {
  readonly eniId: string;
  readonly agentId: string;
  readonly attributes: EniAttributes;
}

const UNKNOWN_ENI: EniAttributes = { vswitchId: null, vmId: null, vpcId: null, accountId: null, region: null };

function attributesOf({ vswitchId, vmId, vpcId, accountId, region }: WireSeal): EniAttributes {
  return { vswitchId, vmId, vpcId, accountId, region };
}

/** Whether nobody can say how much of the agent's part is missing: a seal is, or rows that its seals count and do not give up. */
function isPartUnknown({ rows, seal, isUnsealed }: AgentStatus): boolean {
  return seal === null || isUnsealed || rows < seal.records - seal.droppedRecords || seal.ringDrops === null || seal.gapPackets === null;
}

/** The status rows of one ENI: each agent speaks for itself. */
export function eniStatusRows(eniId: string, agents: readonly AgentStatus[]): EniStatusRow[] {
  const rows: EniStatusRow[] = [];
  for (const agent of agents) {
    const { agentId, seal, expected } = agent;
    const row = seal === null || isPartUnknown(agent) ? { status: STATUS_SKIPDATA, skippedPackets: NONE } : statusRow(seal);
    if (row) rows.push({ ...row, eniId, agentId, attributes: seal ? attributesOf(seal) : expected ?? UNKNOWN_ENI });
  }
  return rows;
}

/** Whether the window is complete for one ENI, as counts of one. */
export function eniCounts(agents: readonly AgentStatus[]): EniWindowCounts {
  const seals = agents.flatMap(({ seal }) => (seal ? [seal] : []));
  const lost = seals.reduce((sum, seal) => sum + lostPackets(seal), 0);
  const unknown = agents.some(isPartUnknown);
  const missing = seals.length === 0;
  const partial = !missing && (unknown || lost > 0 || seals.some((seal) => seal.partial));
  return {
    complete: missing || partial ? 0 : 1, partial: partial ? 1 : 0, missing: missing ? 1 : 0, lostPackets: lost, lossUnknown: unknown ? 1 : 0,
  };
}

/** Whether all agents have sealed the window and saw no traffic. */
export function isNoData(agents: readonly AgentStatus[]): boolean {
  return agents.length > 0 && agents.every(({ seal, isUnsealed }) => seal !== null && !isUnsealed && statusRow(seal)?.status === STATUS_NODATA);
}
