import { setTimeout as sleep } from 'node:timers/promises';
import { WeirError } from '../../shared/errors.ts';
import { waitBefore } from '../ship/retry-wait.ts';
import type { AgentCredential } from './agent-credential.ts';
import { readAssignment, type AssignmentFile, type AssignmentInForce } from './assignment-file.ts';
import { ControlFailure, type ControlChannel, type ReceivedAssignment } from './control-channel.ts';

/** So long the collector may hold a request while nothing changes; proxies between tend to cut at a minute. */
const WAIT_SECONDS = 50;
/** After a refusal, which a person has to do something about. */
const REFUSAL_WAIT_MS = 15_000;
/** An answer so early that says nothing new comes from something that does not wait. */
const EARLY_MS = 1_000;
/** Changes in a row are taken together. */
const CHANGE_PAUSE_MS = 100;
/** What goes on is said again. */
const REPEAT_COMPLAINT_MS = 3_600_000;

export type ManagedPhase = 'enrolling' | 'asking' | 'assigned' | 'revoked';

export interface FollowerParts {
  readonly channel: ControlChannel;
  readonly credential: AgentCredential;
  readonly file: AssignmentFile;
  readonly agentId: string;
  readonly host: string;
  readonly version: string;
  readonly log: { info(text: string): void; warn(text: string): void; error(text: string): void };
}

export interface FollowerEvents {
  /** null: the collector has revoked the agent, and nothing is to be watched. */
  assigned(inForce: AssignmentInForce | null): void;
  refusedAssignment(): void;
  /** The collector knows this agent; it may not have heard of it before. */
  enrolled(): void;
  /** Something of ours has broken. */
  broken(error: Error): void;
}

/**
 * Gets the agent its credential and its assignment, and goes on asking for the next one.
 *
 * I1. Without an answer of a collector the assignment stays what it is, over starts too.
 * I2. Only a collector that does not know the token (401, as a problem document) ends an assignment.
 * I3. An assignment that cannot be used changes nothing, and is not asked for again.
 */
export class AssignmentFollower {
  private readonly parts: FollowerParts;
  private readonly events: FollowerEvents;
  private current: AssignmentInForce | null;
  /** ETag of the last answer, in force or refused. */
  private seenEtag: string | null;
  private isRevoked = false;
  private isStopping = false;
  private waking = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private complaint: { readonly text: string; readonly atMs: number } | null = null;
  private contact: number | null = null;

  /** `kept`: the assignment of the process before this one. */
  constructor(parts: FollowerParts, kept: AssignmentInForce | null, events: FollowerEvents) {
    this.parts = parts;
    this.events = events;
    this.current = kept;
    this.seenEtag = kept?.etag ?? null;
  }

  get inForce(): AssignmentInForce | null {
    return this.current;
  }

  get phase(): ManagedPhase {
    if (this.isRevoked) return 'revoked';
    if (this.current !== null) return 'assigned';
    if (this.parts.credential.token === null && !this.parts.credential.isGiven) return 'enrolling';
    return 'asking';
  }

  /** performance.now() of the collector's last answer; null: none yet. */
  get contactMs(): number | null {
    return this.contact;
  }

  /** What keeps the agent from its assignment; null: nothing. */
  get problem(): string | null {
    return this.complaint?.text ?? null;
  }

  start(): void {
    this.running = this.run().catch((error: Error) => this.events.broken(error));
  }

  /** Asks at once, whatever it is waiting for. */
  wake(): void {
    this.waking.abort();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.wake();
    await this.running;
  }

  /** The collector has answered somebody else's question. */
  touch(): void {
    this.contact = performance.now();
  }

