import { hostname } from 'node:os';
import type { Assignment } from '../../shared/assignment.ts';
import { WeirError } from '../../shared/errors.ts';
import type { Topology } from '../../shared/topology/topology.ts';
import type { AgentCredential } from '../assignment/agent-credential.ts';
import { AssignmentFile, type AssignmentInForce } from '../assignment/assignment-file.ts';
import { AssignmentFollower } from '../assignment/assignment-follower.ts';
import { ControlChannel, ControlFailure, type ReportDocument } from '../assignment/control-channel.ts';
import { programVersion } from '../assignment/program-version.ts';
import { ReportSender } from '../assignment/report-sender.ts';
import type { AgentConfiguration, CollectorSettings } from '../config/agent-configuration.ts';
import type { AgentMetrics } from '../metrics.ts';
import { DEFAULT_WINDOW_SECONDS } from '../pipeline.ts';
import { readCollectorTls } from '../ship/collector-tls.ts';
import type { OutputLog } from './agent-output.ts';
import type { ManagedStatus } from './agent-status.ts';
import type { AgentTask, TaskSource } from './agent-task.ts';
import type { HostView } from './host-view.ts';

const NO_TOPOLOGY: Topology = {
  accountId: null, region: null, vpcs: [], vswitches: [], securityGroups: [], prefixLists: [], enis: [], flowLogs: [], logStores: [],
};
const NOTHING: AgentTask = { topology: NO_TOPOLOGY, revision: 0, windowSeconds: DEFAULT_WINDOW_SECONDS, watch: new Map() };

export interface CollectorTasksOptions {
  readonly configuration: AgentConfiguration;
  readonly settings: CollectorSettings;
  readonly stateDirectory: string;
  readonly credential: AgentCredential;
  readonly startedMs: number;
  readonly metrics: AgentMetrics;
  readonly log: OutputLog;
  /** null: the agent has not come so far yet. */
  readonly view: () => HostView | null;
  /** Something of ours has broken. */
  readonly onFailure: (error: Error) => void;
}

/** The tasks of a managed agent, which come from its collector. */
export class CollectorTasks implements TaskSource {
  private readonly options: CollectorTasksOptions;
  private readonly channel: ControlChannel;
  private readonly file: AssignmentFile;
  private readonly reports: ReportSender;
  private readonly host = hostname();
  private readonly version = programVersion();
  private follower: AssignmentFollower | null = null;
  private task = NOTHING;
  private onTask: (task: AgentTask) => void = () => {};
  private reportComplaint = '';

  /** Throws CONFIGURATION where certificates cannot be used. */
  constructor(options: CollectorTasksOptions) {
    const { configuration: { agentId }, settings, credential, stateDirectory } = options;
    this.options = options;
    this.channel = new ControlChannel(settings.url, agentId, readCollectorTls(settings));
    this.file = new AssignmentFile(stateDirectory, agentId);
    this.reports = new ReportSender(() => this.report(), (document, signal) => this.channel.report(credential.token, document, signal), {
      sent: () => this.follower?.touch(),
      failed: (error) => this.reportFailed(error),
    });
  }

  first(): AgentTask {
    const { credential, metrics, log, onFailure, configuration: { agentId } } = this.options;
    const kept = this.readKept();
    if (kept === null) log.warn('there is no assignment yet: nothing is watched until the collector gives one');
    else this.task = taskOf(kept.assignment);
    this.follower = new AssignmentFollower({ channel: this.channel, credential, file: this.file, agentId, host: this.host, version: this.version, log }, kept, {
      assigned: (inForce) => this.assigned(inForce),
      refusedAssignment: () => metrics.assignments.inc({ result: 'refused' }),
      enrolled: () => this.reports.repeat(),
      broken: onFailure,
    });
    this.offerGauges(this.follower);
    return this.task;
  }

  start(onTask: (task: AgentTask) => void): void {
    this.onTask = onTask;
    this.follower!.start();
    this.reports.changed();
  }

  reload(): void {
    this.follower?.wake();
  }

  async stop(): Promise<void> {
    this.reports.stop();
    await this.follower?.stop();
    await this.channel.close();
  }

  /** What a report tells may be another now. */
  changed(): void {
    this.reports.changed();
  }

  status(): ManagedStatus | null {
    const { follower } = this;
    if (follower === null) return null;
    return { phase: follower.phase, assignment: follower.inForce?.etag ?? null, contactSeconds: contactSeconds(follower), problem: follower.problem };
  }

  /** One that cannot be used is as good as none: the collector has the same. */
  private readKept(): AssignmentInForce | null {
    try {
      return this.file.read();
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      this.options.metrics.assignments.inc({ result: 'refused' });
      this.options.log.warn(`the assignment that was kept is left: ${error.message}`);
      return null;
    }
  }

  private assigned(inForce: AssignmentInForce | null): void {
    if (inForce !== null) this.options.metrics.assignments.inc({ result: 'taken' });
    this.task = inForce === null ? { ...this.task, watch: new Map() } : taskOf(inForce.assignment);
    this.onTask(this.task);
    this.reports.changed();
  }

  private report(): ReportDocument | null {
    const view = this.options.view();
    const { phase, inForce } = this.follower!;
    if (view === null || phase === 'enrolling' || phase === 'revoked') return null;
    return {
      host: this.host, version: this.version, started: new Date(this.options.startedMs).toISOString(), interfaces: view.interfaces,
      revision: inForce?.assignment.revision ?? 0, assignment: inForce?.etag ?? null, enis: view.enis,
    };
  }

  /** The follower finds out by itself when there is no answer, and has to be told that there was a bad one. */
  private reportFailed(error: WeirError): void {
    if (!(error instanceof ControlFailure) || error.status === null) return;
    if (error.status === 401) this.follower?.wake();
    else if (error.message !== this.reportComplaint) this.options.log.warn(`the collector does not take the agent's report: ${error.message}`);
    this.reportComplaint = error.message;
  }

  private offerGauges(follower: AssignmentFollower): void {
    const { metrics } = this.options;
    metrics.readGauge('weir_assignment_revision', 'Revision of the assignment in force; 0 where there is none.', () => follower.inForce?.assignment.revision ?? 0);
    metrics.readGauge('weir_agent_revoked', '1 while the collector has revoked the agent, which then watches nothing.', () => Number(follower.phase === 'revoked'));
    metrics.readGauge('weir_collector_contact_age_seconds', "Age of the collector's last answer about the assignment, or of the start.",
      () => contactSeconds(follower) ?? (Date.now() - this.options.startedMs) / 1000);
  }
}

function contactSeconds({ contactMs }: AssignmentFollower): number | null {
  return contactMs === null ? null : (performance.now() - contactMs) / 1000;
}

function taskOf({ topology, revision, windowSeconds, watch }: Assignment): AgentTask {
  return { topology, revision, windowSeconds, watch };
}
