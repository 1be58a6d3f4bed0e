import { addSeals, lostPackets, type Seal } from '../../shared/seal.ts';
import { NONE, STATUS_SKIPDATA } from '../../shared/records.ts';
import { statusRow, type StatusRow } from '../../shared/status-rows.ts';
import type { EniAttributes, WireSeal } from '../../shared/wire/wire-seal.ts';
import type { JournalFrame } from '../journal/batch-frame.ts';
import type { EniWindowCounts } from '../logstore/catalog.ts';
import { windowKey, type Window } from '../logstore/window.ts';

/** What one agent has said of one ENI in one window. */
export interface AgentWindow {
  readonly agentId: string;
  /** Rows received, before merging; its seal says how many there should be. */
  rows: number;
  /** All its seals of the window taken together; null: it sent rows and no seal. */
  seal: WireSeal | null;
  /** LogStores that its batches named, for the case that no flow log covers the ENI. */
  readonly logStores: string[];
}

/**
 * The seals of one window, of all ENIs: kept beside the LogStores' files, because a late seal changes what the window's
 * status rows say.
 */
export class WindowState {
  readonly window: Window;
  /** By ENI, then agent. */
  readonly enis = new Map<string, Map<string, AgentWindow>>();

  constructor(window: Window) {
    this.window = window;
  }

  static parse(json: string): WindowState {
    const { window, agents } = JSON.parse(json) as { window: Window; agents: (AgentWindow & { eniId: string })[] };
    const state = new WindowState(window);
    for (const { eniId, ...agent } of agents) state.agentsOf(eniId).set(agent.agentId, agent);
    return state;
  }

  toJson(): string {
    const agents = [...this.enis].flatMap(([eniId, byAgent]) => [...byAgent.values()].map((agent) => ({ eniId, ...agent })));
    return `${JSON.stringify({ window: this.window, agents })}\n`;
  }

  /** Takes in what a frame says of this window. */
  add(frame: JournalFrame): void {
    const key = windowKey(this.window);
    for (const contents of frame.windows) {
      if (windowKey(contents) !== key) continue;
      for (const [eniId, rows] of contents.enis) this.agent(eniId, frame).rows += rows;
    }
    for (const seal of frame.seals) {
      if (windowKey({ start: seal.windowStart, seconds: seal.windowSeconds }) !== key) continue;
      const agent = this.agent(seal.eniId, frame);
      agent.seal = agent.seal ? addSeals(agent.seal, seal) : seal;
    }
  }

  private agent(eniId: string, { agent: agentId, logStore }: JournalFrame): AgentWindow {
    const agents = this.agentsOf(eniId);
    let agent = agents.get(agentId);
    if (!agent) agents.set(agentId, (agent = { agentId, rows: 0, seal: null, logStores: [] }));
    if (!agent.logStores.includes(logStore)) agent.logStores.push(logStore);
    return agent;
  }

  private agentsOf(eniId: string): Map<string, AgentWindow> {
    let agents = this.enis.get(eniId);
    if (!agents) this.enis.set(eniId, (agents = new Map()));
    return agents;
  }
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

/** Whether nobody can say how much of the agent's part is missing: it sent no seal, or not all rows that its seal counts are here. */
function isPartUnknown({ rows, seal }: AgentWindow): boolean {
  return seal === null || rows < seal.records || seal.ringDrops === null || seal.gapPackets === null;
}

/** The status rows of one ENI: each agent speaks for itself. */
export function eniStatusRows(eniId: string, agents: readonly AgentWindow[]): EniStatusRow[] {
  const rows: EniStatusRow[] = [];
  for (const agent of agents) {
    const { agentId, seal } = agent;
    const row = seal === null || isPartUnknown(agent) ? { status: STATUS_SKIPDATA, skippedPackets: NONE } : statusRow(seal);
    if (row) rows.push({ ...row, eniId, agentId, attributes: seal ? attributesOf(seal) : UNKNOWN_ENI });
  }
  return rows;
}

/** Whether the window is complete for one ENI, as counts of one. */
export function eniCounts(agents: readonly AgentWindow[]): EniWindowCounts {
  const seals = agents.flatMap(({ seal }) => (seal ? [seal] : []));
  const lost = seals.reduce((sum, seal) => sum + lostPackets(seal), 0);
  const unknown = agents.some(isPartUnknown);
  const missing = seals.length === 0;
  const partial = !missing && (unknown || lost > 0 || seals.some((seal: Seal) => seal.partial));
  return {
    complete: missing || partial ? 0 : 1, partial: partial ? 1 : 0, missing: missing ? 1 : 0, lostPackets: lost, lossUnknown: unknown ? 1 : 0,
  };
}

/**
 * What the windows that lie in `target` say together, of each ENI that `includes` accepts. An agent that has not sealed
 * all of the target's time makes it partial.
 */
export function rollUp(
  states: readonly WindowState[], target: Window, includes: (eniId: string, state: WindowState, agents: readonly AgentWindow[]) => boolean,
): Map<string, AgentWindow[]> {
  const result = new Map<string, AgentWindow[]>();
  const sealedSeconds = new Map<AgentWindow, number>();
  for (const state of states) {
    for (const [eniId, byAgent] of state.enis) {
      if (!includes(eniId, state, [...byAgent.values()])) continue;
      let together = result.get(eniId);
      if (!together) result.set(eniId, (together = []));
      for (const agent of byAgent.values()) {
        let sum = together.find(({ agentId }) => agentId === agent.agentId);
        if (!sum) together.push((sum = { agentId: agent.agentId, rows: 0, seal: null, logStores: [] }));
        sum.rows += agent.rows;
        if (!agent.seal) continue;
        sum.seal = sum.seal ? addSeals(sum.seal, agent.seal) : agent.seal;
        sealedSeconds.set(sum, (sealedSeconds.get(sum) ?? 0) + state.window.seconds);
      }
    }
  }
  for (const [agent, seconds] of sealedSeconds) {
    if (seconds < target.seconds) agent.seal = { ...agent.seal!, partial: true };
  }
  return result;
}
