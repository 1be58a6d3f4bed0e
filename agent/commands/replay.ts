import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Argv, CommandModule } from 'yargs';
import { accessToken } from '../../shared/access-token.ts';
import type { CommandLog } from '../../shared/command-log.ts';
import { parseSeconds } from '../../shared/duration.ts';
import { EXIT_FAILURE, WeirError, refusedBySystem } from '../../shared/errors.ts';
import type { Seal } from '../../shared/seal.ts';
import { parsePlainTopology } from '../../shared/topology/topology-document.ts';
import { DEFAULT_TOPOLOGY, type Topology, type TrafficType } from '../../shared/topology/topology.ts';
import { RECORD_FORMATS, fieldNames, type RecordFormat } from '../output/record-format.ts';
import { DescriptorOutput, type TextOutput } from '../output/text-output.ts';
import { DEFAULT_GRACE_SECONDS, DEFAULT_TABLE_CAPACITY } from '../pipeline.ts';
import { MAX_WORKERS, helpfulWorkers } from '../parallel/helpful-workers.ts';
import { startTableWorker } from '../parallel/table-worker-start.ts';
import { REPLAY_AGENT_ID, replayToCollector, replayToText, type ReplayOptions, type ReplaySummary } from '../replay.ts';

const STANDARD_OUTPUT = 1;

interface ReplayArguments {
  files: string[] | undefined;
  read: string[] | undefined;
  topology: string | undefined;
  window: string;
  grace: string;
  format: RecordFormat;
  json: boolean;
  fields: string | undefined;
  trafficType: TrafficType;
  count: number | undefined;
  tableCapacity: number;
  workers: number | undefined;
  seals: string | undefined;
  collector: string | undefined;
  tokenFile: string | undefined;
  agentId: string;
  logstore: string | undefined;
  retryFor: string;
  quiet: boolean;
}

export function replayCommand(log: CommandLog): CommandModule<object, ReplayArguments> {
  return {
    command: 'replay [files..]',
    describe: 'Capture files (or - for standard input) through the agent: records to stdout, or shipped to a collector',
    builder: (yargs) => options(yargs),
    handler: (given) => runReplay(given, log),
  };
}

function options(yargs: Argv): Argv<ReplayArguments> {
  return (
    yargs
      .positional('files', { type: 'string', array: true, describe: 'pcap or pcapng files, plain or gzip; - is standard input' })
      .option('read', { alias: 'r', type: 'string', array: true, requiresArg: true, describe: 'a capture file, as tcpdump -r' })
      .option('topology', { alias: 't', type: 'string', requiresArg: true, describe: 'YAML file with ENIs and security groups' })
      .option('window', { type: 'string', default: '600s', requiresArg: true, describe: 'length of a window' })
      .option('grace', { type: 'string', default: `${DEFAULT_GRACE_SECONDS}s`, requiresArg: true, describe: 'how late a packet may be for its window' })
      .option('format', { choices: RECORD_FORMATS, default: 'text' as const, describe: 'how records are printed' })
      .option('json', { type: 'boolean', default: false, describe: 'the same as --format json' })
      .option('fields', { type: 'string', requiresArg: true, describe: 'names with commas; default, all' })
      .option('traffic-type', { choices: ['All', 'Allow', 'Drop'] as const, default: 'All' as const, describe: 'which records to keep' })
      .option('count', { alias: 'c', type: 'number', requiresArg: true, describe: 'stop after this many packets' })
      .option('n', { type: 'boolean', describe: 'accepted as in tcpdump: addresses are always numbers' })
      .option('table-capacity', { type: 'number', default: DEFAULT_TABLE_CAPACITY, requiresArg: true, describe: 'flows kept in memory at a time' })
      .option('workers', { type: 'number', requiresArg: true, describe: 'threads; default, as many as help' })
      .option('seals', { type: 'string', requiresArg: true, describe: 'write what each window holds and lacks to this file, one JSON object a line' })
      .option('collector', { type: 'string', requiresArg: true, describe: 'ship to this collector, such as http://127.0.0.1:8790' })
      .option('token-file', { type: 'string', requiresArg: true, describe: 'file with the token for the collector (or WEIR_TOKEN, WEIR_TOKEN_FILE)' })
      .option('agent-id', { type: 'string', default: REPLAY_AGENT_ID, requiresArg: true, describe: 'the name under which records are shipped' })
      .option('logstore', { type: 'string', requiresArg: true, describe: 'LogStore of records that no flow log covers' })
      .option('retry-for', { type: 'string', default: '30s', requiresArg: true, describe: 'how long to try while the collector does not answer' })
      .option('quiet', { alias: 'q', type: 'boolean', default: false, describe: 'no summary on stderr' })
      .check((given: Record<string, unknown>) => {
      if (!arrayOf(given['files']).length && !arrayOf(given['read']).length) throw new Error('name at least one capture file, or - for standard input');
      if (given['count'] !== undefined && !isWhole(given['count'], 1, Number.MAX_SAFE_INTEGER)) throw new Error(`--count is ${String(given['count'])}; it takes a whole number above 0`);
      if (!isWhole(given['table-capacity'], 16, 2 ** 24)) {
        throw new Error(`--table-capacity is ${String(given['table-capacity'])}; it takes a whole number from 16 to ${2 ** 24}`);
      }
      if (given['workers'] !== undefined && !isWhole(given['workers'], 1, MAX_WORKERS)) {
        throw new Error(`--workers is ${String(given['workers'])}; it takes 1 to ${MAX_WORKERS}`);
      }
      return true;
      }) as unknown as Argv<ReplayArguments>
  );
}

function arrayOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** yargs turns text that is no number into NaN and goes on. */
function isWhole(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

async function runReplay(given: ReplayArguments, log: CommandLog): Promise<void> {
  const paths = [...(given.files ?? []), ...(given.read ?? [])];
  const workers = given.workers ?? helpfulWorkers(paths);
  const tableWorker = workers > 1 ? startTableWorker() : undefined;
  const replayOptions: ReplayOptions = {
    topology: await readTopology(given.topology),
    windowSeconds: windowSeconds(given.window),
    graceSeconds: parseSeconds(given.grace, '--grace'),
    trafficType: given.trafficType,
    tableCapacity: given.tableCapacity,
    agentId: given.agentId,
    workers, tableWorker,
    ...(given.count === undefined ? {} : { maxPackets: given.count }),
  };
  const tally = new SealTally(given.seals);
  let summary: ReplaySummary;
  if (given.collector === undefined) {
    const format = given.json ? 'json' : given.format;
    summary = await replayToText(paths, replayOptions, new DescriptorOutput(STANDARD_OUTPUT), format, fieldNames(given.fields), (seals) => tally.add(seals));
  } else {
    summary = await replayToCollector(paths, replayOptions, {
      collector: given.collector,
      token: accessToken(given.tokenFile, process.env, (path) => readFileSync(path, 'utf8')),
      agentId: given.agentId,
      epoch: Date.now(),
      logStore: given.logstore ?? null,
      retryForMs: parseSeconds(given.retryFor, '--retry-for') * 1000,
      onRetry: (reason, waitMs) => log.warn(`${reason}; next try in ${(waitMs / 1000).toFixed(1)} s`),
    }, (seals) => tally.add(seals));
  }
  tally.end();
  for (const damage of summary.damaged) log.warn(`${damage.path}: damaged at byte ${damage.offset}: ${damage.reason}; all packets before it are recorded`);
  if (summary.damaged.length > 0) process.exitCode = EXIT_FAILURE;
  if (!given.quiet) log.info(tally.describe(summary));
}

function windowSeconds(text: string): number {
  const seconds = parseSeconds(text, '--window');
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400) {
    throw new WeirError('USAGE', `--window is ${text}; windows are whole seconds from 1s to 24h`);
  }
  return seconds;
}

async function readTopology(path: string | undefined): Promise<Topology> {
  if (path === undefined) return DEFAULT_TOPOLOGY;
  try {
    const text = readFileSync(path, 'utf8');
    // the library only where it is needed: it takes longer to load than a million packets
    return parsePlainTopology(text, path) ?? (await import('../../shared/topology/parse.ts')).parseTopology(text, path);
  } catch (error) {
    if (error instanceof WeirError) throw error;
    throw refusedBySystem('CONFIGURATION', `the topology ${path} cannot be read`, error);
  }
}

interface SealFile {
  readonly descriptor: number;
  readonly output: TextOutput;
}

function openSealFile(path: string): SealFile {
  try {
    const descriptor = openSync(path, 'w');
    return { descriptor, output: new DescriptorOutput(descriptor, path) };
  } catch (error) {
    throw refusedBySystem('STORAGE', `${path} cannot be written`, error);
  }
}

/** Adds seals up for the summary, and writes them down where asked to. */
class SealTally {
  private readonly file: SealFile | null;
  private seals = 0;
  private records = 0;
  private recorded = 0;
  private seen = 0;
  private filtered = 0;
  private nonIp = 0;
  private late = 0;
  private readonly undecodable = new Map<string, number>();

  constructor(path: string | undefined) {
    this.file = path === undefined ? null : openSealFile(path);
  }

  add(seals: Seal[]): void {
    for (const seal of seals) {
      this.seals++;
      this.records += seal.records;
      this.recorded += seal.packets;
      this.seen += seal.packetsSeen;
      this.filtered += seal.filteredPackets;
      this.nonIp += seal.nonIpPackets;
      this.late += seal.latePackets;
      for (const [reason, count] of Object.entries(seal.undecodable)) this.undecodable.set(reason, (this.undecodable.get(reason) ?? 0) + count);
      this.file?.output.write(`${JSON.stringify(seal)}\n`);
    }
  }

  end(): void {
    if (this.file) closeSync(this.file.descriptor);
  }

  describe(summary: ReplaySummary): string {
    const parts = [`${this.recorded} in ${this.records} records`];
    if (this.filtered > 0) parts.push(`${this.filtered} left out by the traffic type`);
    if (this.nonIp > 0) parts.push(`${this.nonIp} without IP`);
    for (const [reason, count] of this.undecodable) parts.push(`${count} ${reason}`);
    if (this.late > 0) parts.push(`${this.late} too late for their window`);
    const elsewhere = summary.unmatchedPackets > 0 ? `; ${summary.unmatchedPackets} packets passed no ENI` : '';
    return `${summary.packets} packets read, ${this.seen} seen at ENIs over ${this.seals} ENI windows: ${parts.join(', ')}${elsewhere}`;
  }
}
