import { WeirError } from '../../shared/errors.ts';
import { DEFAULT_TOPOLOGY } from '../../shared/topology/topology.ts';
import type { AgentConfiguration } from '../config/agent-configuration.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { OutputLog } from './agent-output.ts';
import type { AgentTask, TaskSource } from './agent-task.ts';
import { interfaceTopology } from './capture-plan.ts';
import type { StateDirectory } from './state-directory.ts';
import { TopologyFile } from './topology-file.ts';

/** The tasks of an agent that nobody manages: a topology file, followed as it changes, or interfaces that were named. */
export class LocalTasks implements TaskSource {
  private readonly configuration: AgentConfiguration;
  private readonly state: StateDirectory;
  private readonly metrics: AgentMetrics;
  private readonly log: OutputLog;
  private readonly file: TopologyFile | null;
  private revision = 0;
  private onTask: (task: AgentTask) => void = () => {};

  constructor(configuration: AgentConfiguration, state: StateDirectory, metrics: AgentMetrics, log: OutputLog) {
    this.configuration = configuration;
    this.state = state;
    this.metrics = metrics;
    this.log = log;
    this.file = configuration.topology === null ? null : new TopologyFile(configuration.topology);
  }

  first(): AgentTask {
    const task = this.read();
    this.revision = task.revision;
    return task;
  }

  start(onTask: (task: AgentTask) => void): void {
    this.onTask = onTask;
    this.file?.watch(() => this.reload());
  }

  reload(): void {
    if (this.file === null) return;
    try {
      const task = this.read();
      if (task.revision === this.revision) {
        this.log.info(`${this.file.path} says the same; revision ${this.revision} stays`);
        this.metrics.reloads.inc({ result: 'unchanged' });
        return;
      }
      this.revision = task.revision;
      this.metrics.reloads.inc({ result: 'taken' });
      this.onTask(task);
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      this.metrics.reloads.inc({ result: 'refused' });
      this.log.error(`revision ${this.revision} stays: ${error.message}`);
    }
  }

  async stop(): Promise<void> {
    this.file?.unwatch();
  }

  private read(): AgentTask {
    const topology = this.file === null ? interfaceTopology(DEFAULT_TOPOLOGY, this.configuration.interfaces ?? []) : this.file.read();
    return { topology, revision: this.state.revisionOf(topology), windowSeconds: this.configuration.windowSeconds, watch: null };
  }
}
