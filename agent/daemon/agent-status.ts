import type { ManagedPhase } from '../assignment/assignment-follower.ts';
import type { RejectedFlow } from './top-rejected.ts';

/** `GET /status` of an agent, which `weir top` shows. Counters are since the start. */
export interface AgentStatus {
  readonly agentId: string;
  readonly startedMs: number;
  readonly nowMs: number;
  readonly destination: string;
  readonly revision: number;
  readonly windowSeconds: number;
  readonly lastSealMs: number | null;
  readonly interfaces: readonly InterfaceStatus[];
  readonly missing: readonly { readonly eniId: string; readonly reason: string }[];
  readonly workers: readonly { readonly tableSize: number; readonly tableCapacity: number }[];
  readonly unmatchedPackets: number;
  readonly recordedPackets: number;
  readonly latePackets: number;
  readonly undecodablePackets: number;
  /** null: records are not shipped. */
  readonly shipping: { readonly waitingBatches: number; readonly waitingBytes: number; readonly lagSeconds: number } | null;
  /** null: nobody manages the agent. */
  readonly managed: ManagedStatus | null;
  readonly rejected: { readonly start: number; readonly flows: readonly RejectedFlow[] };
}

export interface ManagedStatus {
  readonly phase: ManagedPhase;
  /** ETag of the assignment in force. */
  readonly assignment: string | null;
  /** Since the collector's last answer; null: there was none. */
  readonly contactSeconds: number | null;
  /** What keeps the agent from its next assignment. */
  readonly problem: string | null;
}

export interface InterfaceStatus {
  readonly name: string;
  readonly eniIds: readonly string[];
  readonly isOpen: boolean;
  readonly packets: number;
  readonly bytes: number;
  /** null: the source cannot know. */
  readonly drops: number | null;
  readonly gapPackets: number;
}
