import { readFile } from 'node:fs/promises';
import type { Argv, CommandModule } from 'yargs';
import type { Logger } from 'winston';
import { EXIT_FAILURE, WeirError } from '../../shared/errors.ts';
import type { TrafficType } from '../../shared/topology/topology.ts';
import { CAPTURE_METHODS, type CaptureMethod } from '../capture/live/open-live-source.ts';
import { DEFAULT_SPOOL_BYTES, DEFAULT_WAITING_BYTES, INTERACTIVE_WINDOW_SECONDS, defaultConfiguration, type AgentConfiguration } from '../config/agent-configuration.ts';
import { GRACE_SECONDS, MAX_TABLE_CAPACITY, MAX_WORKERS, MIN_TABLE_CAPACITY, WINDOW_SECONDS, parseConfiguration } from '../config/parse-configuration.ts';
import { COLLECTOR_URL, INTERFACE, LISTEN } from '../config/setting-kinds.ts';
import { checkAgent } from '../daemon/agent-check.ts';
import { Agent } from '../daemon/agent.ts';
import { serviceNotifier } from '../daemon/service-notifier.ts';
import { RECORD_FORMATS, fieldNames, type RecordFormat } from '../output/record-format.ts';
import type { TextKind } from '../../shared/topology/document.ts';

/** The whole stop; a service manager gives more than that. */
const STOP_WITHIN_MS = 4_500;

interface AgentArguments {
  config: string | undefined;
  interface: string | undefined;
  topology: string | undefined;
  filter: string | undefined;
  count: number | undefined;
  capture: CaptureMethod | undefined;
  snaplen: number | undefined;
  window: string | undefined;
  grace: string | undefined;
  trafficType: TrafficType | undefined;
  workers: number | undefined;
  tableCapacity: number | undefined;
  format: RecordFormat | undefined;
  json: boolean;
  fields: string | undefined;
  output: string | undefined;
  collector: string | undefined;
  tokenFile: string | undefined;
  enrolTokenFile: string | undefined;
  logstore: string | undefined;
  agentId: string | undefined;
  metrics: string | undefined;
  stateDirectory: string | undefined;
  check: boolean;
}

export function agentCommand(log: Logger): CommandModule<object, AgentArguments> {
  return {
    command: 'agent',
    describe: 'Live traffic of this host: records to stdout or a file, or shipped to a collector',
    builder: (yargs) => options(yargs),
    handler: (given) => runAgent(given, log),
  };
}

function options(yargs: Argv): Argv<AgentArguments> {
  return (
    yargs
      .option('config', { type: 'string', requiresArg: true, describe: 'YAML file with the settings; flags override it' })
      .option('interface', { alias: 'i', type: 'string', requiresArg: true, describe: 'capture here only (several with commas); without a topology an ENI that takes every packet' })
      .option('topology', { alias: 't', type: 'string', requiresArg: true, describe: 'YAML file with ENIs and security groups' })
      .option('filter', { alias: 'f', type: 'string', requiresArg: true, describe: 'only packets that match, in the syntax of libpcap' })
      .option('count', { alias: 'c', type: 'number', requiresArg: true, describe: 'stop after this many packets' })
      .option('capture', { choices: CAPTURE_METHODS, describe: 'how packets are captured' })
      .option('snaplen', { alias: 's', type: 'number', requiresArg: true, describe: 'bytes of a packet that are looked at' })
      .option('n', { type: 'boolean', describe: 'accepted as in tcpdump: addresses are always numbers' })
      .option('window', { type: 'string', requiresArg: true, describe: `length of a window; without --config ${INTERACTIVE_WINDOW_SECONDS}s` })
      .option('grace', { type: 'string', requiresArg: true, describe: 'how late a packet may be for its window' })
      .option('traffic-type', { choices: ['All', 'Allow', 'Drop'] as const, describe: 'which records to keep' })
      .option('workers', { type: 'number', requiresArg: true, describe: 'capture threads that share the packets' })
      .option('table-capacity', { type: 'number', requiresArg: true, describe: 'flows kept in memory by each worker' })
      .option('format', { choices: RECORD_FORMATS, describe: 'how records are printed' })
      .option('json', { type: 'boolean', default: false, describe: 'the same as --format json' })
      .option('fields', { type: 'string', requiresArg: true, describe: 'names with commas; default, all' })
      .option('output', { alias: 'o', type: 'string', requiresArg: true, describe: 'append records to this file' })
      .option('collector', { type: 'string', requiresArg: true, describe: 'ship to this collector, such as http://127.0.0.1:8790; without -i and --topology it also says what to watch' })
      .option('token-file', { type: 'string', requiresArg: true, describe: 'file with the token for the collector (or WEIR_TOKEN, WEIR_TOKEN_FILE)' })
      .option('enrol-token-file', { type: 'string', requiresArg: true, describe: 'file with the one-time token of an agent that the collector manages' })
      .option('logstore', { type: 'string', requiresArg: true, describe: 'LogStore of records that no flow log covers' })
      .option('agent-id', { type: 'string', requiresArg: true, describe: 'the name under which records are shipped; default, the name of the host' })
      .option('metrics', { type: 'string', requiresArg: true, describe: 'serve /metrics and /status on this address, such as 127.0.0.1:9790' })
      .option('state-directory', { type: 'string', requiresArg: true, describe: 'what the agent remembers from one start to the next' })
      .option('check', { type: 'boolean', default: false, describe: 'say what would be watched and what is missing, and end' }) as unknown as Argv<AgentArguments>
  );
}

