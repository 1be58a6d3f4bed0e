import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WeirError } from '../../shared/errors.ts';
import { replaceFile } from '../journal/durable.ts';

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

/** Reports are written so long after they came, together. */
const WRITE_AFTER_MS = 1000;

/**
 * Every agent that enrolled or reported.
 *
 * I1. That an agent enrolled or was revoked is durable before it is answered. Reports come again, so they may be lost.
 */
export class AgentRegistry {
  private readonly path: string;
  private readonly agents: Map<string, KnownAgent>;
  private readonly onReport: () => void;
  private readonly onFailure: (error: Error) => void;
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> = Promise.resolve();
  private nextWrite: Promise<void> | null = null;

  private constructor(path: string, agents: readonly KnownAgent[], onReport: () => void, onFailure: (error: Error) => void) {
    this.path = path;
    this.agents = new Map(agents.map((agent) => [agent.agentId, agent]));
    this.onReport = onReport;
    this.onFailure = onFailure;
  }

  /** `onReport`: what agents say of their interfaces, or which agents there are, has changed. */
  static open(directory: string, onReport: () => void, onFailure: (error: Error) => void): AgentRegistry {
    const path = join(directory, 'agents.json');
    return new AgentRegistry(path, existsSync(path) ? readAgents(path) : [], onReport, onFailure);
  }

  /** In the order of their ids. */
  list(): KnownAgent[] {
    return [...this.agents.values()].sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
  }

  find(agentId: string): KnownAgent | null {
    return this.agents.get(agentId) ?? null;
  }

  async enrol(agentId: string): Promise<void> {
    const known = this.agents.get(agentId);
    this.agents.set(agentId, {
      agentId, created: known?.created ?? new Date().toISOString(), isRevoked: false, report: known?.report ?? null, lastSeenMs: Date.now(),
    });
    await this.write();
    this.onReport();
  }

  /** False where there is no such agent. */
  async revoke(agentId: string): Promise<boolean> {
    const known = this.agents.get(agentId);
    if (!known) return false;
    this.agents.set(agentId, { ...known, isRevoked: true });
    await this.write();
    this.onReport();
    return true;
  }

  report(agentId: string, report: AgentReport): void {
    const known = this.agents.get(agentId);
    this.agents.set(agentId, { agentId, created: known?.created ?? new Date().toISOString(), isRevoked: false, report, lastSeenMs: Date.now() });
    this.timer ??= setTimeout(() => {
      this.timer = null;
      void this.write().catch(this.onFailure);
    }, WRITE_AFTER_MS);
    const interfaces = (of: AgentReport | null | undefined): string => JSON.stringify(of?.interfaces.map(({ name, mac }) => [name, mac]) ?? null);
    if (known === undefined || known.isRevoked || interfaces(known.report) !== interfaces(report)) this.onReport();
  }

  /** It asked for something, so it lives. */
  seen(agentId: string): void {
    const known = this.agents.get(agentId);
    if (known) this.agents.set(agentId, { ...known, lastSeenMs: Date.now() });
  }

  async close(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    await this.write();
  }

  /** Those who come while one write is under way share the next one. */
  private write(): Promise<void> {
    return (this.nextWrite ??= this.writing.catch(() => {}).then(() => {
      this.nextWrite = null;
      return (this.writing = replaceFile(this.path, `${JSON.stringify(this.list(), null, 1)}\n`));
    }));
  }
}

function readAgents(path: string): KnownAgent[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as KnownAgent[];
  } catch (cause) {
    throw new WeirError('CONFIGURATION', `${path} cannot be read: ${(cause as Error).message}; restore it from a backup, or delete it: agents report again by themselves`, { cause });
  }
}
