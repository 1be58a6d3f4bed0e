import { EMPTY_TOPOLOGY, type Topology } from '../../shared/topology/topology.ts';
import type { CoverageSpan } from './spans.ts';

/** What an operator has decided: everything that is not data. Kept as one document; never changed, only replaced. */
export interface ControlState {
  /** Grows with each change. */
  readonly change: number;
  readonly topology: Topology;
  /** Of the rules; 0: there were none yet. */
  readonly revision: number;
  /** By kind and id, such as `eni eni-1`. */
  readonly dates: ReadonlyMap<string, ResourceDates>;
  /** Of flow logs that are, and of those that were. */
  readonly coverage: readonly CoverageSpan[];
  readonly authorizations: readonly Authorization[];
  readonly savedQueries: readonly SavedQuery[];
  /** LogStores whose data is still to be deleted. */
  readonly droppedLogStores: readonly string[];
  /** Answers to requests that may come again. */
  readonly answers: readonly KeptAnswer[];
}

/** ISO 8601. */
export interface ResourceDates {
  readonly created: string;
  readonly updated: string;
}

/** The account allows its flow logs to write to LogStores. */
export interface Authorization {
  readonly accountId: string;
  readonly created: string;
  /** Token. */
  readonly by: string;
}

export const CHARTS = ['table', 'number', 'line', 'bar', 'pie', 'sankey'] as const;
export type Chart = (typeof CHARTS)[number];

export interface SavedQuery {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly logStore: string;
  readonly query: string;
  readonly chart: Chart;
  /** Those of one dashboard are shown together; null: of none. */
  readonly dashboard: string | null;
}

/** RFC draft "The Idempotency-Key HTTP Header Field": the same key gets the same answer. */
export interface KeptAnswer {
  readonly key: string;
  readonly tokenId: string;
  /** SHA-256 of what was asked. */
  readonly fingerprint: string;
  readonly body: unknown;
  readonly atMs: number;
}

export const EMPTY_STATE: ControlState = {
  change: 0, topology: EMPTY_TOPOLOGY, revision: 0, dates: new Map(), coverage: [], authorizations: [], savedQueries: [], droppedLogStores: [], answers: [],
};

/** Of the topology; those without one are one account too. */
export function accountOf({ accountId }: Topology): string {
  return accountId ?? 'default';
}
