import { performance } from 'node:perf_hooks';
import { WeirError } from '../../shared/errors.ts';
import { AgentCredential } from '../assignment/agent-credential.ts';
import { InterfaceWatch, type InterfaceEvent } from '../capture/live/interface-watch.ts';
import type { ShippingEndpoints } from '../capture/live/live-source.ts';
import type { LinkCounters } from '../capture/live/network-link.ts';
import { shippingEndpoints, type LiveSourceOptions } from '../capture/live/open-live-source.ts';
import { isManaged, type AgentConfiguration } from '../config/agent-configuration.ts';
import { AgentMetrics } from '../metrics.ts';
import { AgentContext } from './agent-context.ts';
import { openOutput, type AgentOutput, type OutputLog } from './agent-output.ts';
import type { AgentStatus } from './agent-status.ts';
import type { AgentTask, TaskSource } from './agent-task.ts';
import { planCapture, type CapturePlan } from './capture-plan.ts';
import type { CaptureThread } from './capture-thread.ts';
import { startThreads } from './capture-threads.ts';
import { CollectorTasks } from './collector-tasks.ts';
import { HandingOn } from './handing-on.ts';
import { hostView } from './host-view.ts';
import { LocalTasks } from './local-tasks.ts';
import { shipLagSeconds } from './collector-output.ts';
import { SealDesk } from './seal-desk.ts';
import { StateDirectory } from './state-directory.ts';
import { StatusServer } from './status-server.ts';
import { TapBoard, bindsAlike } from './tap-board.ts';
import { TopRejected } from './top-rejected.ts';
import { Totals } from './totals.ts';
import type { WorkerReport } from './worker-messages.ts';

/** A thread that says nothing for so long hangs; it reports every second. */
const SILENCE_MS = 15_000;
const ENDPOINTS_REFRESH_MS = 60_000;

export interface AgentOptions {
  readonly configuration: AgentConfiguration;
  /** Packets after which the agent stops by itself. */
  readonly maxPackets: number | null;
  /** Whether an interface that is not there is waited for, as a service does, or an error, as at a terminal. */
  readonly waitsForInterfaces: boolean;
  /** Token for the collector where the configuration names no file. */
  readonly token: string | null;
  readonly log: OutputLog;
}

/** The daemon: what captures, decides and ships, put together. Inert until `start`. */
export class Agent {
  /** Resolves when `maxPackets` have come; rejects when something of ours has broken. */
  readonly ended: Promise<void>;
  private readonly configuration: AgentConfiguration;
  private readonly options: AgentOptions;
  private readonly log: OutputLog;
  private readonly metrics = new AgentMetrics();
  private readonly topRejected = new TopRejected();
  private readonly startedMs = Date.now();
  private readonly watch: InterfaceWatch;
  private readonly totals: Totals;
  private threads: readonly CaptureThread[] = [];
  private finish!: { resolve: () => void; reject: (error: Error) => void };
  private state!: StateDirectory;
  private tasks!: TaskSource;
  /** Those of a managed agent, else null. */
  private collectorTasks: CollectorTasks | null = null;
  private task!: AgentTask;
  private plan!: CapturePlan;
  private context!: AgentContext;
  private output!: AgentOutput;
  private handingOn!: HandingOn;
  private desk!: SealDesk;
  private board!: TapBoard;
  private server: StatusServer | null = null;
  private endpoints: ShippingEndpoints | null = null;
  private endpointsTimer: NodeJS.Timeout | undefined;
  private phase: 'starting' | 'running' | 'stopping' = 'starting';
  private startFailure: WeirError | null = null;
  private readonly warned = new Set<string>();
  /** By interface, why it could not be captured when it was last tried. */
  private readonly refusals = new Map<string, string>();

  constructor(options: AgentOptions) {
    this.options = options;
    this.configuration = options.configuration;
    this.log = options.log;
    this.watch = new InterfaceWatch((event) => this.interfaceChanged(event));
    this.totals = new Totals(this.metrics);
    this.ended = new Promise((resolve, reject) => (this.finish = { resolve, reject }));
    this.ended.catch(() => {}); // whoever waits for it hears of it
  }

  get isRunning(): boolean {
    return this.phase === 'running';
  }

  get metricsUrl(): string | null {
    return this.server?.url ?? null;
  }