async function runAgent(given: AgentArguments, log: Logger): Promise<void> {
  const configuration = await configurationOf(given, process.env);
  if (configuration.logLevel !== null && process.env['WEIR_LOG_LEVEL'] === undefined) log.level = configuration.logLevel;
  const token = process.env['WEIR_TOKEN'] ?? null;
  if (given.check) {
    const { text, exitCode } = await checkAgent(configuration, token);
    process.stdout.write(text);
    process.exitCode = exitCode;
    return;
  }
  const agent = new Agent({
    configuration, maxPackets: given.count ?? null, token, log,
    waitsForInterfaces: given.config !== undefined || configuration.interfaces === null,
  });
  const ended = Promise.race([untilSignal(), agent.ended.then(() => 'all packets asked for have come')]);
  const notifier = serviceNotifier(process.env, (text) => log.warn(text));
  process.on('SIGHUP', () => agent.reload());
  let watchdog: NodeJS.Timeout | undefined;
  try {
    const started = agent.start();
    started.catch(() => {}); // a signal may have ended the waiting for it
    await Promise.race([started, ended]);
    if (agent.isRunning) {
      if (agent.metricsUrl !== null) log.info(`metrics on ${agent.metricsUrl}/metrics`);
      notifier.notify(`READY=1\nSTATUS=${agent.summary}`);
      watchdog = setInterval(() => notifier.notify(health(agent, log)), (notifier.watchdogMs ?? 60_000) / 2);
    }
    log.info(`${await ended}: stopping`);
  } finally {
    clearInterval(watchdog);
    notifier.notify('STOPPING=1');
    await agent.stop(STOP_WITHIN_MS);
  }
}

/** A thread that hangs keeps the watchdog from being fed, and systemd starts the agent anew. */
function health(agent: Agent, log: Logger): string {
  const illness = agent.illness();
  if (illness === null) return `WATCHDOG=1\nSTATUS=${agent.summary}`;
  log.error(illness);
  return `STATUS=${illness}`;
}

/** The first signal asks for an orderly end; the second one gets it at once. */
function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    let isAsked = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (isAsked) process.exit(EXIT_FAILURE);
        isAsked = true;
        resolve(signal);
      });
    }
  });
}

