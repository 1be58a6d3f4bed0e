import { join } from 'node:path';
import { Problem } from '../api/problem.ts';
import { MirrorFile, readMirror } from './mirror-file.ts';

/** What an agent says of itself. */
export interface AgentReport {
  readonly host: string;
  readonly version: string;
  /** ISO 8601. */
  readonly started: string;
  readonly interfaces: readonly ReportedInterface[];
  /** Rule-set revision in force; null: none yet. */
  readonly revision: number | null;
  /** ETag of the assignment in force. */
  readonly assignment: string | null;
  readonly enis: readonly ReportedEni[];
}

export interface ReportedInterface {
  readonly name: string;
  readonly mac: string | null;
  readonly up: boolean;
}

export interface ReportedEni {
  readonly eniId: string;
  readonly state: 'capturing' | 'missing';
  readonly reason: string | null;
}

export interface KnownAgent {
  readonly agentId: string;
  /** ISO 8601; of the first that was heard of it. */
  readonly created: string;
  /** It may do nothing any more. */
  readonly isRevoked: boolean;
  readonly report: AgentReport | null;
  /** Unix milliseconds of the last request; written with the next report. */
  readonly lastSeenMs: number;
}

/** Reports are written so long after they came, together: sooner where one says something new of its host. */
const WRITE_NEWS_WITHIN_MS = 1_000;
const WRITE_WITHIN_MS = 60_000;
const MAX_AGENTS = 100_000;
/** Who has not been heard of for so long is forgotten, unless it was revoked; should it come back, it reports again. */
const FORGOTTEN_AFTER_MS = 92 * 24 * 3600 * 1000;

/**
 * Every agent that enrolled or reported.
 *
 * I1. That an agent enrolled or was revoked is durable before it is answered. Reports come again, so they may be lost.
 */
export class AgentRegistry {
  private readonly file: MirrorFile;
  private readonly agents: Map<string, KnownAgent>;
  private readonly onReport: () => void;

  private constructor(path: string, agents: readonly KnownAgent[], onReport: () => void, onFailure: (error: Error) => void) {
    this.agents = new Map(agents.map((agent) => [agent.agentId, agent]));
    this.file = new MirrorFile(path, () => `[\n${this.list().map((agent) => JSON.stringify(agent)).join(',\n')}\n]\n`, onFailure);
    this.onReport = onReport;
  }

  /** `onReport`: what agents say of their interfaces, or which agents there are, has changed. */
  static open(directory: string, onReport: () => void, onFailure: (error: Error) => void): AgentRegistry {
    const path = join(directory, 'agents.json');
    const known = readMirror<KnownAgent>(path, onFailure);
    return new AgentRegistry(path, known.filter(({ isRevoked, lastSeenMs }) => isRevoked || lastSeenMs > Date.now() - FORGOTTEN_AFTER_MS), onReport, onFailure);
  }

  /** In the order of their ids. */
  list(): KnownAgent[] {
    return [...this.agents.values()].sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
  }

  find(agentId: string): KnownAgent | null {
    return this.agents.get(agentId) ?? null;
  }

  async enrol(agentId: string): Promise<void> {
    this.note(agentId, { isRevoked: false });
    await this.file.write();
    this.onReport();
  }

  /** Of an agent that is known. */
  async setRevoked(agentId: string, isRevoked: boolean): Promise<void> {
    this.agents.set(agentId, { ...this.agents.get(agentId)!, isRevoked });
    await this.file.write();
    this.onReport();
  }

  report(agentId: string, report: AgentReport): void {
    const known = this.agents.get(agentId);
    const isNews = known === undefined || interfacesOf(known.report) !== interfacesOf(report);
    this.note(agentId, { report });
    this.file.writeWithin(isNews ? WRITE_NEWS_WITHIN_MS : WRITE_WITHIN_MS);
    if (isNews) this.onReport();
  }

  /** It asked for something, so it lives. */
  seen(agentId: string): void {
    if (this.agents.has(agentId)) this.note(agentId, {});
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private note(agentId: string, changes: Partial<Pick<KnownAgent, 'isRevoked' | 'report'>>): void {
    const known = this.agents.get(agentId);
    if (!known && this.agents.size >= MAX_AGENTS) throw new Problem(409, `there are ${MAX_AGENTS} agents already, which is as many as one collector knows; those that are not heard of for 92 days are forgotten at the next start`);
    const first: KnownAgent = { agentId, created: new Date().toISOString(), isRevoked: false, report: null, lastSeenMs: 0 };
    this.agents.set(agentId, { ...(known ?? first), ...changes, lastSeenMs: Date.now() });
  }
}

/** What decides which ENIs it has. */
function interfacesOf(report: AgentReport | null): string {
  return JSON.stringify(report?.interfaces.map(({ name, mac }) => [name, mac]) ?? null);
}
