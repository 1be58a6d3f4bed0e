import type { Argv, CommandModule } from 'yargs';
import type { Logger } from 'winston';
import { parseSeconds } from '../shared/duration.ts';
import { DEFAULT_AGGREGATION_DELAY_MS, startCollector } from './collector.ts';
import { isLoopback, parseListenAddress } from './listen-address.ts';

export { startCollector, type Collector, type CollectorOptions } from './collector.ts';

interface CollectorArguments {
  data: string;
  listen: string;
  aggregationDelay: string;
}

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
      }) as unknown as Argv<CollectorArguments>,
    handler: (given) => runCollector(given, log),
  };
}

async function runCollector({ data, listen, aggregationDelay }: CollectorArguments, log: Logger): Promise<void> {
  const address = parseListenAddress(listen);
  const aggregationDelayMs = parseSeconds(aggregationDelay, '--aggregation-delay') * 1000;
  // Before the start: a signal in the midst of it stops the collector too.
  const ended = untilSignal();
  const collector = await startCollector({ data, ...address, aggregationDelayMs, log });
  log.info(`collector on ${collector.url}, data in ${data}; the admin token is in ${collector.adminTokenFile}`);
  if (!isLoopback(address)) log.warn(`${collector.url} is open to other hosts without TLS: tokens and records pass in clear`);
  log.info(`${await ended}: stopping`);
  await collector.stop();
}

function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve(signal));
  });
}