  /** Throws WeirError with everything that keeps the agent from its work; it then has to be stopped all the same. */
  async start(): Promise<void> {
    const { configuration, log } = this;
    this.state = new StateDirectory(configuration.stateDirectory);
    const credential = this.credential();
    this.tasks = this.taskSource(credential);
    this.task = this.tasks.first();
    this.metrics.revision.set(this.task.revision);
    await this.findEndpoints();
    this.output = await openOutput(configuration, () => this.nextEpoch(), credential, this.metrics, log);
    if (configuration.metrics !== null) this.server = await StatusServer.start(configuration.metrics, this.answers());
    this.watch.start();
    this.plan = this.makePlan();
    this.requireInterfaces();
    this.tellOfPlan();
    this.context = new AgentContext(configuration.agentId, this.plan.topology);
    const failed = (error: Error): void => this.finish.reject(error);
    const warn = (text: string): void => this.warnOnce(text);
    const { metrics, totals, topRejected, context, output, state } = this;
    this.handingOn = new HandingOn({
      metrics, totals, topRejected, context, output, state, warn, onFailure: failed, tellThreads: (order) => this.threads.forEach((thread) => thread.order(order)),
    });
    this.desk = new SealDesk(configuration.workers, (seals) => this.handingOn.seals(seals), (seals) => this.handingOn.released(seals));
    const { threads, reached } = startThreads({
      configuration, context, output, state, warn, onFailure: failed, task: this.task, plan: this.plan, links: this.watch.links, maxPackets: this.options.maxPackets,
      onReport: (report, thread) => this.hear(report, thread),
    });
    this.threads = threads;
    this.board = new TapBoard(this.threads, this.desk, (name) => this.sourceOptions(name), {
      info: (text) => log.info(text),
      warn: (text) => log.warn(text),
      refused: (name, code, text) => this.refused(name, code, text),
    });
    this.board.follow(this.plan, this.task.revision, reached, false);
    await this.board.settled();
    if (this.startFailure !== null) throw this.startFailure;
    this.phase = 'running';
    this.follow(new Map(), false); // what has changed meanwhile
    this.tasks.start((task) => this.take(task));
    if (configuration.collector !== null) this.endpointsTimer = setInterval(() => void this.findEndpoints(), ENDPOINTS_REFRESH_MS);
  }

  /** Closes open windows as partial and gets everything out, within this time at most. */
  async stop(withinMs: number): Promise<void> {
    const untilMs = performance.now() + withinMs;
    const hasStarted = this.phase === 'running';
    this.phase = 'stopping';
    await this.tasks?.stop();
    clearInterval(this.endpointsTimer);
    this.board?.stop();
    await this.watch.stop();
    if (hasStarted) await withDeadline(Promise.all(this.threads.map((thread) => thread.stop())), withinMs / 2);
    this.desk?.flush();
    const ended = this.handingOn?.done.then(() => Promise.all(this.threads.map((thread) => thread.end())));
    await withDeadline(Promise.resolve(ended), Math.max(0, untilMs - performance.now()) / 2);
    await Promise.all(this.threads.map((thread) => thread.kill()));
    await this.output?.close(Math.max(0, untilMs - performance.now()));
    await this.server?.stop();
  }

  /** SIGHUP: the topology, the tokens and the output's file are read again; a managed agent asks its collector at once. */
  reload(): void {
    if (this.phase !== 'running') return;
    try {
      this.output.reopen();
    } catch (error) {
      this.log.error((error as Error).message);
    }
    this.tasks.reload();
  }

  /** null: all is well; else what is not. */
  illness(): string | null {
    const silent = this.threads.filter(({ heardMs }) => performance.now() - heardMs > SILENCE_MS);
    return silent.length === 0 ? null : `capture thread ${silent.map(({ index }) => index).join(', ')} hangs`;
  }

  get summary(): string {
    const interfaces = this.board.views.filter(({ isOpen }) => isOpen).length;
    const managed = this.collectorTasks === null ? '' : `managed (${this.collectorTasks.status()?.phase}), `;
    return `${managed}${interfaces} interfaces, revision ${this.task.revision}, to ${this.output.destination}`;
  }

  status(): AgentStatus {
    const shipping = this.output.shipping;
    return {
      agentId: this.configuration.agentId, startedMs: this.startedMs, nowMs: Date.now(), destination: this.output.destination,
      revision: this.task.revision, windowSeconds: this.task.windowSeconds, missing: this.plan.missing,
      managed: this.collectorTasks?.status() ?? null,
      ...this.totals.status(this.threads, this.board.views),
      shipping: shipping && { waitingBatches: shipping.waitingBatches, waitingBytes: shipping.waitingBytes, lagSeconds: shipLagSeconds(shipping) },
      rejected: this.topRejected.window,
    };
  }

  private answers(): { metrics: AgentMetrics; status: () => AgentStatus; illness: () => string | null } {
    return { metrics: this.metrics, status: () => this.status(), illness: () => this.illness() };
  }

  /** null where nothing is shipped. */
  private credential(): AgentCredential | null {
    const { configuration, options: { token: givenToken } } = this;
    const { agentId, collector: settings, stateDirectory } = configuration;
    return settings && new AgentCredential({ agentId, settings, givenToken, directory: isManaged(configuration) ? stateDirectory : null });
  }

  private taskSource(credential: AgentCredential | null): TaskSource {
    const { configuration, metrics, log, startedMs } = this;
    const { collector: settings, stateDirectory } = configuration;
    if (!isManaged(configuration) || settings === null || credential === null) return new LocalTasks(configuration, this.state, metrics, log);
    if (stateDirectory === null) throw new Error('a managed agent without a state directory');
    this.collectorTasks = new CollectorTasks({
      configuration, settings, stateDirectory, credential, startedMs, metrics, log,
      view: () => (this.phase === 'running' ? hostView(this.watch.links, this.plan, this.board.views, this.refusals) : null),
      onFailure: (error) => this.finish.reject(error),
    });
    return this.collectorTasks;
  }

