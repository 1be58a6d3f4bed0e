import { dirname, resolve } from 'node:path';
import { Problems, type DocumentMap, type TextKind } from '../../shared/topology/document.ts';
import { openDocument } from '../../shared/topology/yaml.ts';
import { AGENT_ID, LOGSTORE_NAME } from '../../shared/topology/spelling.ts';
import { DEFAULT_BLOCK_BYTES } from '../capture/live/live-source.ts';
import { CAPTURE_METHODS } from '../capture/live/open-live-source.ts';
import { RECORD_FORMATS, fieldNames } from '../output/record-format.ts';
import type { IdleTimers } from '../table/idle-timers.ts';
import {
  DEFAULT_CAPTURE, DEFAULT_OUTPUT, DEFAULT_SPOOL_BYTES, DEFAULT_WAITING_BYTES, LOG_LEVELS, defaultConfiguration,
  type AgentConfiguration, type CaptureSettings, type CollectorSettings, type OutputSettings,
} from './agent-configuration.ts';
import { COLLECTOR_URL, INTERFACE, LISTEN, bytesKind, secondsKind } from './setting-kinds.ts';

/** The keys of the document: what the reference page lists and error texts suggest. */
export const CONFIGURATION_KEYS = {
  document: [
    'agent-id', 'topology', 'interfaces', 'collector', 'output', 'capture', 'window', 'grace', 'traffic-type', 'workers',
    'table-capacity', 'timers', 'metrics', 'state-directory', 'log-level',
  ],
  collector: ['url', 'token-file', 'enrol-token-file', 'ca', 'client-cert', 'client-key', 'logstore', 'waiting-bytes', 'spool-directory', 'spool-bytes'],
  output: ['file', 'format', 'fields', 'rotate-bytes', 'rotate-daily', 'keep-files'],
  capture: ['method', 'ring-bytes', 'block-timeout', 'snap-length', 'promiscuous', 'filter'],
  timers: ['tcp', 'closed', 'udp', 'other'],
  metrics: ['listen'],
} as const;

export const MAX_WORKERS = 64;
export const MIN_TABLE_CAPACITY = 16;
export const MAX_TABLE_CAPACITY = 2 ** 24;
export const WINDOW_SECONDS = secondsKind(1, 3600, true);
export const GRACE_SECONDS = secondsKind(0, 3600, false);
const TIMER_SECONDS = secondsKind(1, 86_400, false);
const BLOCK_TIMEOUT_SECONDS = secondsKind(0.001, 10, false);
const LEAST_BLOCK_BYTES = 65_536;
const RING_BYTES = bytesKind(LEAST_BLOCK_BYTES, 2047 * 1024 * 1024);
const ROTATE_BYTES = bytesKind(1024, 2 ** 50);
const WAITING_BYTES = bytesKind(1024 * 1024, 2 ** 40);
const SPOOL_BYTES = bytesKind(4 * 1024 * 1024, 2 ** 40);

const PATH: TextKind<string> = {
  parse: (text) => (/^\P{Cc}{1,4096}$/u.test(text) ? text : null),
  expected: 'a path',
};
const FILTER: TextKind<string> = {
  parse: (text) => (/^[^\0]{1,8192}$/.test(text) ? text : null),
  expected: 'a filter in the syntax of libpcap, of up to 8192 characters',
};
const FIELD_LIST: TextKind<string> = {
  parse: (text) => {
    try {
      fieldNames(text);
      return text;
    } catch {
      return null;
    }
  },
  expected: 'a list of fields with commas, such as default,rule-id,sg-id or all',
};

/**
 * The agent's configuration in a YAML or JSON text. `source` names the text in errors; relative paths start from its
 * folder. Everything that is wrong is reported in one ConfigurationError.
 */
export function parseConfiguration(text: string, source: string): AgentConfiguration {
  const problems = new Problems(source);
  const document = openDocument(text, problems, CONFIGURATION_KEYS.document);
  if (!document) {
    problems.throwIfAny();
    throw new Error('a document that does not open must have a problem');
  }
  const defaults = defaultConfiguration();
  const path = pathReader(source);
  const collector = document.map('collector', CONFIGURATION_KEYS.collector);
  const output = document.map('output', CONFIGURATION_KEYS.output);
  const capture = document.map('capture', CONFIGURATION_KEYS.capture);
  const timers = document.map('timers', CONFIGURATION_KEYS.timers);
  const metrics = document.map('metrics', CONFIGURATION_KEYS.metrics);
  if (collector && output) document.reject('output', 'stands beside collector; records go to one of them, remove the other');
  const configuration: AgentConfiguration = {
    agentId: document.parsed('agent-id', AGENT_ID) ?? defaults.agentId,
    topology: path(document, 'topology'),
    interfaces: document.has('interfaces') ? document.parsedList('interfaces', INTERFACE) : null,
    collector: collector && readCollector(collector, path),
    output: output ? readOutput(output, path) : defaults.output,
    capture: capture ? readCapture(capture) : defaults.capture,
    windowSeconds: document.parsed('window', WINDOW_SECONDS) ?? defaults.windowSeconds,
    graceSeconds: document.parsed('grace', GRACE_SECONDS) ?? defaults.graceSeconds,
    trafficType: document.choice('traffic-type', ['All', 'Allow', 'Drop'], defaults.trafficType),
    workers: document.integer('workers', 1, MAX_WORKERS) ?? defaults.workers,
    tableCapacity: document.integer('table-capacity', MIN_TABLE_CAPACITY, MAX_TABLE_CAPACITY) ?? defaults.tableCapacity,
    timers: timers ? readTimers(timers, defaults.timers) : defaults.timers,
    metrics: metrics ? metrics.required('listen', LISTEN, { host: '127.0.0.1', port: 0 }) : null,
    stateDirectory: path(document, 'state-directory'),
    logLevel: document.has('log-level') ? document.choice('log-level', LOG_LEVELS) : null,
  };
  if (document.has('interfaces') && configuration.interfaces?.length === 0) document.reject('interfaces', 'is empty; name at least one, or leave the key out');
  if (collector) rejectHalfPair(collector);
  if (!document.has('topology') && !document.has('interfaces')) {
    if (collector) rejectManagedSettings(document, collector);
    else document.reject('topology', 'none of topology, interfaces and collector is given, so there is nothing to watch; give one of them');
  }
  problems.throwIfAny();
  return configuration;
}

