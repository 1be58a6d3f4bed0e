import { readFile } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import { WeirError } from '../../shared/errors.ts';
import { parseTopology } from '../../shared/topology/parse.ts';
import { TOPOLOGY_KEYS } from '../../shared/topology/topology-document.ts';
import { isManaged } from '../config/agent-configuration.ts';
import { CONFIGURATION_KEYS, parseConfiguration } from '../config/parse-configuration.ts';
import { TopologyFile } from '../daemon/topology-file.ts';
import type { CommandLog } from '../../shared/command-log.ts';

interface ValidateArguments {
  files: string[];
}

/** `weir validate`: exit code 0, or 78 with everything that is wrong. */
export function validateCommand(log: CommandLog): CommandModule<object, ValidateArguments> {
  return {
    command: 'validate <files..>',
    describe: 'Check topologies and configurations of agents',
    builder: (yargs) => yargs.positional('files', { type: 'string', array: true, demandOption: true, describe: 'YAML files' }),
    handler: ({ files }) => validate(files, log),
  };
}

async function validate(paths: readonly string[], log: CommandLog): Promise<void> {
  const faults: string[] = [];
  for (const path of paths) {
    try {
      log.info(`${path}: ${await check(path)}`);
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      faults.push(error.message);
    }
  }
  if (faults.length > 0) throw new WeirError('CONFIGURATION', faults.join('\n'));
}

async function check(path: string): Promise<string> {
  const text = await read(path);
  if (!isConfiguration(text)) {
    const { enis, securityGroups, flowLogs } = parseTopology(text, path);
    return `a topology of ${enis.length} ENIs, ${securityGroups.length} security groups, ${flowLogs.length} flow logs`;
  }
  const configuration = parseConfiguration(text, path);
  if (isManaged(configuration)) return `a configuration of an agent that ${configuration.collector!.url} manages`;
  const { topology } = configuration;
  if (topology === null) return 'a configuration of an agent';
  const { enis } = new TopologyFile(topology).read();
  return `a configuration of an agent, with a topology of ${enis.length} ENIs`;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new WeirError('CONFIGURATION', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** By its keys: more of the one kind than of the other. */
function isConfiguration(text: string): boolean {
  const count = (keys: readonly string[]): number => keys.filter((key) => new RegExp(`^["']?${key}["']?\\s*:`, 'm').test(text)).length;
  return count(CONFIGURATION_KEYS.document) > count(TOPOLOGY_KEYS.document);
}
