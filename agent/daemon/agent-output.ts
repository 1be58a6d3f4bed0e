import type { AgentCredential } from '../assignment/agent-credential.ts';
import { isManaged, type AgentConfiguration, type CollectorSettings, type OutputSettings } from '../config/agent-configuration.ts';
import type { AgentMetrics } from '../metrics.ts';
import { RecordFormatter, fieldNames } from '../output/record-format.ts';
import { RecordWriter } from '../output/record-writer.ts';
import { DescriptorOutput } from '../output/text-output.ts';
import type { WindowSink } from '../seal/sealer.ts';
import { BatchPacker } from '../ship/batch-packer.ts';
import { readCollectorTls } from '../ship/collector-tls.ts';
import { Shipper } from '../ship/shipper.ts';
import { RecordFile } from './record-file.ts';
import { ShippingQueue } from './shipping-queue.ts';

const STANDARD_OUTPUT = 1;
/** In place of a LogStore: the records go where flow logs say, and nowhere else. */
const COVERED_ONLY = '-';

/** Where the agent's records go. */
export interface AgentOutput {
  readonly sink: WindowSink;
  /** For the log. */
  readonly destination: string;
  readonly shipping: ShippingQueue | null;
  /** On SIGHUP: files are opened anew, the token is read again. */
  reopen(): void;
  /** Everything out, within this time at most. */
  close(withinMs: number): Promise<void>;
}

export interface OutputLog {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** `credential`: null where nothing is shipped. */
export function openOutput(configuration: AgentConfiguration, epoch: number, credential: AgentCredential | null, metrics: AgentMetrics, log: OutputLog): AgentOutput {
  const { collector, output } = configuration;
  if (collector !== null && credential !== null) {
    const settings = isManaged(configuration) ? { ...collector, logStore: COVERED_ONLY } : collector;
    return collectorOutput(configuration.agentId, settings, epoch, credential, metrics, log);
  }
  return output.file === null ? standardOutput(output) : fileOutput(output, output.file, metrics, log);
}

function formatterOf(output: OutputSettings): RecordFormatter {
  return new RecordFormatter(output.format, fieldNames(output.fields ?? undefined));
}

function standardOutput(output: OutputSettings): AgentOutput {
  const writer = new RecordWriter(new DescriptorOutput(STANDARD_OUTPUT), formatterOf(output));
  return { sink: writer, destination: 'standard output', shipping: null, reopen: () => {}, close: async () => writer.flush() };
}

function fileOutput(output: OutputSettings, path: string, metrics: AgentMetrics, log: OutputLog): AgentOutput {
  const formatter = formatterOf(output);
  const { rotateBytes, rotatesDaily, keepFiles } = output;
  const file = new RecordFile({ path, header: formatter.header, rotateBytes, rotatesDaily, keepFiles, warn: (text) => log.error(text) });
  const writer = new RecordWriter(file, formatter, '');
  metrics.readGauge('weir_output_lost_characters', 'Characters of records that the disk did not take.', () => file.lostCharacters);
  return {
    sink: writer, destination: path, shipping: null,
    reopen: () => file.reopen(),
    close: async () => {
      writer.flush();
      file.close();
    },
  };
}

function collectorOutput(
  agentId: string, settings: CollectorSettings, epoch: number, credential: AgentCredential, metrics: AgentMetrics, log: OutputLog,
): AgentOutput {
  const { url, logStore } = settings;
  const ending = new AbortController();
  let isAway = false;
  const shipper = new Shipper({
    collector: url, agentId, epoch, logStore, retryForMs: Infinity, signal: ending.signal,
    get token() {
      return credential.token;
    },
    tls: readCollectorTls(settings),
    onRetry: (reason, waitMs) => {
      metrics.shipFailures.inc();
      (isAway ? log.info : log.warn)(`${url} does not take batches: ${reason}; next try in ${(waitMs / 1000).toFixed(1)} s`);
      isAway = true;
    },
  });
  const queue = new ShippingQueue(shipper, settings.waitingBytes, ending.signal, {
    sent: ({ windowStarts }, bytes) => {
      metrics.shippedBatches.inc();
      metrics.shippedBytes.inc(bytes);
      if (isAway) log.info(`${url} takes batches again, from the window of ${timeText(windowStarts[0])} on`);
      isAway = false;
    },
    refused: (text, waitMs) => {
      metrics.shipFailures.inc();
      isAway = true;
      log.error(`${text}; next try in ${waitMs / 1000} s`);
    },
    lost: (windowStarts, { rows, packets }, reason) => {
      metrics.lostRows.inc(rows);
      metrics.lostPackets.inc(packets);
      metrics.lostWindows.inc(windowStarts.length);
      log.error(`lost on the way to the collector: ${rows} records with ${packets} packets of the windows from ${windowStarts.map(timeText).join(', ')}: ${reason}`);
    },
  });
  const packer = new BatchPacker(async (gzipped, contents) => queue.add(gzipped, contents));
  metrics.readGauge('weir_ship_waiting_batches', 'Batches that wait for the collector.', () => queue.waitingBatches);
  metrics.readGauge('weir_ship_waiting_bytes', 'Their compressed bytes.', () => queue.waitingBytes);
  metrics.readGauge('weir_ship_lag_seconds', 'Age of the oldest window that waits for the collector; 0 if none does.', () => shipLagSeconds(queue));
  return {
    sink: packer, destination: url, shipping: queue,
    reopen: () => credential.readAgain(),
    close: async (withinMs) => {
      const timer = setTimeout(() => ending.abort(), withinMs);
      await packer.sent();
      await queue.drained();
      clearTimeout(timer);
      queue.abandon('the agent stops, and the collector did not take it in time');
      await shipper.close();
    },
  };
}

export function shipLagSeconds(queue: ShippingQueue): number {
  return queue.oldestWindowStart === null ? 0 : Math.max(0, Date.now() / 1000 - queue.oldestWindowStart);
}

function timeText(windowStart: number | undefined): string {
  return windowStart === undefined ? 'no time' : new Date(windowStart * 1000).toISOString().replace('.000Z', 'Z');
}
