import { addSeals } from '../../shared/seal.ts';
import type { EniAttributes, WireSeal } from '../../shared/wire/wire-seal.ts';
import type { JournalFrame } from '../journal/batch-frame.ts';
import { windowKey, type Window } from '../logstore/window.ts';

/** What is known of one agent's part in one ENI's window. */
export interface AgentWindow {
  readonly agentId: string;
  /** Rows received, before merging; its seal says how many there should be. */
  rows: number;
  /** All its seals of the window taken together; null: none came. */
  seal: WireSeal | null;
  /** LogStores that its batches named, for the case that no flow log has ever covered the ENI. */
  readonly logStores: string[];
  /** What the ENI belonged to, where a roll call expected this agent to seal the window; null: none did. */
  expected: EniAttributes | null;
}

/** What seals that were kept before an upgrade do not say. */
const UNSAID = { droppedRecords: 0, droppedPackets: 0, trafficType: 'All' } as const;

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
    for (const { eniId, ...agent } of agents) state.agentsOf(eniId).set(agent.agentId, { ...agent, expected: agent.expected ?? null, seal: agent.seal && { ...UNSAID, ...agent.seal } });
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
      for (const [eniId, rows] of contents.enis) this.sender(eniId, frame).rows += rows;
    }
    for (const sent of frame.seals) {
      if (windowKey({ start: sent.windowStart, seconds: sent.windowSeconds }) !== key) continue;
      const agent = this.sender(sent.eniId, frame);
      const seal = { ...UNSAID, ...sent };
      agent.seal = agent.seal ? addSeals(agent.seal, seal) : seal;
    }
    if (!frame.rollCall || windowKey(frame.rollCall) !== key) return;
    for (const { eniId, agentId, attributes } of frame.rollCall.expected) this.agent(eniId, agentId).expected = attributes;
  }

  private sender(eniId: string, { agent: agentId, logStore }: JournalFrame): AgentWindow {
    const agent = this.agent(eniId, agentId);
    if (logStore !== null && !agent.logStores.includes(logStore)) agent.logStores.push(logStore);
    return agent;
  }

  private agent(eniId: string, agentId: string): AgentWindow {
    const agents = this.agentsOf(eniId);
    let agent = agents.get(agentId);
    if (!agent) agents.set(agentId, (agent = { agentId, rows: 0, seal: null, logStores: [], expected: null }));
    return agent;
  }

  private agentsOf(eniId: string): Map<string, AgentWindow> {
    let agents = this.enis.get(eniId);
    if (!agents) this.enis.set(eniId, (agents = new Map()));
    return agents;
  }
}