  private async run(): Promise<void> {
    for (let failures = 0; !this.isStopping; ) {
      const startedMs = performance.now();
      try {
        const isNews = await this.ask();
        const isEarly = !isNews && performance.now() - startedMs < EARLY_MS;
        failures = isEarly ? failures + 1 : 0;
        if (isNews) await this.pause(CHANGE_PAUSE_MS);
        else if (isEarly) await this.pause(waitBefore(failures, 0));
      } catch (error) {
        if (!this.waking.signal.aborted) await this.pause(this.waitAfter(error, failures++));
      }
      if (!this.waking.signal.aborted) continue;
      this.waking = new AbortController();
      failures = 0;
    }
  }

  /** Whether there is anything new. */
  private async ask(): Promise<boolean> {
    const { channel, credential } = this.parts;
    if (this.complaint !== null) credential.readAgain(); // somebody may have repaired it
    if (credential.token === null || this.isRevoked) await this.enrol();
    try {
      const answer = await channel.nextAssignment(credential.token, this.seenEtag, WAIT_SECONDS, this.waking.signal);
      this.answered();
      const isNews = answer !== null && answer.etag !== this.seenEtag;
      if (isNews) this.take(answer);
      return isNews;
    } catch (error) {
      if (error instanceof ControlFailure && error.status === 401) this.revoked(error);
      throw error;
    }
  }

  /** Where there is a one-time token that is not used up. Throws ControlFailure and WeirError. */
  private async enrol(): Promise<void> {
    const { channel, credential, host, version, agentId, log } = this.parts;
    const oneTimeToken = credential.readOneTimeToken();
    if (oneTimeToken === null) return;
    const token = await channel.enrol(oneTimeToken, host, version, this.waking.signal);
    credential.keep(token, oneTimeToken);
    log.info(`enrolled as ${agentId}`);
    this.answered();
    this.events.enrolled();
  }

  private answered(): void {
    this.touch();
    if (this.complaint !== null) this.parts.log.info('the collector answers as it should');
    this.complaint = null;
    this.isRevoked = false;
  }

  private take(received: ReceivedAssignment): void {
    const { agentId, file, log } = this.parts;
    this.seenEtag = received.etag;
    let next: AssignmentInForce;
    try {
      next = readAssignment(received, agentId, 'the collector');
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      this.events.refusedAssignment();
      log.error(`${this.current === null ? 'nothing is watched' : `the assignment of revision ${this.current.assignment.revision} stays`}: ${error.message}`);
      return;
    }
    this.current = next;
    this.trying(() => file.keep(received));
    this.events.assigned(next);
  }

  private revoked({ message }: ControlFailure): void {
    if (this.isRevoked) return;
    this.isRevoked = true;
    this.current = null;
    this.seenEtag = null;
    this.parts.log.error(`NOTHING IS WATCHED ANY MORE: ${message}. ${
      this.parts.credential.isGiven ? 'Give the agent a token that is valid' : 'Put a new one-time token into the file that enrol-token-file names'}, and reload it (SIGHUP).`);
    this.trying(() => this.parts.file.forget());
    this.events.assigned(null);
  }

  /** What the disk does not take the agent can do without until its next start. */
  private trying(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      this.parts.log.error(error.message);
    }
  }

  /** How long to wait after this. What is no operating error is thrown. */
  private waitAfter(error: unknown, failures: number): number {
    if (!(error instanceof WeirError)) throw error;
    this.complain(error.message);
    if (!(error instanceof ControlFailure)) return REFUSAL_WAIT_MS;
    if (error.status === null) return waitBefore(failures, error.afterMs);
    this.touch();
    return Math.max(REFUSAL_WAIT_MS, error.afterMs);
  }

  private complain(text: string): void {
    const nowMs = performance.now();
    if (this.complaint?.text === text && nowMs - this.complaint.atMs < REPEAT_COMPLAINT_MS) return;
    this.complaint = { text, atMs: nowMs };
    this.parts.log.warn(`${text}; ${this.current === null ? 'nothing is watched meanwhile' : 'the last assignment stays in force'}`);
  }

  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.waking.signal }).catch(() => {}); // woken
  }
}
