import { hostname } from 'node:os';
import type { TrafficType } from '../../shared/topology/topology.ts';
import {
  DEFAULT_BLOCK_TIMEOUT_MS, DEFAULT_RING_BYTES, DEFAULT_SNAP_LENGTH_BYTES,
} from '../capture/live/live-source.ts';
import type { CaptureMethod } from '../capture/live/open-live-source.ts';
import type { RecordFormat } from '../output/record-format.ts';
import { DEFAULT_TABLE_CAPACITY, DEFAULT_WINDOW_SECONDS } from '../pipeline.ts';
import { DEFAULT_IDLE_TIMERS, type IdleTimers } from '../table/idle-timers.ts';
import type { ListenAddress } from './setting-kinds.ts';

/** What `weir agent` is told, by a file and by flags: everything has a value. Paths are absolute or as the flag has them. */
export interface AgentConfiguration {
  readonly agentId: string;
  /** Path of the inventory; null: each of `interfaces` is an ENI that takes every packet, or the collector says what to do. */
  readonly topology: string | null;
  /** Only these are captured; null: wherever the topology's ENIs show up. */
  readonly interfaces: readonly string[] | null;
  /** null: records are printed or written. */
  readonly collector: CollectorSettings | null;
  readonly output: OutputSettings;
  readonly capture: CaptureSettings;
  readonly windowSeconds: number;
  readonly graceSeconds: number;
  readonly trafficType: TrafficType;
  readonly workers: number;
  /** Flows kept in memory by each worker. */
  readonly tableCapacity: number;
  readonly timers: IdleTimers;
  /** null: no listener. */
  readonly metrics: ListenAddress | null;
  /** Where the revision and the epoch are kept, and of a managed agent its token and assignment; null: nowhere. */
  readonly stateDirectory: string | null;
  readonly logLevel: LogLevel | null;
}

export interface CollectorSettings {
  readonly url: string;
  readonly tokenFile: string | null;
  /** Path of the one-time token with which a managed agent gets a token of its own; read while it has none. */
  readonly enrolTokenFile: string | null;
  /** Path of a PEM file with the authority that signed the collector's certificate; null: the system's. */
  readonly ca: string | null;
  /** Paths of PEM files for a collector that asks for a certificate; both or none. */
  readonly clientCert: string | null;
  readonly clientKey: string | null;
  /** LogStore of records that no flow log covers. */
  readonly logStore: string | null;
  /** Of batches that wait in memory while the collector is away, where there is no directory. */
  readonly waitingBytes: number;
  /** Where batches wait; null: `spool` in the state directory. */
  readonly spoolDirectory: string | null;
  /** Of its files together. */
  readonly spoolBytes: number;
}

export interface OutputSettings {
  /** null: standard output. */
  readonly file: string | null;
  readonly format: RecordFormat;
  /** As `--fields` has them; null: the default line. */
  readonly fields: string | null;
  /** A new file is begun at this size. */
  readonly rotateBytes: number;
  /** And at midnight, UTC. */
  readonly rotatesDaily: boolean;
  /** Rotated files that are kept. */
  readonly keepFiles: number;
}

export interface CaptureSettings {
  readonly method: CaptureMethod;
  readonly ringBytes: number;
  readonly blockTimeoutMs: number;
  readonly snapLengthBytes: number;
  readonly isPromiscuous: boolean;
  readonly filter: string | null;
}

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Packets come in order but for what the rings hold: longer than their block timeout and a busy machine's delay. */
export const DEFAULT_LIVE_GRACE_SECONDS = 1;
/** Without a configuration file somebody sits at a terminal, and waits. */
export const INTERACTIVE_WINDOW_SECONDS = 10;
/** Some 10 million records, gzipped. */
export const DEFAULT_WAITING_BYTES = 128 * 1024 * 1024;
export const DEFAULT_SPOOL_BYTES = 512 * 1024 * 1024;

export const DEFAULT_CAPTURE: CaptureSettings = {
  method: 'auto', ringBytes: DEFAULT_RING_BYTES, blockTimeoutMs: DEFAULT_BLOCK_TIMEOUT_MS, snapLengthBytes: DEFAULT_SNAP_LENGTH_BYTES,
  isPromiscuous: false, filter: null,
};

export const DEFAULT_OUTPUT: OutputSettings = {
  file: null, format: 'text', fields: null, rotateBytes: 1e9, rotatesDaily: true, keepFiles: 14,
};

export function defaultConfiguration(): AgentConfiguration {
  return {
    agentId: hostname(), topology: null, interfaces: null, collector: null, output: DEFAULT_OUTPUT, capture: DEFAULT_CAPTURE,
    windowSeconds: DEFAULT_WINDOW_SECONDS, graceSeconds: DEFAULT_LIVE_GRACE_SECONDS, trafficType: 'All', workers: 1,
    tableCapacity: DEFAULT_TABLE_CAPACITY, timers: DEFAULT_IDLE_TIMERS, metrics: null, stateDirectory: null, logLevel: null,
  };
}

/** Whether the collector tells the agent what to watch. */
export function isManaged({ collector, topology, interfaces }: Pick<AgentConfiguration, 'collector' | 'topology' | 'interfaces'>): boolean {
  return collector !== null && topology === null && interfaces === null;
}
