import type { Argv, CommandModule } from 'yargs';
import type { Logger } from 'winston';
import { parseBytes } from '../shared/byte-size.ts';
import { parseSeconds } from '../shared/duration.ts';
import { WeirError } from '../shared/errors.ts';
import { DEFAULT_AGGREGATION_DELAY_MS, startCollector, type Collector } from './collector.ts';
import { DEFAULT_AUDIT_BYTES, LEAST_AUDIT_BYTES } from './control/audit-log.ts';
import { DEFAULT_FLOW_LOG_QUOTA } from './control/state-change.ts';
import { isLoopback, parseListenAddress } from './listen-address.ts';
import { TIME_PRECISIONS, type TimePrecision } from './logstore/file-columns.ts';
import { guardSecrets } from './process-secrets.ts';
import type { TlsFiles } from './tls.ts';

export { startCollector, type Collector, type CollectorOptions } from './collector.ts';

interface CollectorArguments {
  data: string;
  listen: string;
  aggregationDelay: string;
  flowLogQuota: number;
  diskFloor: string | undefined;
  auditSize: string;
  timePrecision: TimePrecision;
  tlsCert: string | undefined;
  tlsKey: string | undefined;
  tlsClientCa: string | undefined;
}

const MIB = 1024 * 1024;

/** `weir collector`: runs until SIGINT or SIGTERM. */
export function collectorCommand(log: Logger): CommandModule<object, CollectorArguments> {
  return {
    command: 'collector',
    describe: 'Receive from agents, keep LogStores, answer queries',
    builder: (yargs) => yargs
      .option('data', { type: 'string', demandOption: true, requiresArg: true, describe: 'directory of everything that is kept; made if it is not there' })
      .option('listen', { type: 'string', default: '127.0.0.1:8790', requiresArg: true, describe: 'address and port of the API' })
      .option('aggregation-delay', {
        type: 'string', default: `${DEFAULT_AGGREGATION_DELAY_MS / 1000}s`, requiresArg: true, describe: 'publish a window so long after its end even if seals are missing',
      })
      .option('time-precision', {
        choices: TIME_PRECISIONS, default: 'us', requiresArg: true, describe: 'of first-seen and last-seen in LogStores; ms takes a fifth less room',
      })
      .option('flow-log-quota', { type: 'number', default: DEFAULT_FLOW_LOG_QUOTA, requiresArg: true, describe: 'flow logs that there may be in a region' })
      .option('disk-floor', { type: 'string', requiresArg: true, describe: 'take no batches while the disk has less room than this, such as 5GiB; unless given, 1GiB or a twentieth of the disk, whichever is less' })
      .option('audit-size', { type: 'string', default: `${DEFAULT_AUDIT_BYTES / MIB}MiB`, requiresArg: true, describe: 'of the audit log; beyond it the oldest entries go' })
      .option('tls-cert', { type: 'string', requiresArg: true, implies: 'tls-key', describe: 'PEM file of the certificate: serve https. Read again on SIGHUP' })
      .option('tls-key', { type: 'string', requiresArg: true, implies: 'tls-cert', describe: 'PEM file of its key' })
      .option('tls-client-ca', { type: 'string', requiresArg: true, implies: 'tls-cert', describe: 'PEM file of an authority: clients need a certificate that it signed, besides their token' }) as unknown as Argv<CollectorArguments>,
    handler: (given) => runCollector(given, log),
  };
}

async function runCollector(given: CollectorArguments, log: Logger): Promise<void> {
  const { data, listen, flowLogQuota, aggregationDelay, timePrecision } = given;
  const address = parseListenAddress(listen);
  const tls = tlsFiles(given);
  const aggregationDelayMs = parseSeconds(aggregationDelay, '--aggregation-delay') * 1000;
  if (!Number.isSafeInteger(flowLogQuota) || flowLogQuota < 0) throw new WeirError('USAGE', '--flow-log-quota takes a whole number from 0');
  const diskFloorBytes = given.diskFloor === undefined ? undefined : parseBytes(given.diskFloor);
  if (diskFloorBytes === null) throw new WeirError('USAGE', `--disk-floor is ${JSON.stringify(given.diskFloor)}; it takes a size such as 512MiB or 5GiB`);
  const auditBytes = parseBytes(given.auditSize);
  if (auditBytes === null || auditBytes < LEAST_AUDIT_BYTES) throw new WeirError('USAGE', `--audit-size is ${JSON.stringify(given.auditSize)}; it takes a size from ${LEAST_AUDIT_BYTES / MIB}MiB, such as 256MiB`);
  await guardSecrets();
  // Before the start: a signal in the midst of it stops the collector too.
  const ended = untilSignal();
  const collector = await startCollector({ data, ...address, aggregationDelayMs, timePrecision, flowLogQuota, auditBytes, log, ...(diskFloorBytes === undefined ? {} : { diskFloorBytes }), ...(tls ? { tls } : {}) });
  log.info(`collector on ${collector.url}, data in ${data}; the admin token is in ${collector.adminTokenFile}`);
  if (tls) process.on('SIGHUP', () => reloadTls(collector, log));
  else if (!isLoopback(address)) log.warn(`${collector.url} is open to other hosts without TLS: tokens and records pass in clear`);
  log.info(`${await ended}: stopping`);
  await collector.stop();
}

function tlsFiles({ tlsCert, tlsKey, tlsClientCa }: CollectorArguments): TlsFiles | null {
  return tlsCert === undefined || tlsKey === undefined ? null : { cert: tlsCert, key: tlsKey, clientCa: tlsClientCa ?? null };
}

function reloadTls(collector: Collector, log: Logger): void {
  try {
    log.info(`SIGHUP: the certificate was read again and is valid until ${collector.reloadTls()?.toISOString() ?? ''}`);
  } catch (error) {
    log.error(`SIGHUP: the certificate before stays: ${(error as Error).message}`);
  }
}

function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve(signal));
  });
}
