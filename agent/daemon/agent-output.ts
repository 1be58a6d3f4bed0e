import type { AgentCredential } from '../assignment/agent-credential.ts';
import { isManaged, type AgentConfiguration, type OutputSettings } from '../config/agent-configuration.ts';
import type { AgentMetrics } from '../metrics.ts';
import { RecordFormatter, fieldNames } from '../output/record-format.ts';
import { RecordWriter } from '../output/record-writer.ts';
import { DescriptorOutput } from '../output/text-output.ts';
import type { WindowSink } from '../seal/sealer.ts';
import { openCollectorOutput } from './collector-output.ts';
import { RecordFile } from './record-file.ts';
import type { OutputWindow } from './state-directory.ts';

const STANDARD_OUTPUT = 1;
/** In place of a LogStore: the records go where flow logs say, and nowhere else. */
const COVERED_ONLY = '-';

/** Where the agent's records go. */
export interface AgentOutput {
  readonly sink: WindowSink;
  /** For the log. */
  readonly destination: string;
  readonly shipping: WaitingOutput | null;
  /** What the output knows to be sealed, from before this start. */
  readonly sealed: readonly OutputWindow[];
  /** Number of the first frame after that. */
  readonly nextFrame: number;
  /** On SIGHUP: files are opened anew, the token is read again. */
  reopen(): void;
  /** Resolves when everything handed in so far outlives the process, or as much of it as ever will. */
  handedOn(): Promise<void>;
  /** Everything out, within this time at most. */
  close(withinMs: number): Promise<void>;
}

/** What waits for the collector. */
export interface WaitingOutput {
  readonly waitingBatches: number;
  readonly waitingBytes: number;
  /** Unix seconds; null: nothing waits. */
  readonly oldestWindowStart: number | null;
}

export interface OutputLog {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** `credential`: null where nothing is shipped. */
export async function openOutput(
  configuration: AgentConfiguration, nextEpoch: () => number, credential: AgentCredential | null, metrics: AgentMetrics, log: OutputLog,
): Promise<AgentOutput> {
  const { agentId, collector, output, stateDirectory } = configuration;
  if (collector !== null && credential !== null) {
    const settings = isManaged(configuration) ? { ...collector, logStore: COVERED_ONLY } : collector;
    return openCollectorOutput({ agentId, settings, credential, stateDirectory, nextEpoch, metrics, log });
  }
  return output.file === null ? standardOutput(output) : fileOutput(output, output.file, metrics, log);
}

function formatterOf(output: OutputSettings): RecordFormatter {
  return new RecordFormatter(output.format, fieldNames(output.fields ?? undefined));
}

const WRITTEN_AT_ONCE = { shipping: null, sealed: [], nextFrame: 0, handedOn: async (): Promise<void> => {} };

function standardOutput(output: OutputSettings): AgentOutput {
  const writer = new RecordWriter(new DescriptorOutput(STANDARD_OUTPUT), formatterOf(output));
  return { sink: writer, destination: 'standard output', ...WRITTEN_AT_ONCE, reopen: () => {}, close: async () => writer.flush() };
}

function fileOutput(output: OutputSettings, path: string, metrics: AgentMetrics, log: OutputLog): AgentOutput {
  const formatter = formatterOf(output);
  const { rotateBytes, rotatesDaily, keepFiles } = output;
  const file = new RecordFile({ path, header: formatter.header, rotateBytes, rotatesDaily, keepFiles, warn: (text) => log.error(text) });
  const writer = new RecordWriter(file, formatter, '');
  metrics.readGauge('weir_output_lost_characters', 'Characters of records that the disk did not take.', () => file.lostCharacters);
  return {
    sink: writer, destination: path, ...WRITTEN_AT_ONCE,
    reopen: () => file.reopen(),
    close: async () => {
      writer.flush();
      file.close();
    },
  };
}
