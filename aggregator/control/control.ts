import type { Logger } from 'winston';
import { NOTHING_PLANNED, type RecordingPlan } from '../publish/routing.ts';
import { AgentRegistry, type KnownAgent } from './agent-registry.ts';
import { AssignmentBoard } from './assignment-board.ts';
import { THE_COLLECTOR, type Actor } from './audit-log.ts';
import { ControlStore } from './control-store.ts';
import { logStoresDropped } from './logstore-changes.ts';
import type { Resource } from './resource-kinds.ts';
import type { ControlSettings } from './state-change.ts';
import { WatchSpans } from './watch-spans.ts';

/** What operators decide and agents follow, put together. */
export class Control {
  readonly store: ControlStore;
  readonly agents: AgentRegistry;
  readonly board: AssignmentBoard;
  readonly watches: WatchSpans;
  readonly settings: ControlSettings;
  private planned: RecordingPlan = NOTHING_PLANNED;
  private dropping: Promise<void> = Promise.resolve();
  /** Deletes the data of a LogStore; set once there is somebody who can. */
  drop: (logStore: string) => Promise<void> = async () => {};

  private constructor(store: ControlStore, agents: AgentRegistry, board: AssignmentBoard, watches: WatchSpans, settings: ControlSettings) {
    this.store = store;
    this.agents = agents;
    this.board = board;
    this.watches = watches;
    this.settings = settings;
  }

  static async open(directory: string, settings: ControlSettings, log: Logger, auditBytes?: number): Promise<Control> {
    const store = await ControlStore.open(directory, auditBytes);
    const onFailure = (error: Error): void => void log.error(error.message);
    const watches = WatchSpans.open(directory, onFailure);
    const agents = AgentRegistry.open(directory, () => board.renewSoon(), onFailure);
    const board = new AssignmentBoard(store, agents, watches);
    return new Control(store, agents, board, watches, settings);
  }

  /** The same object as long as nothing has changed. */
  get recordingPlan(): RecordingPlan {
    const { coverage, topology } = this.store.state;
    const watches = this.watches.list;
    const known = this.planned;
    if (known.coverage !== coverage || known.topology !== topology || known.watches !== watches) this.planned = { coverage, watches, topology };
    return this.planned;
  }

  /** Who has an ENI and what of it is recorded, beside its resource. */
  eniState(eniId: string): Resource {
    const place = this.board.plan.places.get(eniId);
    const recording = this.board.plan.recording(eniId);
    const reported = place?.agentId == null ? null : this.agents.find(place.agentId)?.report?.enis.find((eni) => eni.eniId === eniId);
    return {
      'assigned-to': place?.agentId ?? null,
      'unassigned-because': place?.reason ?? null,
      'agent-state': reported?.state ?? null,
      'agent-reason': reported?.reason ?? null,
      'recording': recording && { 'traffic-type': recording.trafficType, 'window': `${recording.windowSeconds}s` },
    };
  }

  /** Whether the agent's id may be used; nothing happens where it is so already, or where there is no such agent. */
  async setAgentRevoked(actor: Actor, agentId: string, isRevoked: boolean): Promise<void> {
    const known = this.agents.find(agentId);
    if (!known || known.isRevoked === isRevoked) return;
    const status = (is: boolean): Resource => ({ status: is ? 'Revoked' : 'Active' });
    await this.store.audit.append(actor, isRevoked ? 'agent.revoke' : 'agent.readmit', [{ kind: 'agent', id: agentId, before: status(!isRevoked), after: status(isRevoked) }], null);
    await this.agents.setRevoked(agentId, isRevoked);
  }

  agentView({ agentId, created, isRevoked, report, lastSeenMs }: KnownAgent): Resource & { readonly 'agent-id': string } {
    const { plan } = this.board;
    const reported = new Map(report?.enis.map((eni) => [eni.eniId, eni]));
    return {
      'agent-id': agentId, 'host': report?.host ?? null, 'version': report?.version ?? null, 'started': report?.started ?? null, created,
      'status': isRevoked ? 'Revoked' : 'Active',
      'last-seen': new Date(lastSeenMs).toISOString(),
      'revision': report?.revision ?? null,
      'up-to-date': report !== null && report.assignment === plan.etag(agentId),
      'enis': plan.enisAt(agentId).map(({ eniId }) => {
        const known = reported.get(eniId);
        return { 'eni-id': eniId, 'recorded': plan.recording(eniId) !== null, 'state': known?.state ?? null, 'reason': known?.reason ?? null };
      }),
      'interfaces': report?.interfaces ?? [],
    };
  }

  /** Deletes the data of LogStores that are no more: also those of a run that ended before it could. */
  dropLogStores(): Promise<void> {
    const done = this.dropping.then(() => this.dropAll());
    this.dropping = done.catch(() => {});
    return done;
  }

  private async dropAll(): Promise<void> {
    const names = this.store.state.droppedLogStores;
    if (names.length === 0) return;
    for (const name of names) await this.drop(name);
    await this.store.change(THE_COLLECTOR, 'logstore.dropped', logStoresDropped(names));
  }

  async close(): Promise<void> {
    this.board.close();
    await this.store.close();
    await this.agents.close();
    await this.watches.close();
  }
}
