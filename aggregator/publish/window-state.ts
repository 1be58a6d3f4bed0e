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
  /** LogStores that its batches named, for the case that no flow log has covered the ENI yet. */
  readonly logStores: string[];
  /** Epoch and number of its newest batch here; absent where an earlier build wrote it. */
  last?: readonly [epoch: number, sequence: number];
  /** What the ENI belonged to, where a roll call expected this agent to seal the window; null: none did. */
  expected: EniAttributes | null;
}

/** What seals that were kept before an upgrade do not say. */
const UNSAID = { droppedRecords: 0, droppedPackets: 0, trafficType: 'All' } as const;

interface StateDocument {
  readonly window: Window;
  readonly agents: readonly (AgentWindow & { readonly eniId: string })[];
  /** Absent where an earlier build wrote it. */
  readonly frames?: readonly number[];
  readonly replaces?: readonly string[];
}

/**
 * The seals of one window, of all ENIs: kept beside the LogStores' files, because a late seal changes what the window's
 * status rows say.
 */
export class WindowState {
  readonly window: Window;
  /** By ENI, then agent. */
  readonly enis = new Map<string, Map<string, AgentWindow>>();
  /** Of the journal's frames that were not given up when the state was written: those that are published for this window. */
  readonly frames = new Set<number>();
  /** Files that the publication which wrote this one made superfluous; one of its states names them. */
  replaces: readonly string[] = [];

  constructor(window: Window) {
    this.window = window;
  }

  static parse(json: string): WindowState {
    const { window, agents, frames = [], replaces = [] } = JSON.parse(json) as StateDocument;
    const state = new WindowState(window);
    state.replaces = replaces;
    for (const frame of frames) state.frames.add(frame);
    for (const { eniId, ...agent } of agents) state.agentsOf(eniId).set(agent.agentId, { ...agent, expected: agent.expected ?? null, seal: agent.seal && { ...UNSAID, ...agent.seal } });
    return state;
  }

  /** Where the file was damaged, nothing is known of the window. */
  static parseOrEmpty(json: string, window: Window): WindowState {
    try {
      return WindowState.parse(json);
    } catch {
      return new WindowState(window);
    }
  }

  toJson(): string {
    const agents = [...this.enis].flatMap(([eniId, byAgent]) => [...byAgent.values()].map((agent) => ({ eniId, ...agent })));
    return `${JSON.stringify({ window: this.window, agents, frames: [...this.frames], replaces: this.replaces })}\n`;
  }

  /** Takes in what a frame says of this window. */
  add(frame: JournalFrame): void {
    const key = windowKey(this.window);
    this.frames.add(frame.frame);
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

  private sender(eniId: string, { agent: agentId, logStore, epoch, sequence }: JournalFrame): AgentWindow {
    const agent = this.agent(eniId, agentId);
    const [lastEpoch, lastSequence] = agent.last ?? [-1, 0];
    if (epoch > lastEpoch || (epoch === lastEpoch && sequence > lastSequence)) agent.last = [epoch, sequence];
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
