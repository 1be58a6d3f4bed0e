import { readFileSync } from 'node:fs';
import type { Argv, CommandModule } from 'yargs';
import { refusedBySystem } from '../../shared/errors.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import type { CommandLog } from '../../shared/command-log.ts';
import { withClientOptions, type ClientOptions } from '../client/client-options.ts';
import { CollectorClient } from '../client/collector-client.ts';

interface ApplyArguments extends ClientOptions {
  file: string;
  json: boolean;
}

/** `weir apply -f vpc.yaml`: what is wrong with the file is told before anything is sent. */
export function applyCommand(log: CommandLog): CommandModule<object, ApplyArguments> {
  return {
    command: 'apply',
    describe: 'Send the inventory (networks, security groups, ENIs, flow logs) to the collector',
    builder: (yargs) => withClientOptions(yargs, 'admin')
      .option('file', { alias: 'f', type: 'string', demandOption: true, requiresArg: true, describe: 'YAML document; - is standard input' })
      .option('json', { type: 'boolean', default: false, describe: 'print the answer as JSON' }) as unknown as Argv<ApplyArguments>,
    handler: (given) => runApply(given, log),
  };
}

async function runApply(given: ApplyArguments, log: CommandLog): Promise<void> {
  const text = readDocument(given.file);
  const topology = parseTopology(text, given.file);
  const client = CollectorClient.from(given, process.env);
  const answer = await client.json<{ revision: number; changed: boolean }>(['revision', 'changed'], 'PUT', '/v1/inventory', { yaml: text });
  if (given.json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  const contents = `${topology.enis.length} ENIs, ${topology.securityGroups.length} security groups, ${topology.flowLogs.length} flow logs`;
  log.info(`${answer.changed ? 'applied' : 'nothing to change'}: ${contents}; rule-set revision ${answer.revision}`);
}

function readDocument(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (cause) {
    throw refusedBySystem('CONFIGURATION', `the inventory ${path} cannot be read`, cause);
  }
}
