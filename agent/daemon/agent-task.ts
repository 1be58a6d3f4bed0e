import type { Topology } from '../../shared/topology/topology.ts';
import type { WatchList } from '../watched-enis.ts';

/** What the agent is to do now. */
export interface AgentTask {
  readonly topology: Topology;
  /** Of the rules. */
  readonly revision: number;
  readonly windowSeconds: number;
  /** null: every ENI, for the traffic type of the configuration. */
  readonly watch: WatchList;
}

/** Who gives the agent its tasks: its own files, or a collector. */
export interface TaskSource {
  /** What to begin with. Throws CONFIGURATION. */
  first(): AgentTask;
  /** Calls back with each other task, until `stop`. */
  start(onTask: (task: AgentTask) => void): void;
  /** What can be read again is. */
  reload(): void;
  stop(): Promise<void>;
}