  private sourceOptions(name: string): LiveSourceOptions {
    const { method, ringBytes, blockTimeoutMs, snapLengthBytes, isPromiscuous, filter } = this.configuration.capture;
    return { capture: method, interface: name, ringBytes, blockTimeoutMs, snapLengthBytes, isPromiscuous, filter, shipping: this.endpoints };
  }

  private async findEndpoints(): Promise<void> {
    const { collector } = this.configuration;
    if (collector === null) return;
    const found = await shippingEndpoints(new URL(collector.url));
    if (found === null) this.warnOnce(`the name in ${collector.url} does not resolve; the traffic to it is recorded until the next start`);
    else this.endpoints = found;
  }

  private hear(report: WorkerReport, thread: CaptureThread): void {
    try {
      if (report.kind === 'rows') this.handingOn.rows(report.rows);
      else if (report.kind === 'seals') this.desk.add(thread.index, report.seals);
      else if (report.kind === 'warning') this.warnOnce(report.text);
      else if (report.kind === 'counted') this.finish.resolve();
      else if (report.kind === 'statistics' || report.kind === 'stopped') this.totals.update(thread, this.board.views);
      else {
        if (report.kind === 'ended') this.totals.end(thread, this.board.views.find(({ ifindex }) => ifindex === report.ifindex)?.name, report.statistics);
        this.board.hear(report, thread);
        this.collectorTasks?.changed();
      }
    } catch (error) {
      this.finish.reject(error as Error);
    }
  }

  /** A disk that is full keeps no epoch from beginning. */
  private nextEpoch(): number {
    try {
      return this.state.nextEpoch();
    } catch (error) {
      this.warnOnce((error as Error).message);
      return Date.now();
    }
  }

  private interfaceChanged({ kind, link }: InterfaceEvent): void {
    if (this.phase !== 'running') return;
    this.collectorTasks?.changed();
    if (kind === 'up' || kind === 'down') return;
    const counters: ReadonlyMap<number, LinkCounters> = kind === 'appeared' ? new Map([[link.ifindex, link.counters]]) : new Map();
    this.follow(counters, false);
  }

  private take(task: AgentTask): void {
    if (this.phase !== 'running') return;
    this.task = task;
    this.follow(new Map(), true);
    this.metrics.revision.set(task.revision);
    const { topology: { enis, securityGroups }, watch, windowSeconds } = task;
    this.log.info(`revision ${task.revision}: ${watch === null ? enis.length : watch.size} ENIs, ${securityGroups.length} security groups, windows of ${windowSeconds} s`);
    this.tellOfPlan();
  }

  private makePlan(): CapturePlan {
    return planCapture(this.task.topology, this.watch.links, this.configuration.interfaces, this.task.watch);
  }

  private follow(counters: ReadonlyMap<number, LinkCounters>, isOtherTask: boolean): void {
    const { revision, windowSeconds } = this.task;
    const before = this.plan;
    this.plan = this.makePlan();
    const isBoundAnew = isOtherTask || !bindsAlike(before, this.plan);
    if (isBoundAnew) this.context.revise(this.plan.topology);
    this.board.follow(this.plan, revision, counters, isBoundAnew, windowSeconds);
    for (const warning of this.plan.warnings) this.warnOnce(warning);
  }

  private requireInterfaces(): void {
    const [first] = this.plan.missing;
    if (!this.options.waitsForInterfaces && first) throw new WeirError('CONFIGURATION', `${first.reason}; there are ${this.watch.links.map(({ name }) => name).join(', ')}`);
  }

  private tellOfPlan(): void {
    for (const warning of this.plan.warnings) this.warnOnce(warning);
    const { taps, missing } = this.plan;
    if (taps.length > 0 || missing.length === 0) return;
    this.log.warn(`none of the ENIs is on this host now: ${missing.slice(0, 5).map(({ eniId, reason }) => `${eniId}: ${reason}`).join('; ')}`);
  }

  /**
   * At the start a person is told; later, and where a collector hears of it, the agent goes on with the other interfaces
   * and tries again.
   */
  private refused(name: string, code: WeirError['code'], text: string): void {
    this.refusals.set(name, text);
    if (this.phase === 'starting' && this.collectorTasks === null) this.startFailure ??= new WeirError(code, text);
    else if (this.watch.links.some((link) => link.name === name)) this.log.warn(`${name} cannot be captured now: ${text}`);
  }

  private warnOnce(text: string): void {
    if (this.warned.has(text)) return;
    if (this.warned.size < 1000) this.warned.add(text);
    this.log.warn(text);
  }
}

/** Waits no longer than this. */
async function withDeadline(work: Promise<unknown>, withinMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, withinMs)))]);
  clearTimeout(timer);
}
