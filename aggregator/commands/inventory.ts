import type { CommandModule } from 'yargs';
import { CollectorClient } from '../client/collector-client.ts';
import { collectorCommand, type CollectorArguments } from './command-group.ts';
import { print } from './printed.ts';

/** `weir inventory`: what the collector knows of the network, as weir apply takes it. */
export function inventoryCommand(): CommandModule {
  return collectorCommand<CollectorArguments>('inventory', 'Print the inventory as one document, as weir apply takes it', 'admin', (yargs) => yargs, inventory);
}

async function inventory(given: CollectorArguments): Promise<void> {
  const client = CollectorClient.from(given, process.env);
  const response = await client.open('GET', '/v1/inventory', { query: { format: given.json ? 'json' : 'yaml' } });
  const text = await response.body.text().catch((error: unknown) => { throw client.brokenOff(error); });
  if (response.headers['weir-revision'] === undefined) throw client.notACollector(text);
  await print(text.endsWith('\n') ? text : `${text}\n`);
}