/** `none` is a word that stands for no path. */
type PathReader = (map: DocumentMap, key: string, none?: string) => string | null;

function pathReader(source: string): PathReader {
  return (map, key, none) => {
    const text = map.parsed(key, PATH);
    return text === null || text === none ? null : resolve(dirname(source), text);
  };
}

function readCollector(map: DocumentMap, path: PathReader): CollectorSettings {
  return {
    url: map.required('url', COLLECTOR_URL, ''),
    tokenFile: path(map, 'token-file'),
    enrolTokenFile: path(map, 'enrol-token-file'),
    ca: path(map, 'ca'),
    clientCert: path(map, 'client-cert'),
    clientKey: path(map, 'client-key'),
    logStore: map.parsed('logstore', LOGSTORE_NAME),
    waitingBytes: map.parsed('waiting-bytes', WAITING_BYTES) ?? DEFAULT_WAITING_BYTES,
    spoolDirectory: path(map, 'spool-directory'),
    spoolBytes: map.parsed('spool-bytes', SPOOL_BYTES) ?? DEFAULT_SPOOL_BYTES,
  };
}

function rejectHalfPair(collector: DocumentMap): void {
  for (const [one, other] of [['client-cert', 'client-key'], ['client-key', 'client-cert']] as const) {
    if (collector.has(one) && !collector.has(other)) collector.reject(one, `stands without ${other}; a certificate is of use only with its key`);
  }
}

/** What the flow logs decide is not for the configuration of a managed agent. */
function rejectManagedSettings(document: DocumentMap, collector: DocumentMap): void {
  const decided = 'is decided by the flow logs, because without topology and interfaces the collector manages this agent; remove it';
  for (const key of ['window', 'traffic-type'] as const) if (document.has(key)) document.reject(key, decided);
  if (collector.has('logstore')) collector.reject('logstore', decided);
}

function readOutput(map: DocumentMap, path: PathReader): OutputSettings {
  return {
    file: path(map, 'file', 'stdout'),
    format: map.choice('format', RECORD_FORMATS, DEFAULT_OUTPUT.format),
    fields: map.parsed('fields', FIELD_LIST),
    rotateBytes: map.parsed('rotate-bytes', ROTATE_BYTES) ?? DEFAULT_OUTPUT.rotateBytes,
    rotatesDaily: map.flag('rotate-daily', DEFAULT_OUTPUT.rotatesDaily),
    keepFiles: map.integer('keep-files', 0, 100_000) ?? DEFAULT_OUTPUT.keepFiles,
  };
}

function readCapture(map: DocumentMap): CaptureSettings {
  const ringBytes = map.parsed('ring-bytes', RING_BYTES) ?? DEFAULT_CAPTURE.ringBytes;
  const blockBytes = Math.min(ringBytes, DEFAULT_BLOCK_BYTES);
  if (ringBytes % blockBytes !== 0 || blockBytes % LEAST_BLOCK_BYTES !== 0) {
    map.reject('ring-bytes', `${ringBytes} is not a multiple of ${DEFAULT_BLOCK_BYTES}, the size of the ring's blocks; give a whole number of MiB`);
  }
  return {
    method: map.choice('method', CAPTURE_METHODS, DEFAULT_CAPTURE.method),
    ringBytes,
    blockTimeoutMs: Math.round((map.parsed('block-timeout', BLOCK_TIMEOUT_SECONDS) ?? DEFAULT_CAPTURE.blockTimeoutMs / 1000) * 1000),
    snapLengthBytes: map.integer('snap-length', 64, 262_144) ?? DEFAULT_CAPTURE.snapLengthBytes,
    isPromiscuous: map.flag('promiscuous', DEFAULT_CAPTURE.isPromiscuous),
    filter: map.parsed('filter', FILTER),
  };
}

function readTimers(map: DocumentMap, defaults: IdleTimers): IdleTimers {
  const seconds = (key: string, absent: number): number => map.parsed(key, TIMER_SECONDS) ?? absent;
  return {
    tcpSeconds: seconds('tcp', defaults.tcpSeconds), closedSeconds: seconds('closed', defaults.closedSeconds),
    udpSeconds: seconds('udp', defaults.udpSeconds), otherSeconds: seconds('other', defaults.otherSeconds),
  };
}