/** The file's settings, or the defaults of a terminal, with the flags over them. Throws CONFIGURATION and USAGE. */
export async function configurationOf(given: AgentArguments, environment: NodeJS.ProcessEnv): Promise<AgentConfiguration> {
  const base = given.config === undefined
    ? { ...defaultConfiguration(), windowSeconds: INTERACTIVE_WINDOW_SECONDS }
    : parseConfiguration(await readConfiguration(given.config), given.config);
  const interfaces = given.interface?.split(',').map((name) => flag('--interface', name, INTERFACE)) ?? base.interfaces;
  const topology = given.topology ?? base.topology;
  const destination = destinationOf(given, base, environment);
  const stateDirectory = given.stateDirectory ?? base.stateDirectory ?? environment['STATE_DIRECTORY']?.split(':')[0] ?? null;
  if (topology === null && interfaces === null) requireManageable(given, destination.collector !== null, stateDirectory);
  const { capture } = base;
  return {
    ...base, topology, interfaces, ...destination,
    agentId: given.agentId ?? base.agentId,
    capture: {
      ...capture, method: given.capture ?? capture.method, filter: given.filter ?? capture.filter,
      snapLengthBytes: whole('--snaplen', given.snaplen, 64, 262_144) ?? capture.snapLengthBytes,
    },
    windowSeconds: given.window === undefined ? base.windowSeconds : flag('--window', given.window, WINDOW_SECONDS),
    graceSeconds: given.grace === undefined ? base.graceSeconds : flag('--grace', given.grace, GRACE_SECONDS),
    trafficType: given.trafficType ?? base.trafficType,
    // the end after a number of packets needs one counter
    workers: whole('--count', given.count, 1, Number.MAX_SAFE_INTEGER) === undefined ? whole('--workers', given.workers, 1, MAX_WORKERS) ?? base.workers : 1,
    tableCapacity: whole('--table-capacity', given.tableCapacity, MIN_TABLE_CAPACITY, MAX_TABLE_CAPACITY) ?? base.tableCapacity,
    metrics: given.metrics === undefined ? base.metrics : flag('--metrics', given.metrics, LISTEN),
    stateDirectory,
  };
}

/** Without topology and interfaces somebody else has to say what to watch. */
function requireManageable(given: AgentArguments, hasCollector: boolean, stateDirectory: string | null): void {
  if (!hasCollector) {
    throw new WeirError('USAGE', 'nothing to watch: name an interface (-i eth0), a topology (--topology vpc.yaml), a collector that says what (--collector URL) or a configuration (--config agent.yaml)');
  }
  for (const [name, value] of [['--window', given.window], ['--traffic-type', given.trafficType], ['--logstore', given.logstore]] as const) {
    if (value !== undefined) throw new WeirError('USAGE', `${name} is decided by the flow logs, because without -i and --topology the collector manages this agent; leave it out`);
  }
  if (stateDirectory === null) {
    throw new WeirError('CONFIGURATION', 'an agent that the collector manages keeps its token and its assignment: give it a state-directory, or name what to watch (-i eth0, --topology vpc.yaml)');
  }
}

function destinationOf(given: AgentArguments, base: AgentConfiguration, environment: NodeJS.ProcessEnv): Pick<AgentConfiguration, 'collector' | 'output'> {
  fieldNames(given.fields);
  const output = {
    ...base.output, file: given.output ?? base.output.file, format: given.json ? 'json' as const : given.format ?? base.output.format,
    fields: given.fields ?? base.output.fields,
  };
  const url = given.collector === undefined ? base.collector?.url : flag('--collector', given.collector, COLLECTOR_URL);
  // a flag about printing turns shipping off for this run
  if (url === undefined || (given.collector === undefined && given.output !== undefined)) return { collector: null, output };
  const defaults = { ca: null, clientCert: null, clientKey: null, enrolTokenFile: null, waitingBytes: DEFAULT_WAITING_BYTES, spoolDirectory: null, spoolBytes: DEFAULT_SPOOL_BYTES, tokenFile: null, logStore: null };
  const enrolTokenFile = given.enrolTokenFile ?? base.collector?.enrolTokenFile ?? null;
  // who says that the agent shall enrol does not mean the token of the shell
  const tokenFile = given.tokenFile ?? base.collector?.tokenFile ?? (enrolTokenFile === null ? environment['WEIR_TOKEN_FILE'] ?? null : null);
  return { collector: { ...defaults, ...base.collector, url, tokenFile, enrolTokenFile, logStore: given.logstore ?? base.collector?.logStore ?? null }, output };
}

function flag<T>(name: string, text: string, kind: TextKind<T>): T {
  const value = kind.parse(text);
  if (value === null) throw new WeirError('USAGE', `${name} is ${JSON.stringify(text)}, which is not ${kind.expected}`);
  return value;
}

/** yargs turns text that is no number into NaN and goes on. */
function whole(name: string, value: number | undefined, least: number, most: number): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return value;
  throw new WeirError('USAGE', `${name} is no whole number from ${least} to ${most}`);
}

async function readConfiguration(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new WeirError('CONFIGURATION', `the configuration ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
